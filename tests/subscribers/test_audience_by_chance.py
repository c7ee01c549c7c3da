"""Who gets an Issue, which Rendition and when, decided in SQL for everybody at once, is what the pure rules say of each one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as with_settings
from hypothesis import strategies as st
from sqlalchemy import delete, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from newsletter import db
from newsletter.db.models import (
    Delivery,
    Issue,
    LeftOut,
    Placement,
    Rendition,
    Story,
    StoryRevision,
    Subscriber,
    Subscription,
    Suppression,
)
from newsletter.delivery import approval, ledger
from newsletter.delivery.mail.messages import content_hash
from newsletter.settings import Settings
from newsletter.subscribers import erasure
from newsletter.subscribers.access import PAST_DUE_GRACE, RENEWAL_GRACE, Facts, MailFacts, access, why_not
from newsletter.subscribers.audience import select_audience
from newsletter.subscribers.preferences import due_at, zone_or
from tests.subscribers.readers import make_reader

NOW = datetime(2026, 3, 6, 10, 0, tzinfo=UTC)  # a Friday, 05:00 in New York
DAYS = (date(2026, 3, 6), date(2026, 3, 7))
TRIAL = timedelta(days=7)
JUST = timedelta(microseconds=1)
TOPICS = ("Politics", "World", "Health", "Sport")
ZONES = (
    "America/New_York", "Europe/Berlin", "Asia/Tokyo", "Asia/Kathmandu", "Pacific/Chatham", "Pacific/Honolulu", "Atlantis/Capital",
)  # fmt: skip


def moments_near(*edges: datetime) -> st.SearchStrategy[datetime]:
    """Moments that lie on, just before, just after or well away from these."""
    away = (timedelta(0), JUST, -JUST, timedelta(days=3), -timedelta(days=3))
    return st.builds(lambda edge, by: edge + by, st.sampled_from(edges), st.sampled_from(away))


@dataclass(frozen=True)
class Agreed:
    status: str
    paid_until: datetime | None
    past_due_at: datetime | None
    cancel_at: datetime | None


AGREEMENTS = st.builds(
    Agreed,
    st.sampled_from(["trialing", "active", "past_due", "canceled"]),
    st.none() | moments_near(NOW, NOW - RENEWAL_GRACE),
    st.none() | moments_near(NOW - PAST_DUE_GRACE),
    st.none() | moments_near(NOW),
)
# Most readers are plain, so that the rarer facts do not hide behind each other.
READERS = st.fixed_dictionaries(
    {
        "confirmed_at": st.sampled_from([NOW - TRIAL] * 7 + [None]),
        "unsubscribed_at": st.sampled_from([None] * 7 + [NOW]),
        "suppressed": st.sampled_from([False] * 7 + [True]),
        "paused_until": st.sampled_from(
            [None] * 5 + [day + timedelta(days=n) for day in DAYS for n in (-1, 0, 1)]
        ),
        "cadence": st.sampled_from(["daily", "daily", "weekly"]),
        "topics": st.none() | st.lists(st.sampled_from(TOPICS), unique=True),
        "hour": st.integers(0, 23),
        "zone": st.sampled_from(ZONES),
        "trial_started_at": st.none() | moments_near(NOW, NOW - TRIAL),
        "agreements": st.lists(AGREEMENTS, max_size=3),
    }
)


@pytest.mark.slow
@given(
    readers=st.lists(READERS, min_size=1, max_size=25),
    day=st.sampled_from(DAYS),
    topics=st.lists(st.sampled_from(TOPICS), max_size=3),
    week_had_one=st.booleans(),
)
@with_settings(
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture], max_examples=60
)
def test_the_frozen_ledger_is_what_the_rules_say_of_each_reader(
    each_sessions: db.Sessions,
    settings: Settings,
    readers: list[dict[str, Any]],
    day: date,
    topics: list[str],
    week_had_one: bool,
) -> None:
    with each_sessions() as session:  # never committed: each example begins from nothing
        numbers = [add(session, n, facts) for n, facts in enumerate(readers)]
        if week_had_one:  # last Saturday's
            earlier = {"composed_at": NOW, "subject": "x", "state": "dispatched", "frozen_at": NOW}
            session.add(Issue(issued_on=date(2026, 2, 28), **earlier))
        issue = add_issue(session, settings, day, topics)
        chosen = select_audience(session, issue, settings=settings, now=NOW)
        assert ledger.freeze(session, issue, chosen, now=NOW)
        lines = session.execute(
            select(
                Delivery.subscriber_id, Delivery.address_hash, Delivery.rendition, Delivery.content_hash, Delivery.due_at,
                Delivery.state, Delivery.attempts, Delivery.submitted_at, Delivery.claim,
            ).where(Delivery.issue_id == issue.id)
        ).all()  # fmt: skip
        left_out = session.execute(select(LeftOut.subscriber_id, LeftOut.reason)).all()
        hashes = {r.kind: r.content_hash for r in session.scalars(select(Rendition))}
        expected: list[tuple[Any, ...]] = []
        reasons: list[tuple[int, str]] = []
        for number, facts in zip(numbers, readers, strict=True):
            if why := reason_of(facts, day, topics, week_had_one):
                reasons.append((number, why))
                continue
            agreed = tuple(facts["agreements"])
            rendition = access(Facts(facts["trial_started_at"], agreed, TRIAL), now=NOW).rendition
            due = due_at(
                day,
                facts["hour"],
                zone_or(facts["zone"], settings.EDITION_TZ),
                ready_at=NOW,
                stale_at=issue.composed_at + timedelta(hours=settings.STALE_AFTER),
            )
            known_as = f"hash{number}"
            expected.append((number, known_as, rendition, hashes[rendition], due, "pending", 0, None, None))
        assert sorted(map(tuple, lines)) == sorted(expected)
        assert sorted(map(tuple, left_out)) == sorted(reasons)
        assert issue.audience_size == len(expected)
        assert ledger.sum_up(session, issue.id).adds_up


def reason_of(facts: dict[str, Any], day: date, topics: list[str], week_had_one: bool) -> str | None:
    names = ("confirmed_at", "unsubscribed_at", "suppressed", "paused_until", "cadence", "topics")
    reader = MailFacts(**{name: facts[name] for name in names})
    return why_not(reader, on=day, week_had_one=week_had_one, issue_topics=topics)


def add(session: Session, n: int, facts: dict[str, Any]) -> int:
    """A Subscriber of these facts. Returns the number."""
    number = n * 3 + 7  # with gaps, as erased readers leave them
    known_as = f"hash{number}"
    row = {k: v for k, v in facts.items() if k not in ("suppressed", "agreements")}
    session.add(
        Subscriber(
            id=number,
            address=f"r{number}@example.com",
            address_hash=known_as,
            person_hash=known_as,
            asked_at=NOW,
            **row,
        )
    )
    session.flush()
    if facts["suppressed"]:
        session.add(Suppression(address_hash=known_as, reason="bounced", suppressed_at=NOW))
    for which, agreed in enumerate(facts["agreements"]):
        session.add(
            Subscription(
                subscriber_id=number,
                processor="offline",
                processor_id=f"{number}-{which}",
                started_at=NOW,
                changed_at=NOW,
                **vars(agreed),
            )
        )
    session.flush()
    return number


def add_issue(session: Session, settings: Settings, day: date, topics: list[str]) -> Issue:
    """An approved Issue of Stories of these Topics."""
    issue = Issue(issued_on=day, composed_at=NOW, subject="s")
    session.add(issue)
    session.flush()
    for rank, topic in enumerate(topics, start=1):
        story = Story(
            slug=f"s{rank}", topic=topic, created_at=NOW, first_published_at=NOW, last_published_at=NOW, grouped_at=NOW
        )  # fmt: skip
        session.add(story)
        session.flush()
        told = StoryRevision(
            story_id=story.id, revision=1, words={}, written_at=NOW, written_by="extractive", input_hash="x"
        )
        session.add(told)
        session.flush()
        session.add(Placement(issue_id=issue.id, story_id=story.id, story_revision_id=told.id, rank=rank))
    for kind in ("full", "metered"):
        digest = content_hash("s", kind, "t", "p")
        bytes_ = {"subject": "s", "preheader": "p", "html": kind, "text": "t", "content_hash": digest}
        session.add(Rendition(issue_id=issue.id, kind=kind, rendered_at=NOW, **bytes_))
    session.flush()
    approval.approve(session, issue, by="test", now=NOW, settings=settings, findings=[])
    return issue


def test_what_readers_change_while_the_ledger_is_opened_leaves_nobody_in_both_or_in_neither(
    each_sessions: db.Sessions, settings: Settings
) -> None:
    """On PostgreSQL others write meanwhile, and every statement sees what they committed; SQLite has one writer."""
    facts = {"confirmed_at": NOW, "cadence": "daily", "hour": 6, "zone": "Europe/Berlin"}
    stays, leaves, moves, comes_back, goes = (
        make_reader(each_sessions, NOW, f"{n}@example.com", **{**facts, **more}).id
        for n, more in enumerate(({}, {}, {}, {"paused_until": date(2026, 4, 1)}, {}))
    )
    with each_sessions.begin() as session:
        issue_id = add_issue(session, settings, DAYS[0], []).id

    def meanwhile(place: str) -> None:
        changes: tuple[tuple[int, dict[str, Any]], ...] = (
            (leaves, {"unsubscribed_at": NOW}),
            (moves, {"zone": "Pacific/Chatham", "hour": 17}),
            (comes_back, {"paused_until": None}),
        )
        for number, change in changes:
            with each_sessions.begin() as other:
                other.query(Subscriber).filter(Subscriber.id == number).update(change)
        with each_sessions() as other:
            other.execute(text("SET LOCAL lock_timeout = '50ms'"))
            with pytest.raises(DBAPIError, match="lock timeout"):
                other.execute(delete(Subscriber).where(Subscriber.id == goes))

    with each_sessions.begin() as session:
        issue = session.get_one(Issue, issue_id)
        chosen = select_audience(session, issue, settings=settings, now=NOW)
        shared = db.dialect_of(session) == "postgresql"
        assert ledger.freeze(session, issue, chosen, now=NOW, waypoint=meanwhile if shared else None)
    with db.reading(each_sessions) as session:
        owed = set(session.scalars(select(Delivery.subscriber_id)))
        left = dict(session.execute(select(LeftOut.subscriber_id, LeftOut.reason)).all())
    assert owed == {stays, leaves, moves, goes}
    assert left == {comes_back: "paused"}
    with each_sessions.begin() as session:  # and once it is opened, who wants to go goes
        erasure.erase(session, session.get_one(Subscriber, goes), now=NOW)
    with each_sessions.begin() as session:
        taken = ledger.claim(session, issue_id, limit=10, now=NOW + timedelta(hours=20))
    assert taken.withdrawn == (2 if shared else 1)
