"""Double opt-in: one outcome for known and unknown addresses, limits on mail that strangers cause, consent on record, one Trial a person."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import delete, func, select

from newsletter import db
from newsletter.db.models import Notice, Subscriber, SubscriptionEvent, Suppression
from newsletter.settings import Settings
from newsletter.subscribers import erasure, rate_limits, signup
from newsletter.subscribers.addresses import AddressError, address_hash
from newsletter.subscribers.tokens import (
    CONFIRM,
    UNSUBSCRIBE,
    ExpiredToken,
    ForgedToken,
    GoneToken,
    TokenError,
)
from newsletter.subscribers.unsubscribing import unsubscribe
from tests.subscribers.readers import KEY, link_for, make_reader, tokens_at


def ask(
    sessions: db.Sessions, settings: Settings, now: datetime, address: str = "ann@example.com", **given: Any
) -> None:
    fields = {"hour": 7, "zone": "Europe/Berlin", "ip": "203.0.113.9", "came_from": "landing", **given}
    fields["network"] = rate_limits.network_of(fields.pop("ip"))
    with sessions.begin() as session:
        signup.ask(session, signup.FormRequest(address, **fields), settings=settings, now=now)


def confirm(sessions: db.Sessions, settings: Settings, token: str, now: datetime) -> signup.Confirmed:
    with sessions.begin() as session:
        return signup.confirm(session, token, tokens=tokens_at(now), settings=settings, now=now)


def kept(sessions: db.Sessions, address: str = "ann@example.com") -> Subscriber:
    with db.reading(sessions) as session:
        return session.scalars(select(Subscriber).where(Subscriber.address == address)).one()


def waits(sessions: db.Sessions, now: datetime) -> list[int]:
    """After how many whole hours each mail is due."""
    with db.reading(sessions) as session:
        due = session.scalars(select(Notice.due_at).order_by(Notice.id)).all()
    return [(at - now) // timedelta(hours=1) for at in due]


def mails(sessions: db.Sessions) -> list[str]:
    with db.reading(sessions) as session:
        return list(session.scalars(select(Notice.kind).order_by(Notice.id)))


def suppress(sessions: db.Sessions, address: str, reason: str, now: datetime) -> None:
    with sessions.begin() as session:
        session.add(Suppression(address_hash=address_hash(KEY, address), reason=reason, suppressed_at=now))


def test_consent_is_on_record_and_nothing_typed_reaches_the_mail(
    each_sessions: db.Sessions, settings: Settings, now: datetime
) -> None:
    ask(each_sessions, settings, now, "Ann@Example.COM", ip="2001:db8:1:2:3::4")
    reader = kept(each_sessions, "Ann@example.com")
    assert (reader.asked_at, reader.confirmed_at) == (now, None)
    assert (reader.hour, reader.zone) == (7, "Europe/Berlin")
    assert reader.consent_from == "landing"
    assert reader.consent_ip == "2001:db8:1:2::/64"
    assert reader.consent_words == signup.consent_words(settings.SITE_NAME)
    assert reader.consent_version == signup.CONSENT_VERSION
    with db.reading(each_sessions) as session:
        notice = session.scalars(select(Notice)).one()
    assert (notice.kind, notice.subscriber_id, notice.values) == ("confirm", reader.id, {})
    assert "ann" not in notice.key.lower()


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"hour": 99}, (6, "Europe/Berlin")),
        ({"hour": -1}, (6, "Europe/Berlin")),
        ({"zone": "Mars/Olympus"}, (7, "America/New_York")),
        ({"zone": "../../etc/passwd"}, (7, "America/New_York")),
        ({"zone": ""}, (7, "America/New_York")),
    ],
)
def test_an_invalid_hour_or_zone_gets_the_default(
    sessions: db.Sessions,
    settings: Settings,
    now: datetime,
    fields: dict[str, Any],
    expected: tuple[int, str],
) -> None:
    ask(sessions, settings, now, **fields)
    reader = kept(sessions)
    assert (reader.hour, reader.zone) == expected


def test_what_is_no_address_leaves_no_trace(sessions: db.Sessions, settings: Settings, now: datetime) -> None:
    for text in ("", "ann", "ann@", "a@b@c.com", "ann@example.com\r\nBcc: x@y.zz", "a\x00@example.com"):
        with pytest.raises(AddressError):
            ask(sessions, settings, now, text)
    with db.reading(sessions) as session:
        assert session.scalar(select(func.count()).select_from(Subscriber)) == 0
    assert mails(sessions) == []


def test_known_and_unknown_get_one_mail_each_and_a_stranger_changes_nothing_of_a_reader(
    each_sessions: db.Sessions, settings: Settings, now: datetime
) -> None:
    make_reader(each_sessions, now, hour=5, zone="Asia/Tokyo", consent_from="landing")
    ask(each_sessions, settings, now, "ann@example.com", hour=23, zone="Europe/Paris", came_from="issue")
    ask(each_sessions, settings, now, "bob@example.com")
    assert mails(each_sessions) == ["already", "confirm"]
    reader = kept(each_sessions)
    assert (reader.hour, reader.zone, reader.consent_from) == (5, "Asia/Tokyo", "landing")
    assert reader.confirmed_at == reader.asked_at


def test_one_person_is_mailed_once_in_ten_minutes_and_thrice_a_day_however_they_spell_themselves(
    each_sessions: db.Sessions, settings: Settings, now: datetime
) -> None:
    ask(each_sessions, settings, now, "a.nn@gmail.com")
    ask(each_sessions, settings, now + timedelta(minutes=1), "ann+news@gmail.com")
    assert mails(each_sessions) == ["confirm"]
    spellings = ("ann@googlemail.com", "an.n@gmail.com", "ann+3@gmail.com", "ann+4@gmail.com")
    for n, spelling in enumerate(spellings, start=1):
        ask(each_sessions, settings, now + timedelta(minutes=15 * n), spelling)
    assert len(mails(each_sessions)) == signup.MAILS_A_DAY
    ask(each_sessions, settings, now + timedelta(days=2), "ann@gmail.com")
    assert len(mails(each_sessions)) == signup.MAILS_A_DAY + 1


@pytest.mark.parametrize(
    ("near", "far"),
    [
        ("203.0.113.9", "203.0.113.10"),
        ("2001:db8::{n}", "2001:db8:0:1::1"),
        ("::ffff:203.0.113.9", "203.0.113.10"),
    ],
)
def test_a_network_past_its_cap_is_mailed_later_and_others_at_once(
    sessions: db.Sessions,
    settings: Settings,
    now: datetime,
    monkeypatch: pytest.MonkeyPatch,
    near: str,
    far: str,
) -> None:
    monkeypatch.setitem(rate_limits.LIMITS, rate_limits.SIGNUP, rate_limits.RateLimit(3, timedelta(hours=1)))
    for n in range(5):
        ask(sessions, settings, now, f"r{n}@example.com", ip=near.format(n=n + 1))
    assert waits(sessions, now) == [0, 0, 0, 1, 1]
    ask(sessions, settings, now, "far@example.com", ip=far)
    assert waits(sessions, now)[-1] == 0
    ask(sessions, settings, now + timedelta(hours=2), "later@example.com", ip=near.format(n=9))
    assert waits(sessions, now)[-1] == 2


def test_fifty_people_behind_one_address_all_get_their_confirmation(
    each_sessions: db.Sessions, settings: Settings, now: datetime
) -> None:
    for n in range(50):
        ask(each_sessions, settings, now + timedelta(seconds=n), f"r{n}@example.com")
    assert sorted(waits(each_sessions, now)) == [0] * 30 + [1] * 20


def test_whom_half_a_day_cannot_serve_is_not_mailed(
    sessions: db.Sessions, settings: Settings, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(rate_limits.LIMITS, rate_limits.SIGNUP, rate_limits.RateLimit(1, timedelta(hours=5)))
    for n in range(5):
        ask(sessions, settings, now, f"r{n}@example.com")
    assert waits(sessions, now) == [0, 5, 10]
    assert kept(sessions, "r4@example.com").asked_at == now  # the request is recorded


@pytest.mark.parametrize("block", ["203.0.113.{n}", "2001:db8:7:{n:x}::1"])
def test_who_owns_a_block_of_networks_is_capped_for_the_whole_block(
    sessions: db.Sessions, settings: Settings, now: datetime, monkeypatch: pytest.MonkeyPatch, block: str
) -> None:
    monkeypatch.setitem(rate_limits.LIMITS, rate_limits.SIGNUP, rate_limits.RateLimit(2, timedelta(hours=1)))
    for n in range(1, 21):
        ask(sessions, settings, now, f"r{n}@example.com", ip=block.format(n=n))
    assert waits(sessions, now).count(0) == 2 * rate_limits.WIDER_FACTOR
    assert max(waits(sessions, now)) == 2


def test_the_whole_site_has_a_cap(
    sessions: db.Sessions, settings: Settings, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signup, "MAILS_AN_HOUR", 4)
    for n in range(6):
        ask(sessions, settings, now, f"r{n}@example.com", ip=f"198.51.100.{n}")
    assert waits(sessions, now) == [0, 0, 0, 0, 1, 1]


@pytest.mark.parametrize(
    ("reason", "mailed"),
    [("bounced", 0), ("complained", 0), ("operator", 0), ("unsubscribed", 1), ("erased", 1)],
)
def test_only_a_suppression_that_they_caused_is_lifted_by_confirming(
    sessions: db.Sessions, settings: Settings, now: datetime, reason: str, mailed: int
) -> None:
    suppress(sessions, "ann@example.com", reason, now)
    ask(sessions, settings, now)
    assert len(mails(sessions)) == mailed


def test_confirming_starts_the_trial_and_twice_is_once(
    each_sessions: db.Sessions, settings: Settings, now: datetime
) -> None:
    ask(each_sessions, settings, now)
    token = link_for(kept(each_sessions), CONFIRM, now)
    later = now + timedelta(days=6)
    first = confirm(each_sessions, settings, token, later)
    assert (first.first, first.trial) == (True, True)
    again = confirm(each_sessions, settings, token, later + timedelta(hours=3))
    assert (again.first, again.trial) == (False, False)
    reader = kept(each_sessions)
    assert (reader.confirmed_at, reader.trial_started_at) == (later, later)
    assert mails(each_sessions) == ["confirm", "welcome"]


def test_links_that_do_not_confirm(sessions: db.Sessions, settings: Settings, now: datetime) -> None:
    ask(sessions, settings, now)
    reader = kept(sessions)
    good = link_for(reader, CONFIRM, now)
    for token, moment, refusal in (
        (good, now + timedelta(days=7, minutes=1), ExpiredToken),
        (link_for(reader, UNSUBSCRIBE, now), now, ForgedToken),
        (good[:-2], now, ForgedToken),
        (good + "x", now, ForgedToken),
        ("", now, ForgedToken),
        ("x" * 5000, now, ForgedToken),
        (tokens_at(now).make(CONFIRM, "999.0123456789abcdef"), now, GoneToken),
        (tokens_at(now).make(CONFIRM, f"{reader.id}.{'0' * 16}"), now, GoneToken),
        (tokens_at(now).make(CONFIRM, "1;drop"), now, ForgedToken),
    ):
        with pytest.raises(refusal):
            confirm(sessions, settings, token, moment)
    assert kept(sessions).confirmed_at is None


def test_one_trial_a_person(each_sessions: db.Sessions, settings: Settings, now: datetime) -> None:
    make_reader(each_sessions, now, "ann@gmail.com")
    ask(each_sessions, settings, now, "a.n.n+again@googlemail.com")
    other = kept(each_sessions, "a.n.n+again@googlemail.com")
    done = confirm(each_sessions, settings, link_for(other, CONFIRM, now), now)
    assert (done.first, done.trial) == (True, False)
    assert kept(each_sessions, other.address).trial_started_at is None
    with db.reading(each_sessions) as session:
        welcome = select(Notice.values).where(Notice.kind == "welcome", Notice.subscriber_id == other.id)
        assert session.scalar(welcome) == {"trial": False}, "or it is promised days that it does not get"


@pytest.mark.parametrize("again", ["ann@gmail.com", "a.n.n+two@googlemail.com", "ANN@gmail.com"])
@pytest.mark.parametrize("noted", [True, False])
def test_erasing_oneself_brings_no_second_trial(
    each_sessions: db.Sessions, settings: Settings, now: datetime, again: str, noted: bool
) -> None:
    ask(each_sessions, settings, now, "ann@gmail.com")
    reader = kept(each_sessions, "ann@gmail.com")
    assert confirm(each_sessions, settings, link_for(reader, CONFIRM, now), now).trial
    with each_sessions.begin() as session:
        if not noted:  # as it was before the mark was written with the Trial
            session.execute(delete(SubscriptionEvent).where(SubscriptionEvent.trial.is_(None)))
        erasure.erase(session, session.get_one(Subscriber, reader.id), now=now)
    later = now + timedelta(days=40)
    ask(each_sessions, settings, later, again)
    with db.reading(each_sessions) as session:
        back = session.scalars(select(Subscriber)).one()
        said = str([list(e.__dict__.values()) for e in session.scalars(select(SubscriptionEvent))])
    done = confirm(each_sessions, settings, link_for(back, CONFIRM, later), later)
    assert (done.first, done.trial) == (True, False)
    assert "ann" not in said.replace("cancel", "")
    assert back.person_hash not in said


def test_coming_back_lifts_the_own_suppression_but_gives_no_second_trial_and_no_second_welcome(
    sessions: db.Sessions, settings: Settings, now: datetime
) -> None:
    before = make_reader(sessions, now, unsubscribed_at=now - timedelta(days=1))
    suppress(sessions, before.address, "unsubscribed", now - timedelta(days=1))
    ask(sessions, settings, now)
    done = confirm(sessions, settings, link_for(before, CONFIRM, now), now)
    assert (done.first, done.trial) == (True, False)
    back = kept(sessions)
    assert (back.unsubscribed_at, back.confirmed_at) == (None, now)
    assert back.trial_started_at == before.trial_started_at
    assert mails(sessions) == ["confirm"]
    with db.reading(sessions) as session:
        assert session.scalars(select(Suppression)).all() == []


def test_a_bounce_is_not_lifted_by_confirming(
    sessions: db.Sessions, settings: Settings, now: datetime
) -> None:
    ask(sessions, settings, now)
    suppress(sessions, "ann@example.com", "bounced", now)
    confirm(sessions, settings, link_for(kept(sessions), CONFIRM, now), now)
    with db.reading(sessions) as session:
        assert session.scalars(select(Suppression.reason)).all() == ["bounced"]


def test_an_old_link_does_not_undo_a_later_unsubscribe(
    sessions: db.Sessions, settings: Settings, now: datetime
) -> None:
    ask(sessions, settings, now)
    reader = kept(sessions)
    token = link_for(reader, CONFIRM, now)
    confirm(sessions, settings, token, now)
    left_at = now + timedelta(hours=1)
    with sessions.begin() as session:
        unsubscribe.unsubscribe(
            session, link_for(reader, UNSUBSCRIBE, now), tokens=tokens_at(left_at), now=left_at
        )
    confirm(sessions, settings, token, now + timedelta(hours=2))
    assert kept(sessions).unsubscribed_at == left_at


def test_an_erased_readers_link_does_not_fit_whoever_gets_the_number_next(
    sessions: db.Sessions, settings: Settings, now: datetime
) -> None:
    gone = make_reader(sessions, now)
    token = link_for(gone, CONFIRM, now)
    with sessions.begin() as session:
        session.delete(session.get_one(Subscriber, gone.id))
    make_reader(sessions, now, "bob@example.com", id=gone.id, confirmed_at=None)
    with pytest.raises(TokenError):
        confirm(sessions, settings, token, now)
    assert kept(sessions, "bob@example.com").confirmed_at is None


def test_typing_the_address_of_who_left_changes_nothing_on_record(
    sessions: db.Sessions, settings: Settings, now: datetime
) -> None:
    left = now - timedelta(days=3)
    ann = make_reader(
        sessions,
        now,
        unsubscribed_at=left,
        paused_until=now.date() + timedelta(days=30),
        consent_from="landing",
        consent_words="I wanted it then.",
        consent_version="then",
        consent_ip="198.51.100.4",
        hour=21,
        zone="Asia/Tokyo",
    )
    columns = [c.key for c in Subscriber.__table__.columns]
    before = {name: getattr(kept(sessions), name) for name in columns}
    ask(sessions, settings, now, came_from="stranger")
    assert {name: getattr(kept(sessions), name) for name in columns} == before
    assert mails(sessions) == ["confirm"]

    old = link_for(ann, CONFIRM, left - timedelta(hours=1))  # of before they left
    assert not confirm(sessions, settings, old, now).first
    assert confirm(sessions, settings, link_for(ann, CONFIRM, now), now).first
    back = kept(sessions)
    assert back.consent_words == signup.consent_words(settings.SITE_NAME)
    assert (back.consent_from, back.consent_version) == ("confirm", signup.CONSENT_VERSION)
    assert (back.unsubscribed_at, back.confirmed_at, back.asked_at) == (None, now, now)
    assert (back.hour, back.zone, back.paused_until) == (21, "Asia/Tokyo", None), (
        "settings stay, a pause is over"
    )
