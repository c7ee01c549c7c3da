"""Several batches at once: nobody gets two copies and every copy is recorded, whatever stops the dispatch."""

from __future__ import annotations

import threading
import time

import pytest
from sqlalchemy import func, select, update

from newsletter import db
from newsletter.db.models import Delivery
from newsletter.delivery import ledger
from newsletter.delivery.fence import Fence, Fenced
from newsletter.delivery.providers.protocol import Outcome, Receipt
from tests.delivery.mailing import LINKS, MORNING, Postbox, Ticking, frozen_issue, run_dispatch, slots_for


class Slow(Postbox):
    """Four calls at once, each taking a moment."""

    at_once = 4

    def submit(self, messages, **more):
        time.sleep(0.01)
        return super().submit(messages, **more)


@pytest.fixture
def go(each_sessions, settings):
    def run(provider, issue_id, **more):
        given = {"settings": settings, "links": LINKS, "now": Ticking(), "slots_for": slots_for, **more}
        return run_dispatch(each_sessions, provider, issue_id=issue_id, **given)

    run.sessions, run.settings = each_sessions, settings
    return run


def states(go, issue_id) -> dict[str, int]:
    with db.reading(go.sessions) as session:
        owed = select(Delivery.state, func.count()).where(Delivery.issue_id == issue_id)
        return dict(session.execute(owed.group_by(Delivery.state)).all())


def test_several_are_under_way_and_everybody_gets_it_once(go) -> None:
    issue_id = frozen_issue(go.sessions, go.settings, 95)
    four = threading.Barrier(4)
    calls = iter(range(100))
    # The first four wait for each other: were there fewer under way, this would break.
    slow = Slow(before=lambda _: next(calls) < 4 and four.wait(timeout=20))
    report = go(slow, issue_id)
    assert (report.accepted, report.batches, report.uncertain, report.state) == (95, 10, 0, "dispatched")
    assert set(slow.taken.values()) == {1}
    assert len(slow.taken) == 95


def test_no_more_than_the_lanes_hold_is_ever_in_hand(go) -> None:
    issue_id = frozen_issue(go.sessions, go.settings, 120)
    seen = []
    go(Slow(before=lambda _: seen.append(states(go, issue_id).get("submitting", 0))), issue_id)
    assert max(seen) <= 4 * 10


def test_a_limit_counts_what_is_under_way(go) -> None:
    issue_id = frozen_issue(go.sessions, go.settings, 100)
    assert go(Slow(), issue_id, limit=33).accepted == 33
    assert states(go, issue_id) == {"accepted": 33, "pending": 67}


def test_told_to_stop_it_writes_down_what_is_under_way(go) -> None:
    issue_id = frozen_issue(go.sessions, go.settings, 200)
    stop = threading.Event()
    slow = Slow(before=lambda _: stop.set())
    report = go(slow, issue_id, stop=stop)
    assert report.accepted == slow.taken.total()
    assert states(go, issue_id) == {"accepted": report.accepted, "pending": 200 - report.accepted}


def test_brakes_let_what_is_under_way_end(go) -> None:
    issue_id = frozen_issue(go.sessions, go.settings, 400)
    slow = Slow(lambda m: Receipt(m.reference, Outcome.UNCERTAIN, reason="silence"))
    report = go(slow, issue_id)
    assert "went unanswered" in report.held
    assert report.state == "held"
    found = states(go, issue_id)
    assert "submitting" not in found
    assert found["uncertain"] <= 10 * (2 + 4)  # two to notice, and what had begun meanwhile


def test_a_pause_asked_for_lets_what_is_under_way_end(go) -> None:
    issue_id = frozen_issue(go.sessions, go.settings, 200)
    slow = Slow(lambda m: Receipt(m.reference, Outcome.RETRY, reason="later", retry_after=90.0))
    report = go(slow, issue_id)
    assert report.paused_until is not None
    assert slow.calls <= 2 * 4
    assert states(go, issue_id) == {"pending": 200}


def test_fenced_in_the_middle_it_still_writes_down_what_left(go) -> None:
    issue_id = frozen_issue(go.sessions, go.settings, 200)
    calls = []

    def close_it(_) -> None:
        calls.append(1)
        if len(calls) == 3:
            Fence(go.sessions, go.settings.FENCE_DIR).close("it was restored")

    slow = Slow(before=close_it)
    with pytest.raises(Fenced):
        go(slow, issue_id)
    found = states(go, issue_id)
    assert "submitting" not in found
    assert found["accepted"] == slow.taken.total()


def test_of_two_that_are_through_at_once_one_fault_costs_one(go) -> None:
    issue_id = frozen_issue(go.sessions, go.settings, 30)
    handed, recorded, calls, one_is_recorded = [], [], iter(range(3)), threading.Event()

    def tell(place: str) -> None:
        if place == "handed-over":
            handed.append(1)
        if place == "recorded":
            recorded.append(1)
            one_is_recorded.set()
            if len(recorded) == 2:
                raise ConnectionError  # as when the database goes away for a moment

    def until_all_are_through(*_) -> None:
        while len(handed) < 3:
            time.sleep(0.01)
        time.sleep(0.05)

    slow = Slow(before=lambda _: next(calls) and one_is_recorded.wait(timeout=20))
    slow.at_once = 3
    with pytest.raises(ConnectionError):
        go(slow, issue_id, waypoint=tell, progress=until_all_are_through)
    assert states(go, issue_id) == {"accepted": 30}


def test_what_comes_back_behind_the_claims_is_found_again(go) -> None:
    """Claims go forward; a line that is owed again behind them is found by the same run."""
    issue_id = frozen_issue(go.sessions, go.settings, 60)
    calls = iter(range(100))

    def release(_) -> None:
        if next(calls) == 4:  # as another process does that was frozen with them in hand
            with go.sessions.begin() as session:
                session.execute(update(Delivery).where(Delivery.id <= 3).values(state="pending"))

    postbox = Postbox(before=release)
    report = go(postbox, issue_id)
    assert (report.accepted, report.state) == (63, "dispatched")
    assert [address for address, times in postbox.taken.items() if times > 1] == [
        f"reader{n}@example.com" for n in (1, 2, 3)
    ]


def test_claims_go_forward_and_say_where_they_ended(each_sessions, settings) -> None:
    issue_id = frozen_issue(each_sessions, settings, 30)
    with each_sessions.begin() as session:
        first = ledger.claim(session, issue_id, limit=10, now=MORNING)
        second = ledger.claim(session, issue_id, limit=10, now=MORNING, after=first.last)
        nothing = ledger.claim(session, issue_id, limit=10, now=MORNING, after=(MORNING, 10**9))
    assert first.last == (MORNING, first.ids[-1])
    assert second.ids == [i + 10 for i in first.ids]
    assert (nothing.ids, nothing.last) == ([], None)
