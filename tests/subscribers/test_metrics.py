"""The sums of the desk's figures, on both databases: days in the newsletter's zone, domains that name nobody."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from newsletter import db
from newsletter.db.models import Delivery, DeliveryEvent, Issue, IssueSum, Report, Story, Subscriber
from newsletter.subscribers import metrics
from tests.conftest import MORNING

ZONE = "America/New_York"
DAYS = [date(2026, 3, 1), date(2026, 3, 2)]


def _reader(session: Any, n: int, address: str, **values: Any) -> int:
    reader = Subscriber(
        address=address, address_hash=f"h{n}", person_hash=f"p{n}", asked_at=MORNING, **values
    )
    session.add(reader)
    session.flush()
    return reader.id


def test_days_begin_at_the_newsletters_own_midnight(each_sessions: db.Sessions) -> None:
    edge = metrics.day_bounds(DAYS, ZONE)[1]  # 2 March in New York
    with each_sessions.begin() as session:
        _reader(session, 1, "a@x.example", confirmed_at=edge - timedelta(microseconds=1))
        _reader(session, 2, "b@x.example", confirmed_at=edge)
        _reader(session, 3, "c@x.example", confirmed_at=edge - timedelta(days=9), unsubscribed_at=edge)
        _reader(session, 4, "d@x.example")
        assert metrics.per_day(session, Subscriber.confirmed_at, DAYS, ZONE) == [1, 1]
        assert metrics.per_day(session, Subscriber.unsubscribed_at, DAYS, ZONE) == [0, 1]
        assert metrics.readers_before(session, edge) == 2
        assert metrics.readers_before(session, edge + timedelta(seconds=1)) == 2


def test_copies_by_domain_and_by_issue(each_sessions: db.Sessions) -> None:
    with each_sessions.begin() as session:
        out = Issue(
            issued_on=DAYS[0], state="dispatched", subject="x", composed_at=MORNING, frozen_at=MORNING
        )
        live = Issue(
            issued_on=DAYS[1],
            state="dispatching",
            subject="x",
            composed_at=MORNING,
            frozen_at=MORNING + timedelta(days=1),
        )
        story = Story(
            slug="s",
            created_at=MORNING,
            first_published_at=MORNING,
            last_published_at=MORNING,
            grouped_at=MORNING,
        )
        session.add_all([out, live, story])
        session.flush()
        session.add(Report(story_id=story.id, reason="fact", reported_at=MORNING + timedelta(hours=1)))
        addresses = [f"r{n}@big.example" for n in range(6)] + [f"r{n}@odd.r{n}.example" for n in range(3)]
        for n, address in enumerate(addresses):
            gone = MORNING + timedelta(hours=2) if n == 0 else None
            number = _reader(session, n, address, confirmed_at=MORNING, unsubscribed_at=gone)
            state = ("failed", "pending", "accepted")[min(n, 2)]
            line = Delivery(issue_id=out.id, subscriber_id=number, address_hash=f"h{n}", rendition="full" if n % 2 else "metered",
                            content_hash="x", due_at=MORNING, state=state)  # fmt: skip
            session.add(line)
            session.flush()
            kinds = {2: ["deferred", "bounced"], 3: ["complained"], 8: ["bounced", "bounced"]}.get(n, [])
            for m, kind in enumerate(kinds):
                session.add(
                    DeliveryEvent(provider="p", provider_event_id=f"{n}.{m}", delivery_id=line.id, kind=kind,
                                  happened_at=MORNING, received_at=MORNING)
                )  # fmt: skip
        session.flush()
        big, others = metrics.by_domain(session, out.id)
        assert (big.domain, big.copies, big.accepted) == ("big.example", 5, 4)
        assert (big.bounced, big.complained, big.deferred, big.problems) == (1, 1, 1, 3)
        assert (others.domain, others.copies, others.bounced, others.problems) == (metrics.OTHERS, 3, 1, 1)
        (line,) = metrics.by_issue(session, 30)  # one on its way is not drawn yet
        assert (line.full, line.metered, line.copies) == (4, 5, 9)
        assert line.states == {"failed": 1, "pending": 1, "accepted": 7}
        assert line.heard == {"deferred": 1, "bounced": 2, "complained": 1}
        assert (line.left, line.reports, line.per_thousand(line.left)) == (1, 1, 111.1)
        assert metrics.by_domain(session, live.id) == []
        assert metrics.store_sums(session, now=MORNING + timedelta(days=3)) == 0  # more may be heard
        later = MORNING + timedelta(days=5)
        assert (metrics.store_sums(session, now=later), metrics.store_sums(session, now=later)) == (1, 0)
        session.query(DeliveryEvent).delete()  # as after ninety days
        session.query(Delivery).delete()
        assert metrics.by_issue(session, 30) == [line]


def test_copies_taken_are_counted_once_and_doubts_each_time(each_sessions: db.Sessions) -> None:
    with each_sessions.begin() as session:
        old, new = (
            Issue(issued_on=day, state="dispatched", subject="x", composed_at=MORNING, frozen_at=MORNING)
            for day in DAYS
        )
        session.add_all([old, new])
        session.flush()
        sums = {"states": {"accepted": 7, "uncertain": 2}}
        session.add(IssueSum(issue_id=old.id, summed_at=MORNING, sums=sums))
        for n, (issue, state) in enumerate(
            ((old, "accepted"), (old, "uncertain"), (new, "accepted"), (new, "failed"))
        ):
            session.add(
                Delivery(
                    issue_id=issue.id,
                    address_hash=f"h{n}",
                    rendition="full",
                    content_hash="x",
                    due_at=MORNING,
                    state=state,
                )
            )
        session.flush()
        assert metrics.accepted(session, [old, new]) == {old.id: 7, new.id: 1}
        assert metrics.uncertain(session, [old, new]) == {old.id: 1}
        assert metrics.accepted(session, []) == metrics.uncertain(session, []) == {}
