"""Who gets an Issue and why the others do not: SQL and the pure rule say the same, on both databases."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from itertools import product
from typing import NamedTuple

from sqlalchemy import select

from newsletter import db
from newsletter.db.models import Issue, Placement, Story, StoryRevision, Subscription, Suppression
from newsletter.settings import Settings
from newsletter.subscribers.access import MailFacts, why_not
from newsletter.subscribers.audience import select_audience
from tests.subscribers.readers import make_reader

MONDAY, SATURDAY = date(2026, 3, 2), date(2026, 3, 7)


class Owed(NamedTuple):
    rendition: str
    due_at: datetime


def audience(
    sessions: db.Sessions, settings: Settings, day: date, now: datetime
) -> tuple[dict[int, Owed], dict[int, str]]:
    """Who would get the Issue of that day, and why the others would not."""
    rows: dict[int, Owed] = {}
    left_out: dict[int, str] = {}
    with db.reading(sessions) as session:
        issue = session.scalars(select(Issue).where(Issue.issued_on == day)).first()
        issue = issue or Issue(issued_on=day, composed_at=now)
        found = select_audience(session, issue, settings=settings, now=now)
        for number, _, rendition, hour, zone, reason in session.execute(found.everybody):
            assert number not in rows
            assert number not in left_out
            if reason is None:
                rows[number] = Owed(rendition, found.due(hour, zone))
            else:
                left_out[number] = reason
    return rows, left_out


def went_out(sessions: db.Sessions, day: date, now: datetime, **facts: object) -> None:
    with sessions.begin() as session:
        row = {"issued_on": day, "composed_at": now, "subject": "x", "state": "dispatched", "frozen_at": now}
        session.add(Issue(**{**row, **facts}))


def test_who_reads_weekly_gets_the_next_issue_when_saturdays_did_not_go_out(
    each_sessions: db.Sessions, settings: Settings, now: datetime
) -> None:
    reader = make_reader(each_sessions, now, "weekly@example.com", confirmed_at=now, cadence="weekly")

    def gets(day: date) -> bool:
        return reader.id in audience(each_sessions, settings, day, now)[0]

    went_out(each_sessions, SATURDAY, now, state="held", frozen_at=None)
    sunday, monday, next_saturday = (SATURDAY + timedelta(days=n) for n in (1, 2, 7))
    assert gets(sunday)  # stands in for it
    went_out(each_sessions, sunday, now, state="withdrawn")
    assert gets(monday)
    went_out(each_sessions, monday, now, state="dispatching")
    assert not gets(monday + timedelta(days=1))
    assert not gets(monday + timedelta(days=4))  # Friday
    assert gets(next_saturday)
    with each_sessions.begin() as session:  # had Saturday's gone out, Sunday's would not have come
        session.query(Issue).filter(Issue.issued_on == SATURDAY).update({"frozen_at": now})
    assert not gets(sunday)


def test_every_reader_is_in_exactly_one_and_for_the_reason_of_the_rule(
    each_sessions: db.Sessions, settings: Settings, now: datetime
) -> None:
    facts = {}
    pauses = (None, MONDAY - timedelta(days=1), MONDAY, MONDAY + timedelta(days=1), date(2026, 3, 9))
    every = product((None, now), (None, now), (False, True), pauses, ("daily", "weekly"))
    for number, (confirmed, left, suppressed, paused, cadence) in enumerate(every):
        reader = make_reader(
            each_sessions,
            now,
            f"r{number}@example.com",
            confirmed_at=confirmed,
            unsubscribed_at=left,
            paused_until=paused,
            cadence=cadence,
        )
        if suppressed:
            with each_sessions.begin() as session:
                row = Suppression(address_hash=reader.address_hash, reason="bounced", suppressed_at=now)
                session.add(row)
        facts[reader.id] = {
            "confirmed_at": confirmed,
            "unsubscribed_at": left,
            "suppressed": suppressed,
            "paused_until": paused,
            "cadence": cadence,
        }
    went_out(each_sessions, MONDAY - timedelta(days=2), now)
    for day in (MONDAY, SATURDAY):
        rows, left_out = audience(each_sessions, settings, day, now)
        expected = {number: why_not(MailFacts(**fact), on=day) for number, fact in facts.items()}  # type: ignore[arg-type]
        assert left_out == {n: reason for n, reason in expected.items() if reason}
        assert set(rows) == {n for n, reason in expected.items() if reason is None}
        assert set(left_out.values()) >= {"unconfirmed", "unsubscribed", "suppressed", "paused"}
    assert "weekly-not-today" in audience(each_sessions, settings, MONDAY, now)[1].values()


def test_topics_decide_whether_an_issue_comes_and_never_what_it_says(
    each_sessions: db.Sessions, settings: Settings, now: datetime
) -> None:
    choices = (None, ["Health"], ["Health", "Sport"], ["World"], ["Politics", "World", "Health"])
    readers = {}
    for number, (topics, cadence) in enumerate(product(choices, ("daily", "weekly"))):
        made = make_reader(each_sessions, now, f"t{number}@example.com", topics=topics, cadence=cadence)
        readers[made.id] = {"topics": topics, "cadence": cadence}
    with each_sessions.begin() as session:
        for day in (MONDAY, SATURDAY):
            issue = Issue(issued_on=day, composed_at=now, subject="x")
            session.add(issue)
            session.flush()
            for rank, topic in enumerate(("World", "Politics", "World"), start=1):
                story = Story(
                    slug=f"{day}-{rank}", topic=topic, created_at=now, first_published_at=now,
                    last_published_at=now, grouped_at=now,
                )  # fmt: skip
                session.add(story)
                session.flush()
                told = StoryRevision(
                    story_id=story.id,
                    revision=1,
                    words={},
                    written_at=now,
                    written_by="extractive",
                    input_hash="x",
                )
                session.add(told)
                session.flush()
                session.add(
                    Placement(issue_id=issue.id, story_id=story.id, story_revision_id=told.id, rank=rank)
                )
    for day in (MONDAY, SATURDAY):
        rows, left_out = audience(each_sessions, settings, day, now)
        expected = {
            number: why_not(
                MailFacts(now, None, False, None, **chosen),  # type: ignore[arg-type]
                on=day,
                week_had_one=False,
                issue_topics=("World", "Politics"),
            )
            for number, chosen in readers.items()
        }
        assert left_out == {n: reason for n, reason in expected.items() if reason}
        assert "other-topics" in left_out.values()
        assert len(rows) + len(left_out) == len(readers)
    assert len({(r.rendition, r.due_at) for r in rows.values()}) == 1


def test_the_rendition_follows_trial_and_money(
    each_sessions: db.Sessions, settings: Settings, now: datetime
) -> None:
    def paying(number: int, **facts: object) -> None:
        row = {
            "processor": "offline",
            "processor_id": f"{number}-{len(facts)}-{facts.get('status')}",
            "started_at": now,
            "changed_at": now,
            **facts,
        }
        with each_sessions.begin() as session:
            session.add(Subscription(subscriber_id=number, **row))

    day = timedelta(days=1)
    in_trial = make_reader(each_sessions, now, "trial@example.com", trial_started_at=now - 6 * day)
    at_end = make_reader(each_sessions, now, "end@example.com", trial_started_at=now - 7 * day)
    never = make_reader(each_sessions, now, "never@example.com", trial_started_at=None)
    pays = make_reader(each_sessions, now, "pays@example.com")
    paying(pays.id, status="active", paid_until=now + day)
    behind = make_reader(each_sessions, now, "behind@example.com")
    paying(behind.id, status="past_due", past_due_at=now - day, paid_until=now - 2 * day)
    long_behind = make_reader(each_sessions, now, "long@example.com")
    paying(long_behind.id, status="past_due", past_due_at=now - 30 * day, paid_until=now - 31 * day)
    twice = make_reader(each_sessions, now, "twice@example.com")
    paying(twice.id, status="canceled", cancel_at=now - day, paid_until=now - day)
    paying(twice.id, status="active", paid_until=None)

    rows, _ = audience(each_sessions, settings, MONDAY, now)
    assert {n: row.rendition for n, row in rows.items()} == {
        in_trial.id: "full",
        at_end.id: "metered",
        never.id: "metered",
        pays.id: "full",
        behind.id: "full",
        long_behind.id: "metered",
        twice.id: "full",
    }


def test_each_is_due_at_their_own_hour(each_sessions: db.Sessions, settings: Settings, now: datetime) -> None:
    berlin = make_reader(each_sessions, now, "b@example.com", hour=18, zone="Europe/Berlin")
    past = make_reader(each_sessions, now, "p@example.com", hour=4, zone="America/New_York")
    abolished = make_reader(each_sessions, now, "a@example.com", hour=8, zone="Atlantis/Capital")
    rows, _ = audience(each_sessions, settings, MONDAY, now)  # 05:00 in New York
    assert rows[berlin.id].due_at == datetime(2026, 3, 2, 17, 0, tzinfo=UTC)
    assert rows[past.id].due_at == now
    assert rows[abolished.id].due_at == datetime(2026, 3, 2, 13, 0, tzinfo=UTC)


def test_where_nothing_is_sold_everybody_gets_the_full_edition(
    each_sessions: db.Sessions, make_settings: Callable[..., Settings], now: datetime
) -> None:
    readers = [
        make_reader(each_sessions, now, f"{n}@example.com", trial_started_at=began)
        for n, began in enumerate((None, now, now - timedelta(days=40)))
    ]
    sold = audience(each_sessions, make_settings(), MONDAY, now)[0]
    free = audience(each_sessions, make_settings(PRICE=""), MONDAY, now)[0]
    assert [sold[r.id].rendition for r in readers] == ["metered", "full", "metered"]
    assert [free[r.id].rendition for r in readers] == ["full"] * 3
