"""Readers sign in by a mailed link that works once, stay signed in by a secret that is stored hashed, and can sign out."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from string import ascii_letters, digits
from typing import Any

import pytest
from sqlalchemy import select

from newsletter import db
from newsletter.db.models import Notice, SignIn, Subscriber
from newsletter.errors import Refused
from newsletter.jobs import lapse
from newsletter.links import Links
from newsletter.settings import Settings
from newsletter.stories.topic_words import TOPICS
from newsletter.subscribers import operators, preferences, rate_limits, signin, tokens
from newsletter.subscribers.signup import FormRequest
from newsletter.subscribers.tokens import (
    CONFIRM,
    DESK,
    MAX_AGE,
    SIGNIN,
    UNSUBSCRIBE,
    ExpiredToken,
    ForgedToken,
    GoneToken,
    TokenError,
    fingerprint,
    subject_of,
)
from tests.subscribers.readers import make_reader, tokens_at

LINKS = Links("http://127.0.0.1:8000")
TODAY = date(2026, 3, 2)


def _ask(sessions: db.Sessions, settings: Settings, now: datetime, address: str = "ann@example.com") -> None:
    with sessions.begin() as session:
        signin.ask_for_link(session, FormRequest(address), settings=settings, now=now)


def _token(reader: Subscriber, now: datetime, salt: str = "0123456789abcdef", purpose: str = SIGNIN) -> str:
    """The token of a sign-in link as ``notices`` makes it."""
    return tokens_at(now).make(purpose, f"{subject_of(reader.id, reader.address_hash)}.{salt}")


def _in(sessions: db.Sessions, token: str, now: datetime, *, instead_of: str = "") -> str:
    with sessions.begin() as session:
        return signin.sign_in(session, token, tokens=tokens_at(now), now=now, instead_of=instead_of)


def _who(sessions: db.Sessions, secret: str, now: datetime) -> int | None:
    with db.reading(sessions) as session:
        found = signin.reader_of(session, secret, now=now)
        return found.id if found else None


def _notices(sessions: db.Sessions) -> list[Notice]:
    with db.reading(sessions) as session:
        return list(session.scalars(select(Notice).order_by(Notice.id)))


def test_a_reader_is_mailed_one_link_however_often_somebody_asks_within_two_minutes(
    each_sessions: db.Sessions, settings: Settings, now: datetime
) -> None:
    reader = make_reader(each_sessions, now)
    for second in (0, 1, 119):
        _ask(each_sessions, settings, now + timedelta(seconds=second), "ANN@Example.com ")
    (notice,) = _notices(each_sessions)
    assert (notice.kind, notice.subscriber_id, notice.values) == ("signin", reader.id, {})
    assert "ann" not in notice.key
    _ask(each_sessions, settings, now + signin.ONE_LINK_PER)
    assert len(_notices(each_sessions)) == 2


def test_a_reader_gets_so_many_links_an_hour_and_a_day_and_others_get_theirs(
    each_sessions: db.Sessions, settings: Settings, now: datetime
) -> None:
    make_reader(each_sessions, now)
    bob = make_reader(each_sessions, now, "bob@example.com")
    for minute in range(0, 60, 2):
        _ask(each_sessions, settings, now + timedelta(minutes=minute))
    assert len(_notices(each_sessions)) == signin.LINKS_AN_HOUR
    _ask(each_sessions, settings, now + timedelta(minutes=59), "bob@example.com")
    assert _notices(each_sessions)[-1].subscriber_id == bob.id
    _ask(each_sessions, settings, now + timedelta(minutes=62))
    assert len(_notices(each_sessions)) == signin.LINKS_AN_HOUR + 2
    for hour in range(2, 23):
        _ask(each_sessions, settings, now + timedelta(hours=hour))
    assert len(_notices(each_sessions)) == signin.LINKS_A_DAY + 1
    _ask(each_sessions, settings, now + timedelta(hours=25))
    assert len(_notices(each_sessions)) == signin.LINKS_A_DAY + 2


def test_the_whole_site_has_a_cap(
    sessions: db.Sessions, settings: Settings, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signin, "MAILS_AN_HOUR", 3)
    for n in range(5):
        make_reader(sessions, now, f"r{n}@example.com")
        _ask(sessions, settings, now, f"r{n}@example.com")
    assert len(_notices(sessions)) == 3
    _ask(sessions, settings, now + timedelta(hours=1), "r4@example.com")
    assert len(_notices(sessions)) == 4


def test_who_is_no_reader_yet_gets_one_mail_too_and_the_same_number_of_them(
    each_sessions: db.Sessions, settings: Settings, now: datetime
) -> None:
    make_reader(each_sessions, now)
    make_reader(each_sessions, now, "waiting@example.com", confirmed_at=None, hour=21, zone="Asia/Tokyo")
    for address in ("ann@example.com", "bob@example.com", "waiting@example.com"):
        _ask(each_sessions, settings, now, address)
    assert [n.kind for n in _notices(each_sessions)] == ["signin", "confirm", "confirm"]
    with db.reading(each_sessions) as session:
        readers = session.scalars(select(Subscriber).order_by(Subscriber.id)).all()
    assert [(r.confirmed_at is None, r.hour, r.zone) for r in readers[1:]] == [
        (True, 21, "Asia/Tokyo"),
        (True, 6, "America/New_York"),
    ]
    assert readers[2].consent_from == "signin"


@pytest.mark.parametrize("address", ["no address", "", "a\x00@example.com"])
def test_what_is_no_address_leaves_no_trace(
    sessions: db.Sessions, settings: Settings, now: datetime, address: str
) -> None:
    _ask(sessions, settings, now, address)
    assert _notices(sessions) == []


def test_a_network_past_its_limit_gets_its_links_later_and_others_at_once(
    each_sessions: db.Sessions, settings: Settings, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(rate_limits.LIMITS, rate_limits.SIGNIN, rate_limits.RateLimit(3, timedelta(hours=1)))
    for n in range(5):
        make_reader(each_sessions, now, f"r{n}@example.com")
        with each_sessions.begin() as session:
            request = FormRequest(f"r{n}@example.com", network="203.0.113.9")
            signin.ask_for_link(session, request, settings=settings, now=now)
    waits = [n.due_at - now for n in _notices(each_sessions)]
    assert waits == [timedelta(0)] * 3 + [timedelta(hours=1)] * 2
    with each_sessions.begin() as session:
        other = FormRequest("r4@example.com", network="198.51.100.7")
        signin.ask_for_link(session, other, settings=settings, now=now)
    assert [n.due_at for n in _notices(each_sessions)].count(now) == 4


def test_an_old_secret_is_exchanged_and_a_single_browser_signed_out(
    each_sessions: db.Sessions, now: datetime
) -> None:
    reader, bob = make_reader(each_sessions, now), make_reader(each_sessions, now, "bob@example.com")
    secret = _in(each_sessions, _token(reader, now), now)
    other = _in(each_sessions, _token(reader, now, salt="another-salt-16b"), now)
    young, old = now + timedelta(hours=1), now + timedelta(days=2)
    with each_sessions.begin() as session:
        assert signin.rotate(session, secret, now=young) is None
        fresh = signin.rotate(session, secret, now=old)
        assert fresh is not None
        assert signin.rotate(session, secret, now=old) is None  # the old one is worth nothing now
    assert _who(each_sessions, secret, old) is None
    assert _who(each_sessions, fresh, old) == reader.id
    assert _who(each_sessions, fresh, now + signin.SIGNED_IN_FOR) is None  # it lasts no longer than before
    with each_sessions.begin() as session:
        held = {s.secret_hash: s.id for s in signin.signed_in(session, reader.id, now=old)}
        assert set(held) == {fingerprint(fresh), fingerprint(other)}
        assert signin.sign_out_one(session, bob.id, held[fingerprint(other)], now=old) == 0  # not theirs
        assert signin.sign_out_one(session, reader.id, held[fingerprint(other)], now=old) == 1
    assert _who(each_sessions, other, old) is None


def test_who_unsubscribed_can_still_sign_in(sessions: db.Sessions, settings: Settings, now: datetime) -> None:
    make_reader(sessions, now, unsubscribed_at=now)
    _ask(sessions, settings, now)
    assert [n.kind for n in _notices(sessions)] == ["signin"]


def test_a_link_signs_in_once_and_only_a_hash_is_kept(each_sessions: db.Sessions, now: datetime) -> None:
    reader = make_reader(each_sessions, now)
    token = _token(reader, now)
    secret = _in(each_sessions, token, now)
    assert _who(each_sessions, secret, now) == reader.id
    with pytest.raises(TokenError, match="used already"):
        _in(each_sessions, token, now)
    with db.reading(each_sessions) as session:
        kept = session.scalars(select(SignIn)).one()
        assert signin.is_used(session, token)
    assert kept.secret_hash == fingerprint(secret) != secret
    assert (kept.subscriber_id, kept.operator_id) == (reader.id, None)


@pytest.mark.parametrize("purpose", [SIGNIN, DESK])
def test_a_used_link_spelled_another_way_is_used_all_the_same(
    sessions: db.Sessions, now: datetime, purpose: str
) -> None:
    """The last letter of a signature has two bits that mean nothing, and reading passes over what is no letter of base64."""
    ours = tokens_at(now)
    if purpose == SIGNIN:
        token = _token(make_reader(sessions, now), now)
    else:
        with sessions.begin() as session:
            ed = operators.add(session, "ed@example.com", now=now)
            token = operators.signin_link(ed, tokens=ours, links=LINKS).rpartition("/")[2]
    same = [*(token[:-1] + letter for letter in ascii_letters + digits + "-_"), f"{token}=", f"{token}~!"]
    same = [other for other in same if other != token and _reads(purpose, other, now)]
    assert len(same) == 5
    sign_in = signin.sign_in if purpose == SIGNIN else operators.sign_in
    with sessions.begin() as session:
        sign_in(session, token, tokens=ours, now=now)
    for other in same:
        with pytest.raises(TokenError, match="used already"), sessions.begin() as session:
            sign_in(session, other, tokens=ours, now=now)
        with db.reading(sessions) as session:
            assert signin.is_used(session, other)


def test_a_used_link_of_a_clock_that_was_ahead_is_remembered_for_as_long_as_it_lives(
    sessions: db.Sessions, settings: Settings, now: datetime
) -> None:
    ahead = tokens.MAX_CLOCK_SKEW - timedelta(minutes=1)
    token = _token(make_reader(sessions, now), now + ahead)
    _in(sessions, token, now)
    at_last = now + ahead + MAX_AGE[SIGNIN] - timedelta(minutes=1)
    assert _reads(SIGNIN, token, at_last)
    lapse.run(sessions, settings, now=at_last)
    with pytest.raises(TokenError, match="used already"):
        _in(sessions, token, at_last)


def _reads(purpose: str, token: str, now: datetime) -> bool:
    try:
        tokens_at(now).read(purpose, token)
    except TokenError:
        return False
    return True


def test_looking_at_a_link_spends_nothing(each_sessions: db.Sessions, now: datetime) -> None:
    reader = make_reader(each_sessions, now)
    token = _token(reader, now)
    for _ in range(3):
        with db.reading(each_sessions) as session:
            assert signin.reader_in(session, token, tokens=tokens_at(now)).id == reader.id
            assert not signin.is_used(session, token)
    assert _who(each_sessions, _in(each_sessions, token, now), now) == reader.id


def test_links_that_do_not_sign_in(sessions: db.Sessions, now: datetime) -> None:
    reader = make_reader(sessions, now)
    other_life = MAX_AGE[SIGNIN]
    assert other_life is not None
    cases: list[tuple[str, datetime, type[TokenError]]] = [
        (_token(reader, now), now + other_life + timedelta(seconds=2), ExpiredToken),
        (_token(reader, now, purpose=CONFIRM), now, ForgedToken),
        (_token(reader, now, purpose=UNSUBSCRIBE), now, ForgedToken),
        (_token(reader, now, purpose=DESK), now, ForgedToken),
        (_token(reader, now)[:-2], now, ForgedToken),
        ("", now, ForgedToken),
        (tokens_at(now).make(SIGNIN, "no number.x"), now, ForgedToken),
        (tokens_at(now).make(SIGNIN, f"999.{'0' * 16}.x"), now, GoneToken),
        (tokens_at(now).make(SIGNIN, f"{reader.id}.{'0' * 16}.x"), now, GoneToken),
    ]
    for token, moment, refusal in cases:
        with pytest.raises(refusal):
            _in(sessions, token, moment)
    with db.reading(sessions) as session:
        assert session.scalars(select(SignIn)).all() == []


def test_signing_in_ends_what_this_browser_had_and_nothing_else(
    each_sessions: db.Sessions, now: datetime
) -> None:
    reader = make_reader(each_sessions, now)
    planted = _in(each_sessions, _token(reader, now, "a" * 16), now)
    elsewhere = _in(each_sessions, _token(reader, now, "b" * 16), now)
    fresh = _in(each_sessions, _token(reader, now, "c" * 16), now, instead_of=planted)
    assert len({planted, elsewhere, fresh}) == 3
    assert _who(each_sessions, planted, now) is None
    assert _who(each_sessions, elsewhere, now) == _who(each_sessions, fresh, now) == reader.id


def test_signing_out_here_and_everywhere(each_sessions: db.Sessions, now: datetime) -> None:
    ann = make_reader(each_sessions, now)
    bob = make_reader(each_sessions, now, "bob@example.com")
    here, there, phone = (_in(each_sessions, _token(ann, now, c * 16), now) for c in "abc")
    of_bob = _in(each_sessions, _token(bob, now), now)
    with each_sessions.begin() as session:
        signin.sign_out(session, here, now=now)
    assert [_who(each_sessions, s, now) for s in (here, there, phone, of_bob)] == [
        None,
        ann.id,
        ann.id,
        bob.id,
    ]
    with each_sessions.begin() as session:
        assert signin.sign_out_everywhere(session, ann.id, now=now) == 2
    assert [_who(each_sessions, s, now) for s in (here, there, phone, of_bob)] == [None, None, None, bob.id]


def test_a_sign_in_ends_by_itself(each_sessions: db.Sessions, now: datetime) -> None:
    reader = make_reader(each_sessions, now)
    secret = _in(each_sessions, _token(reader, now), now)
    assert _who(each_sessions, secret, now + signin.SIGNED_IN_FOR - timedelta(seconds=1)) == reader.id
    assert _who(each_sessions, secret, now + signin.SIGNED_IN_FOR) is None


def test_a_secret_of_the_desk_is_no_readers_and_the_other_way_round(
    sessions: db.Sessions, now: datetime
) -> None:
    reader = make_reader(sessions, now)
    with sessions.begin() as session:
        operator = operators.add(session, "ed@example.com", now=now)
        link = operators.signin_link(operator, tokens=tokens_at(now), links=LINKS).rpartition("/")[2]
        of_desk = operators.sign_in(session, link, tokens=tokens_at(now), now=now)
    of_reader = _in(sessions, _token(reader, now), now)
    assert _who(sessions, of_desk, now) is None
    with sessions.begin() as session:
        assert operators.operator_of(session, of_reader, now=now) is None
        signin.sign_out(session, of_desk, now=now)  # a reader's button ends no Sign-in of the desk
        assert operators.operator_of(session, of_desk, now=now) is not None


def test_nobody_is_signed_in_by_nothing(sessions: db.Sessions, now: datetime) -> None:
    make_reader(sessions, now)
    for shown in ("", "x", "x" * 5000):
        assert _who(sessions, shown, now) is None


def _choose(sessions: db.Sessions, reader: Subscriber, **changes: Any) -> Subscriber:
    choice: dict[str, Any] = {
        "hour": 7, "zone": "Europe/Berlin", "cadence": "daily", "paused_until": None,
        "topics": [], "today": TODAY, **changes,
    }  # fmt: skip
    with sessions.begin() as session:
        preferences.choose(session.get_one(Subscriber, reader.id), **choice)
    with db.reading(sessions) as session:
        return session.get_one(Subscriber, reader.id)


def test_a_reader_sets_hour_zone_cadence_and_pause_and_resumes(
    each_sessions: db.Sessions, now: datetime
) -> None:
    reader = make_reader(each_sessions, now)
    until = TODAY + timedelta(days=10)
    kept = _choose(each_sessions, reader, hour=0, zone="Asia/Kolkata", cadence="weekly", paused_until=until)
    assert (kept.hour, kept.zone, kept.cadence, kept.paused_until) == (0, "Asia/Kolkata", "weekly", until)
    resumed = _choose(each_sessions, reader, hour=0, cadence="weekly")
    assert (resumed.paused_until, resumed.hour, resumed.cadence) == (None, 0, "weekly")


def test_topics_are_kept_in_their_own_order_and_none_or_all_is_every_issue(
    each_sessions: db.Sessions, now: datetime
) -> None:
    reader = make_reader(each_sessions, now)
    for chosen, kept in (
        (["World", "Health", "Health"], [t for t in TOPICS if t in ("World", "Health")]),
        (list(TOPICS), None),
        (["Sport"], ["Sport"]),
        ([], None),
    ):
        assert _choose(each_sessions, reader, topics=chosen).topics == kept


@pytest.mark.parametrize("days", [1, preferences.MAX_PAUSE_DAYS])
def test_the_shortest_and_the_longest_pause(sessions: db.Sessions, now: datetime, days: int) -> None:
    until = TODAY + timedelta(days=days)
    assert _choose(sessions, make_reader(sessions, now), paused_until=until).paused_until == until


@pytest.mark.parametrize(
    "choice",
    [
        {"hour": 24},
        {"hour": -1},
        {"zone": "Mars/Olympus"},
        {"zone": "../../etc/passwd"},
        {"zone": ""},
        {"cadence": "hourly"},
        {"topics": ["Gossip"]},
        {"topics": ["World", "world"]},
        {"paused_until": TODAY},
        {"paused_until": TODAY - timedelta(days=1)},
        {"paused_until": TODAY + timedelta(days=preferences.MAX_PAUSE_DAYS + 1)},
        {"paused_until": date.max},
    ],
    ids=str,
)
def test_preferences_that_are_invalid_change_nothing(
    sessions: db.Sessions, now: datetime, choice: dict[str, Any]
) -> None:
    reader = make_reader(sessions, now, hour=5, zone="Asia/Tokyo")
    with pytest.raises(Refused):
        _choose(sessions, reader, **choice)
    with db.reading(sessions) as session:
        kept = session.get_one(Subscriber, reader.id)
    assert (kept.hour, kept.zone, kept.cadence, kept.paused_until) == (5, "Asia/Tokyo", "daily", None)
