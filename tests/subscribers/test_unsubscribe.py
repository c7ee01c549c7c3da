"""Unsubscribing by the link in every mail: at once, without expiry, repeatedly; and resubscribing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from newsletter import clock, db
from newsletter.db.models import Subscriber, Suppression
from newsletter.settings import Settings
from newsletter.subscribers.tokens import CONFIRM, SIGNIN, UNSUBSCRIBE, ForgedToken, GoneToken, Tokens
from newsletter.subscribers.unsubscribing import unsubscribe
from tests.subscribers.readers import KEY, link_for, make_reader, tokens_at
from tests.web.sample_site import service_with


def leave(sessions: db.Sessions, token: str, now: datetime) -> unsubscribe.Unsubscribed:
    with sessions.begin() as session:
        return unsubscribe.unsubscribe(session, token, tokens=tokens_at(now), now=now)


def come_back(sessions: db.Sessions, token: str, now: datetime) -> None:
    with sessions.begin() as session:
        unsubscribe.resubscribe(session, token, tokens=tokens_at(now), now=now)


def kept(sessions: db.Sessions, reader: Subscriber) -> Subscriber:
    with db.reading(sessions) as session:
        return session.get_one(Subscriber, reader.id)


def test_a_link_of_ten_years_ago_works_and_twice_is_once(each_sessions: db.Sessions, now: datetime) -> None:
    reader = make_reader(each_sessions, now)
    token = link_for(reader, UNSUBSCRIBE, now - timedelta(days=3653))
    assert leave(each_sessions, token, now).was_already is False
    assert leave(each_sessions, token, now + timedelta(days=1)).was_already is True
    assert kept(each_sessions, reader).unsubscribed_at == now


def test_coming_back_keeps_consent_and_lifts_only_their_own_suppression(
    each_sessions: db.Sessions, now: datetime
) -> None:
    for number, reason in enumerate(("unsubscribed", "complained")):
        reader = make_reader(each_sessions, now, f"r{number}@example.com", unsubscribed_at=now)
        with each_sessions.begin() as session:
            session.add(Suppression(address_hash=reader.address_hash, reason=reason, suppressed_at=now))
        come_back(each_sessions, link_for(reader, UNSUBSCRIBE, now), now)
        assert kept(each_sessions, reader).unsubscribed_at is None
        assert kept(each_sessions, reader).confirmed_at == reader.confirmed_at
    with db.reading(each_sessions) as session:
        assert [s.reason for s in session.query(Suppression)] == ["complained"]


def test_the_link_confirms_nobody(sessions: db.Sessions, now: datetime) -> None:
    reader = make_reader(sessions, now, confirmed_at=None, unsubscribed_at=now)
    come_back(sessions, link_for(reader, UNSUBSCRIBE, now), now)
    assert kept(sessions, reader).confirmed_at is None


@pytest.mark.parametrize("purpose", [CONFIRM, SIGNIN])
def test_other_links_do_not_unsubscribe(sessions: db.Sessions, now: datetime, purpose: str) -> None:
    reader = make_reader(sessions, now)
    with pytest.raises(ForgedToken):
        leave(sessions, link_for(reader, purpose, now), now)
    assert kept(sessions, reader).unsubscribed_at is None


def test_an_erased_reader_is_said_to_be_gone(sessions: db.Sessions, now: datetime) -> None:
    reader = make_reader(sessions, now)
    token = link_for(reader, UNSUBSCRIBE, now)
    with sessions.begin() as session:
        session.delete(session.get_one(Subscriber, reader.id))
    with pytest.raises(GoneToken):
        leave(sessions, token, now)


def test_each_reader_of_an_issue_gets_their_own_link(
    sessions: db.Sessions, settings: Settings, now: datetime
) -> None:
    ann, bob = make_reader(sessions, now), make_reader(sessions, now, "bob@example.com")
    slots = service_with(sessions, settings, clock.fixed(now)).reader_slots(now.date(), bob.id, bob.address)
    assert slots["account_url"] == "http://127.0.0.1:8000/account"
    token = slots["unsubscribe_url"].removeprefix("http://127.0.0.1:8000/unsubscribe/")
    assert leave(sessions, token, now).subscriber.id == bob.id
    assert kept(sessions, ann).unsubscribed_at is None


def test_a_link_works_for_ever_and_over_a_change_of_keys(
    make_settings: Callable[..., Settings], sessions: db.Sessions, now: datetime
) -> None:
    reader = make_reader(sessions, now)
    years_old = link_for(reader, UNSUBSCRIBE, now - timedelta(days=9 * 365))
    changed = make_settings(
        SECRET_KEY="another-key-of-32-letters-or-more-2027", SECRET_KEYS_BEFORE=f"{KEY}, "
    )
    tokens = Tokens(changed.signing_keys, clock=clock.fixed(now))
    with sessions.begin() as session:
        assert unsubscribe.unsubscribe(session, years_old, tokens=tokens, now=now).subscriber.id == reader.id
    # Mails of today carry links of the new key, and the hash of an address is what it was.
    service = service_with(sessions, changed, clock.fixed(now))
    fresh = service.reader_slots(now.date(), reader.id, reader.address)["unsubscribe_url"].rpartition("/")[2]
    assert fresh != link_for(reader, UNSUBSCRIBE, now)
    with sessions.begin() as session:
        assert unsubscribe.unsubscribe(session, fresh, tokens=tokens, now=now).was_already
    with pytest.raises(ForgedToken), sessions.begin() as session:
        unsubscribe.unsubscribe(session, fresh, tokens=tokens_at(now), now=now)
