"""Operators are added, sign in by a link that works once, and are removed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from newsletter import clock, db
from newsletter.db.models import AuditEntry, Notice, Operator, SignIn
from newsletter.errors import NotFound, Refused
from newsletter.links import Links
from newsletter.settings import Settings
from newsletter.subscribers import operators
from newsletter.subscribers.tokens import DESK, ExpiredToken, ForgedToken, TokenError, Tokens, fingerprint

KEY = "a-key-for-the-tests-of-32-letters-or-more"
LINKS = Links("http://127.0.0.1:8000")


def _tokens(now: datetime) -> Tokens:
    return Tokens(KEY, clock=clock.fixed(now))


def _link(sessions: db.Sessions, address: str, now: datetime) -> str:
    """The token of a fresh link."""
    with sessions.begin() as session:
        one = operators.add(session, address, now=now)
        return operators.signin_link(one, tokens=_tokens(now), links=LINKS).rpartition("/")[2]


def test_adding_twice_is_one_operator_and_one_entry(each_sessions: db.Sessions, now: datetime) -> None:
    with each_sessions.begin() as session:
        one = operators.add(session, "Ed@Example.com ", now=now).id
        assert operators.add(session, "ed@example.com", now=now).id == one
    with db.reading(each_sessions) as session:
        assert session.scalars(select(AuditEntry.act)).all() == ["operator.added"]


def test_a_link_signs_in_once(each_sessions: db.Sessions, now: datetime) -> None:
    token = _link(each_sessions, "ed@example.com", now)
    with each_sessions.begin() as session:
        secret = operators.sign_in(session, token, tokens=_tokens(now), now=now)
    with pytest.raises(TokenError, match="used already"), each_sessions.begin() as session:
        operators.sign_in(session, token, tokens=_tokens(now), now=now)
    with db.reading(each_sessions) as session:
        found = operators.operator_of(session, secret, now=now)
        assert found is not None
        assert found.address == "ed@example.com"
        kept = session.scalars(select(SignIn)).one()
    assert kept.secret_hash == fingerprint(secret)
    assert secret not in str(kept.__dict__)


def test_a_link_lives_a_quarter_of_an_hour(sessions: db.Sessions, now: datetime) -> None:
    token = _link(sessions, "ed@example.com", now)
    for minutes, lives in ((14, True), (16, False)):
        later = now + timedelta(minutes=minutes)
        with db.reading(sessions) as session:
            if lives:
                operators.operator_in(session, token, tokens=_tokens(later))
            else:
                with pytest.raises(ExpiredToken):
                    operators.operator_in(session, token, tokens=_tokens(later))
    assert operators.minutes_valid() == 15


@pytest.mark.parametrize("subject", ["999.salt", "one.salt", "-1.salt", "٣.salt", "", "1e3.salt"])
def test_a_signed_link_for_nobody_opens_nothing(sessions: db.Sessions, now: datetime, subject: str) -> None:
    _link(sessions, "ed@example.com", now)
    with db.reading(sessions) as session, pytest.raises(ForgedToken):
        operators.operator_in(session, _tokens(now).make(DESK, subject), tokens=_tokens(now))


def test_who_is_removed_is_out_everywhere_and_their_links_are_dead(
    sessions: db.Sessions, now: datetime
) -> None:
    _link(sessions, "boss@example.com", now)
    token, other = (_link(sessions, "ed@example.com", now) for _ in range(2))
    with sessions.begin() as session:
        secret = operators.sign_in(session, token, tokens=_tokens(now), now=now)
    with sessions.begin() as session:
        operators.remove(session, "Ed@example.com", now=now)
    with sessions.begin() as session:
        assert operators.operator_of(session, secret, now=now) is None
        with pytest.raises(ForgedToken):
            operators.sign_in(session, other, tokens=_tokens(now), now=now)
        assert operators.open_sign_ins(session, now=now) == []
    with sessions.begin() as session:  # let in again, old browsers stay out
        operators.add(session, "ed@example.com", now=now)
        assert operators.operator_of(session, secret, now=now) is None
    with pytest.raises(NotFound), sessions.begin() as session:
        operators.remove(session, "nobody@example.com", now=now)


def test_a_sign_in_ends_by_time_by_signing_out_and_by_another_hand(
    each_sessions: db.Sessions, now: datetime
) -> None:
    secrets = []
    for _ in range(2):
        token = _link(each_sessions, "ed@example.com", now)
        with each_sessions.begin() as session:
            secrets.append(operators.sign_in(session, token, tokens=_tokens(now), now=now))
    with each_sessions.begin() as session:
        assert len(operators.open_sign_ins(session, now=now)) == 2
        operators.sign_out(session, secrets[0], now=now, by="operator:1")
        assert operators.operator_of(session, secrets[0], now=now) is None
        assert operators.operator_of(session, secrets[1], now=now) is not None
        assert operators.operator_of(session, secrets[1], now=now + operators.SIGNED_IN_FOR) is None
        assert operators.operator_of(session, "", now=now) is None
    with each_sessions.begin() as session:
        (left,) = operators.open_sign_ins(session, now=now)
        operators.end_sign_in(session, left.id, now=now, by="operator:2")
        assert operators.operator_of(session, secrets[1], now=now) is None
    with pytest.raises(NotFound), each_sessions.begin() as session:
        operators.end_sign_in(session, 999, now=now, by="x")


def test_somebody_must_be_able_to_let_others_in(sessions: db.Sessions, now: datetime) -> None:
    with sessions.begin() as session:
        boss, ed = (operators.add(session, f"{n}@example.com", now=now) for n in ("boss", "ed"))
        operators.give_duty(session, ed, "editor", now=now, by="x")
    with sessions.begin() as session:
        one = session.get_one(Operator, boss.id)
        with pytest.raises(Refused, match="must be a manager"):
            operators.remove(session, one.address, now=now)
        with pytest.raises(Refused, match="must be a manager"):
            operators.give_duty(session, one, "editor", now=now, by="x")
        assert (one.duty, one.removed_at) == ("manager", None)
    with pytest.raises(Refused), sessions.begin() as session:
        operators.give_duty(session, session.get_one(Operator, boss.id), "king", now=now, by="x")
    with sessions.begin() as session:
        operators.give_duty(session, session.get_one(Operator, ed.id), "manager", now=now, by="x")
        operators.remove(session, "boss@example.com", now=now)


def test_links_are_mailed_to_operators_only_and_not_in_a_flood(
    sessions: db.Sessions, now: datetime, make_settings: Callable[..., Settings]
) -> None:
    settings = make_settings(OPERATORS="named@example.com")
    with sessions.begin() as session:
        operators.add(session, "boss@example.com", now=now)
        operators.add(session, "gone@example.com", now=now)
        operators.remove(session, "gone@example.com", now=now)
    asked = (
        "boss@example.com",
        "BOSS@example.com",
        "named@example.com",
        "gone@example.com",
        "who@example.com",
        "?",
    )
    for address in asked:
        with sessions.begin() as session:
            operators.ask_for_link(session, address, settings=settings, now=now)
    with db.reading(sessions) as session:
        told = session.execute(
            select(Operator.address, Notice.kind).join(Operator, Operator.id == Notice.operator_id)
        ).all()
    assert sorted(map(tuple, told)) == [("boss@example.com", "desk"), ("named@example.com", "desk")]


def test_those_named_in_the_settings_are_on_duty(
    sessions: db.Sessions, now: datetime, make_settings: Callable[..., Settings]
) -> None:
    settings = make_settings(OPERATORS="a@example.com, b@example.com")
    with sessions.begin() as session:
        operators.add(session, "c@example.com", now=now)
        operators.add(session, "b@example.com", now=now)
        operators.remove(session, "b@example.com", now=now)
        names = {o.address for o in operators.on_duty(session, settings, now=now)}
    assert names == {"a@example.com", "c@example.com"}
