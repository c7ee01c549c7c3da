"""After 90 days events are replaced by daily sums; nothing is counted twice or lost, and the ledger still adds up."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from newsletter import db
from newsletter.db.models import Delivery, DeliveryEvent, DeliveryEventSum, Issue
from newsletter.delivery import event_rollup
from newsletter.settings import Settings
from newsletter.subscribers.why import why
from tests.subscribers.readers import make_reader


@pytest.fixture
def ledger(each_sessions: db.Sessions, now: datetime) -> db.Sessions:
    """One accepted Delivery of 1 March, and forty events about it and about Notices, of 120 days, 91 days and yesterday."""
    reader = make_reader(each_sessions, now)
    with each_sessions.begin() as session:
        issue = Issue(
            issued_on=date(2026, 3, 1), subject="A", composed_at=now, frozen_at=now, state="dispatched"
        )
        session.add(issue)
        session.flush()
        line = Delivery(issue_id=issue.id, subscriber_id=reader.id, address_hash=reader.address_hash, rendition="full",
                        content_hash="0" * 64, due_at=now, state="accepted", settled_at=now)  # fmt: skip
        session.add(line)
        session.flush()
        for number, (ago, kind, bounce, of) in enumerate(
            [(120, "delivered", None, line.id)] * 20
            + [(120, "bounced", "hard", line.id)] * 3
            + [(120, "bounced", "soft", None)] * 2
            + [(91, "delivered", None, line.id)] * 7
            + [(1, "delivered", None, line.id)] * 8
        ):
            at = now - timedelta(days=ago)
            session.add(DeliveryEvent(provider="sendgrid", provider_event_id=str(number), delivery_id=of, kind=kind,
                                      bounce=bounce, happened_at=at, received_at=at, reason="a@b.example said no"))  # fmt: skip
    return each_sessions


def sums(sessions: db.Sessions) -> dict[tuple[Any, ...], int]:
    with db.reading(sessions) as session:
        rows = session.scalars(select(DeliveryEventSum)).all()
        return {((s.received_on - date(2026, 3, 2)).days, s.about, s.kind, s.bounce): s.count for s in rows}


EXPECTED = {
    (-120, "2026-03-01", "delivered", ""): 20,
    (-120, "2026-03-01", "bounced", "hard"): 3,
    (-120, "notices", "bounced", "soft"): 2,
    (-91, "2026-03-01", "delivered", ""): 7,
}


@pytest.mark.parametrize("at_once", [1, 7, 20_000])
def test_old_events_become_sums_and_a_second_run_changes_nothing(
    ledger: db.Sessions, now: datetime, at_once: int
) -> None:
    assert event_rollup.run(ledger, now=now, at_once=at_once) == 32
    assert sums(ledger) == EXPECTED
    assert event_rollup.run(ledger, now=now, at_once=at_once) == 0
    assert sums(ledger) == EXPECTED
    with db.reading(ledger) as session:
        assert session.scalar(select(func.count(DeliveryEvent.id))) == 8


def test_two_at_once_count_each_once(ledger: db.Sessions, now: datetime) -> None:
    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(lambda _: event_rollup.run(ledger, now=now, at_once=3), range(2)))
    assert sum(done) == 32
    assert sums(ledger) == EXPECTED


def test_who_dies_half_way_loses_and_doubles_nothing(
    ledger: db.Sessions, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = event_rollup._add_to_sum, iter(range(99))

    def dies(*given: Any) -> None:
        real(*given)
        if next(calls) == 1:
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(event_rollup, "_add_to_sum", dies)
        with pytest.raises(KeyboardInterrupt):
            event_rollup.run(ledger, now=now, at_once=22)
    event_rollup.run(ledger, now=now)
    assert sums(ledger) == EXPECTED


def test_why_still_answers(ledger: db.Sessions, settings: Settings, now: datetime) -> None:
    later = now + timedelta(days=200)
    event_rollup.run(ledger, now=later)
    with db.reading(ledger) as session:
        assert session.scalar(select(func.count(DeliveryEvent.id))) == 0
        answer = why(session, "ann@example.com", settings=settings, now=later)
    assert answer.state == "accepted"
    assert answer.issued_on == "2026-03-01"
