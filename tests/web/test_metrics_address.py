"""What ``/metrics`` counts is what a fresh count finds, and what cannot have changed is not counted again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import event, select

from newsletter import db
from newsletter.db.models import Delivery, Issue, Subscriber
from newsletter.delivery import approval, ledger
from newsletter.delivery.providers.protocol import Outcome, Receipt
from newsletter.settings import Settings
from newsletter.web.api.metrics import Metrics
from tests.conftest import MORNING
from tests.delivery.mailing import frozen_issue

LATER = MORNING + timedelta(days=1)


@contextmanager
def statements(sessions: db.Sessions) -> Iterator[list[str]]:
    """What is asked of the ledger's Deliveries meanwhile, with the values."""
    asked: list[str] = []

    def note(_: Any, __: Any, statement: str, values: Any, *___: Any) -> None:
        if "FROM delivery" in statement:
            asked.append(f"{statement} {values}")

    engine = sessions.kw["bind"]
    event.listen(engine, "before_cursor_execute", note)
    yield asked
    event.remove(engine, "before_cursor_execute", note)


def hand_over(sessions: db.Sessions, outcomes: Callable[[int], Outcome], limit: int) -> None:
    with sessions.begin() as session:
        claimed = ledger.claim(session, 1, limit=limit, now=MORNING)
        said = [Receipt(r.reference, outcomes(r.delivery_id), reason="x") for r in claimed.rows]
        ledger.record(session, claimed, said, now=MORNING, provider="outbox")


def test_whatever_becomes_of_an_issue_the_figures_are_those_of_a_fresh_count(
    each_sessions: db.Sessions, settings: Settings
) -> None:
    kept = Metrics(quick_seconds=1e9)
    seen = []

    def look() -> None:
        page = kept.text(each_sessions, LATER)
        assert page == Metrics().text(each_sessions, LATER)
        seen.append([x for x in page.decode().splitlines() if x.startswith("newsletter_deliveries{")])

    def decide(after: str, count: int) -> None:
        with each_sessions.begin() as session:
            issue = session.get_one(Issue, 1)
            doubtful = select(Delivery.id).where(Delivery.state == "uncertain").order_by(Delivery.id)
            ids = session.scalars(doubtful.limit(count)).all()
            approval.decide_uncertain(session, issue, ids, after, by="Ann", now=MORNING, reason="x")

    frozen_issue(each_sessions, settings, 40)
    look()
    hand_over(each_sessions, lambda _: Outcome.ACCEPTED, 10)
    look()
    hand_over(each_sessions, lambda n: Outcome.FAILED if n % 2 else Outcome.UNCERTAIN, 12)
    look()
    hand_over(each_sessions, lambda _: Outcome.RETRY, 4)
    look()
    decide("accepted", 2)
    look()
    decide("withdrawn", 1)
    look()
    decide("pending", 1)
    look()
    with each_sessions.begin() as session:
        ledger.withdraw_pending(session, 1, reason="x", now=MORNING)
    look()
    assert len({str(lines) for lines in seen}) == len(seen) - 1, "only the retry changed no figure"
    assert seen[-1] == [
        'newsletter_deliveries{state="accepted"} 12.0',
        'newsletter_deliveries{state="failed"} 6.0',
        'newsletter_deliveries{state="uncertain"} 2.0',
        'newsletter_deliveries{state="withdrawn"} 20.0',
    ]


def test_what_no_line_can_have_left_is_counted_once(each_sessions: db.Sessions, settings: Settings) -> None:
    frozen_issue(each_sessions, settings, 30)
    hand_over(each_sessions, lambda n: Outcome.UNCERTAIN if n == 3 else Outcome.ACCEPTED, 30)
    kept = Metrics(quick_seconds=1e9)
    with statements(each_sessions) as asked:
        first = kept.text(each_sessions, LATER)
    assert [("accepted" in x) for x in asked] == [False, True]
    with statements(each_sessions) as asked:
        assert kept.text(each_sessions, LATER) == first
    assert [("accepted" in x) for x in asked] == [False]
    with each_sessions.begin() as session:
        ledger.resolve(session, [3], "accepted", reason="", now=MORNING)
    assert b'newsletter_deliveries{state="accepted"} 30.0' in kept.text(each_sessions, LATER)


def test_an_issue_of_long_ago_is_not_in_it(sessions: db.Sessions, settings: Settings) -> None:
    frozen_issue(sessions, settings, 5, on=date(2026, 3, 2))
    kept = Metrics(quick_seconds=1e9)
    assert b'newsletter_deliveries{state="pending"} 5.0' in kept.text(sessions, LATER)
    assert b"newsletter_deliveries{" not in kept.text(sessions, MORNING + timedelta(days=9))


@pytest.mark.parametrize(("quick", "readers"), [(1e9, b"1.0"), (-1.0, b"0.0")])
def test_a_count_that_took_long_is_good_for_a_while_and_a_quick_one_is_made_anew(
    sessions: db.Sessions, quick: float, readers: bytes
) -> None:
    kept = Metrics(quick_seconds=quick, reuse_factor=1e9)
    assert b"newsletter_subscribers 0.0" in kept.text(sessions, LATER)
    with sessions.begin() as session:
        ann = Subscriber(address="ann@example.com", address_hash="a", person_hash="p", asked_at=MORNING)
        ann.confirmed_at = MORNING
        session.add(ann)
    assert b"newsletter_subscribers " + readers in kept.text(sessions, LATER)
