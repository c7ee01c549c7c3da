"""Why a reader got the latest Issue or did not: every case has its sentence, and none prints an address."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pytest

from newsletter import db
from newsletter.db.models import Delivery, DeliveryEvent, Issue, LeftOut, Suppression
from newsletter.settings import Settings
from newsletter.subscribers.addresses import AddressError
from newsletter.subscribers.why import Answer, why
from tests.subscribers.readers import make_reader


def ask(sessions: db.Sessions, settings: Settings, now: datetime, address: str = "ann@example.com") -> Answer:
    with db.reading(sessions) as session:
        answer = why(session, address, settings=settings, now=now)
    assert "@" not in answer.sentence
    return answer


def frozen_issue(sessions: db.Sessions, now: datetime, day: date = date(2026, 3, 2)) -> int:
    with sessions.begin() as session:
        issue = Issue(
            issued_on=day,
            state="dispatching",
            subject="s",
            composed_at=now,
            frozen_at=now,
            reading_seconds=60,
        )
        session.add(issue)
        session.flush()
        return issue.id


def owed(sessions: db.Sessions, now: datetime, **facts: Any) -> int:
    """A reader, an Issue, and a Delivery with these facts."""
    reader = make_reader(sessions, now)
    issue_id = frozen_issue(sessions, now)
    row = {
        "issue_id": issue_id,
        "subscriber_id": reader.id,
        "address_hash": reader.address_hash,
        "rendition": "full",
        "content_hash": "c",
        "due_at": now,
        **facts,
    }
    with sessions.begin() as session:
        delivery = Delivery(**row)
        session.add(delivery)
        session.flush()
        return delivery.id


def test_nobody_and_nonsense(sessions: db.Sessions, settings: Settings, now: datetime) -> None:
    assert "ever signed up" in ask(sessions, settings, now).sentence
    with pytest.raises(AddressError):
        ask(sessions, settings, now, "not an address")


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({}, "confirmed and read at 06:00"),
        ({"confirmed_at": None}, "have not confirmed"),
        ({"unsubscribed_at": datetime.fromisoformat("2026-03-01T00:00Z")}, "have unsubscribed"),
    ],
)
def test_before_any_issue_it_says_how_they_stand(
    sessions: db.Sessions, settings: Settings, now: datetime, facts: dict[str, Any], said: str
) -> None:
    make_reader(sessions, now, **facts)
    answer = ask(sessions, settings, now)
    assert said in answer.sentence
    assert (answer.state, answer.issued_on) == ("unknown", None)


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"state": "pending"}, "is due now"),
        (
            {"state": "pending", "due_at": datetime.fromisoformat("2026-03-02T15:00Z")},
            "due at 2026-03-02 15:00",
        ),
        ({"state": "submitting", "provider": "smtp"}, "handed over to smtp right now"),
        ({"state": "accepted", "provider": "outbox"}, "outbox accepted"),
        ({"state": "uncertain", "reason": "timed out"}, "(timed out): whether it arrived is not known"),
        ({"state": "failed", "reason": "no such mailbox"}, "no such mailbox"),
        ({"state": "withdrawn", "reason": "unsubscribed"}, "unsubscribed"),
    ],
)
def test_every_state_of_a_delivery(
    sessions: db.Sessions, settings: Settings, now: datetime, facts: dict[str, Any], said: str
) -> None:
    owed(sessions, now, **facts)
    answer = ask(sessions, settings, now, "ANN@example.com")
    assert said in answer.sentence
    assert (answer.state, answer.issued_on) == (facts["state"], "2026-03-02")


def test_what_was_reported_later_is_said(
    each_sessions: db.Sessions, settings: Settings, now: datetime
) -> None:
    delivery_id = owed(each_sessions, now, state="accepted", provider="sendgrid")
    with each_sessions.begin() as session:
        for n, kind in enumerate(("deferred", "bounced")):
            at = now + timedelta(minutes=n)
            session.add(
                DeliveryEvent(
                    provider="sendgrid",
                    provider_event_id=str(n),
                    delivery_id=delivery_id,
                    kind=kind,
                    bounce="hard" if kind == "bounced" else None,
                    happened_at=at,
                    received_at=at,
                    reason="mailbox full" if kind == "bounced" else "",
                )
            )
    assert ask(each_sessions, settings, now).sentence.endswith("later: bounced (mailbox full).")


def test_left_out_and_too_late(sessions: db.Sessions, settings: Settings, now: datetime) -> None:
    issue_id = frozen_issue(sessions, now)
    ann, _ = make_reader(sessions, now), make_reader(sessions, now, "bob@example.com")
    with sessions.begin() as session:
        session.add(LeftOut(issue_id=issue_id, subscriber_id=ann.id, reason="paused"))
    answer = ask(sessions, settings, now)
    assert (answer.state, answer.reason) == ("left out", "paused")
    assert "paused the mail" in answer.sentence
    assert "after the audience" in ask(sessions, settings, now, "bob@example.com").sentence


def test_an_erased_reader_is_known_by_their_suppression(
    sessions: db.Sessions, settings: Settings, now: datetime
) -> None:
    reader = make_reader(sessions, now)
    with sessions.begin() as session:
        session.add(Suppression(address_hash=reader.address_hash, reason="erased", suppressed_at=now))
        session.delete(session.get_one(type(reader), reader.id))
    assert "suppressed (erased)" in ask(sessions, settings, now).sentence
