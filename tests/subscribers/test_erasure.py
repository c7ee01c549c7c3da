"""A reader is erased without a trace of the address, and is handed all we hold on them."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import inspect, select, text
from sqlalchemy.orm import Session

from newsletter import db
from newsletter.billing import comps
from newsletter.db.models import (
    AuditEntry,
    Delivery,
    DeliveryEvent,
    Issue,
    LeftOut,
    Notice,
    Read,
    Report,
    SignIn,
    Story,
    Subscriber,
    Subscription,
    Suppression,
)
from newsletter.errors import Refused
from newsletter.subscribers import erasure
from newsletter.subscribers.addresses import address_hash, person_hash

KEY = "a-key-for-the-tests-of-32-letters-or-more"
ADDRESS = "Ann.Lee+news@example.com"
MOMENTS = ("created_at", "first_published_at", "last_published_at", "grouped_at")  # of a Story


def _reader(address: str, now: datetime) -> Subscriber:
    return Subscriber(
        address=address,
        address_hash=address_hash(KEY, address),
        person_hash=person_hash(KEY, address),
        asked_at=now,
        confirmed_at=now,
        consent_from="landing",
        consent_ip="192.0.2.7",
        consent_words="I want it.",
        trial_started_at=now,
    )


def _issue(session: Session, on: date, now: datetime) -> Issue:
    issue = Issue(issued_on=on, subject="A morning", composed_at=now)
    session.add(issue)
    session.flush()
    return issue


def _a_life(session: Session, now: datetime) -> int:
    """A reader with a line in every table that can name one, the address typed wherever people type. Their number."""
    reader, story = _reader(ADDRESS, now), Story(slug="a-story", **dict.fromkeys(MOMENTS, now))
    session.add_all([reader, story])
    session.flush()
    for n, state in enumerate(("accepted", "pending")):
        issue = _issue(session, date(2026, 3, n + 1), now)
        line = Delivery(
            issue_id=issue.id,
            subscriber_id=reader.id,
            address_hash=reader.address_hash,
            rendition="full",
            content_hash="0" * 64,
            due_at=now,
            state=state,
        )
        session.add(line)
        session.flush()
    told = {"kind": "delivered", "happened_at": now, "received_at": now}
    session.add_all(
        [
            DeliveryEvent(provider="outbox", provider_event_id="1", delivery_id=line.id, **told),
            LeftOut(
                issue_id=_issue(session, date(2026, 3, 9), now).id, subscriber_id=reader.id, reason="paused"
            ),
            Notice(kind="welcome", key="welcome:1", subscriber_id=reader.id, due_at=now),
            Read(reader=f"subscriber:{reader.id}", story_id=story.id, month="2026-03", read_at=now),
            SignIn(secret_hash="s3cr3t", subscriber_id=reader.id, began_at=now, expires_at=now),
            Report(story_id=story.id, reason="wrong", words=f"Write to {ADDRESS.upper()}!", reported_at=now),
            AuditEntry(
                at=now,
                by="operator:1",
                act="subscriber.suppressed",
                about=f"subscriber:{reader.id}",
                detail={"reason": f"{ADDRESS.lower()} asked", "more": [ADDRESS]},
            ),
        ]
    )
    comps.give(session, reader.id, until=None, reason="a friend", by="operator:1", now=now)
    return reader.id


def _everything(session: Session) -> str:
    """Every value of every table."""
    tables = inspect(session.connection()).get_table_names()
    assert {"subscriber", "delivery", "notice", "audit_entry", "report"} <= set(tables)
    rows = [list(row) for t in tables for row in session.execute(text(f'SELECT * FROM "{t}"'))]
    return json.dumps(rows, default=str, ensure_ascii=False).lower()


def test_no_table_knows_the_address_any_more_and_the_sums_still_add_up(
    each_sessions: db.Sessions, now: datetime
) -> None:
    with each_sessions.begin() as session:
        number = _a_life(session, now)
        other = _reader("bo@example.com", now)
        other.consent_ip = None
        session.add(other)
    with db.reading(each_sessions) as session:
        assert ADDRESS.lower() in _everything(session)
        before = len(session.scalars(select(Delivery)).all())
    with each_sessions.begin() as session:
        erasure.erase(session, session.get_one(Subscriber, number), now=now)
    with db.reading(each_sessions) as session:
        left = _everything(session)
        for trace in (ADDRESS.lower(), "ann.lee", "192.0.2.7", "s3cr3t", person_hash(KEY, ADDRESS)):
            assert trace not in left
        lines = session.scalars(select(Delivery)).all()
        assert len(lines) == before
        assert {line.subscriber_id for line in lines} == {None}
        assert session.scalars(select(DeliveryEvent)).one().kind == "delivered"
        kept = session.scalars(select(Suppression)).one()
        assert (kept.address_hash, kept.reason) == (address_hash(KEY, ADDRESS), "erased")
        assert session.scalars(select(Subscriber.address)).all() == ["bo@example.com"]
        for table in (Subscription, Read, SignIn, Notice, LeftOut):
            assert session.scalars(select(table)).all() == []
        assert "subscriber.erased" in session.scalars(select(AuditEntry.act)).all()


def test_a_graver_word_against_the_address_outlives_the_erasure(sessions: db.Sessions, now: datetime) -> None:
    with sessions.begin() as session:
        reader = _reader(ADDRESS, now)
        session.add(reader)
        session.flush()
        session.add(Suppression(address_hash=reader.address_hash, reason="complained", suppressed_at=now))
        erasure.erase(session, reader, now=now)
    with db.reading(sessions) as session:
        assert session.scalars(select(Suppression.reason)).one() == "complained"


@pytest.mark.parametrize(
    ("status", "ends_in", "refused"),
    [
        ("active", None, True),
        ("trialing", None, True),
        ("past_due", None, True),
        ("active", timedelta(days=9), False),
        ("canceled", timedelta(days=-1), False),
    ],
)
def test_who_would_be_charged_on_is_not_erased(
    sessions: db.Sessions, now: datetime, status: str, ends_in: timedelta | None, refused: bool
) -> None:
    with sessions.begin() as session:
        reader = _reader(ADDRESS, now)
        session.add(reader)
        session.flush()
        session.add(
            Subscription(
                subscriber_id=reader.id,
                processor="stripe",
                processor_id="sub_1",
                status=status,
                started_at=now,
                changed_at=now,
                cancel_at=None if ends_in is None else now + ends_in,
            )
        )
    with sessions.begin() as session:
        reader = session.scalars(select(Subscriber)).one()
        if refused:
            with pytest.raises(Refused, match="Cancel the payment first"):
                erasure.erase(session, reader, now=now)
        else:
            erasure.erase(session, reader, now=now)
    with db.reading(sessions) as session:
        assert (session.scalars(select(Subscriber)).first() is not None) is refused


def test_the_export_holds_everything_and_no_secret(each_sessions: db.Sessions, now: datetime) -> None:
    with each_sessions.begin() as session:
        number = _a_life(session, now)
    with db.reading(each_sessions) as session:
        held: dict[str, Any] = erasure.export(session, session.get_one(Subscriber, number))
    said = json.dumps(held)
    assert json.loads(said) == held
    assert held["reader"]["address"] == ADDRESS
    assert held["reader"]["consent_words"] == "I want it."
    assert held["reader"]["confirmed_at"] == now.isoformat()
    assert [p["processor"] for p in held["payments"]] == ["comp"]
    assert [i["issued_on"] for i in held["issues"]] == ["2026-03-01", "2026-03-02"]
    assert [e["kind"] for e in held["issues"][1]["reported_later"]] == ["delivered"]
    assert held["left_out"] == [{"issued_on": "2026-03-09", "reason": "paused"}]
    assert [s["story"] for s in held["stories_read"]] == ["a-story"]
    assert [n["kind"] for n in held["notices"]] == ["welcome"]
    assert len(held["signed_in"]) == 1
    assert len(held["done_by_operators"]) == 2
    for secret in ("s3cr3t", address_hash(KEY, ADDRESS), person_hash(KEY, ADDRESS)):
        assert secret not in said


def test_every_column_about_a_reader_is_in_the_export(sessions: db.Sessions, now: datetime) -> None:
    with sessions.begin() as session:
        number = _a_life(session, now)
    with db.reading(sessions) as session:
        held = erasure.export(session, session.get_one(Subscriber, number))
    columns = {c.key for c in inspect(Subscriber).columns}
    assert set(held["reader"]) == columns - {"id", "address_hash", "person_hash"}
