"""Who gets an Issue, and why the others do not: one SELECT each, streamed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from itertools import groupby
from operator import itemgetter
from typing import Any

from sqlalchemy import ColumnElement, Text, and_, case, cast, exists, false, func, literal, null, select
from sqlalchemy.orm import Session

from newsletter.circulation.access import WEEKLY_ON, Facts, access
from newsletter.circulation.local_hour import due_at, living_zone
from newsletter.mailroom.ledger import AudienceRow
from newsletter.models import Issue, Placement, Story, Subscriber, Subscription, Suppression
from newsletter.settings import Settings

_AT_ONCE = 5_000  # rows fetched together


@dataclass(frozen=True)
class Audience:
    """Both can be walked once. Everybody with a row in ``subscriber`` is in exactly one of them."""

    rows: Iterable[AudienceRow]
    left_out: Iterable[tuple[int, str]]  # the Subscriber's number, the reason as a word


@dataclass(frozen=True)
class _Agreement:
    status: str
    paid_until: datetime | None
    past_due_at: datetime | None
    cancel_at: datetime | None


def select_audience(session: Session, issue: Issue, *, settings: Settings, now: datetime) -> Audience:
    """The Audience of ``issue`` as things stand at ``now``; read while it is walked, in the caller's transaction."""
    topics = set(
        session.scalars(
            select(Story.topic)
            .join(Placement, Placement.story_id == Story.id)
            .where(Placement.issue_id == issue.id)
        )
    )
    reason = _reason(issue.issued_on, topics=sorted(topics - {""}))
    return Audience(rows=_rows(session, issue, reason, settings, now), left_out=_left_out(session, reason))


def count(session: Session, *, on: date, weekly_as_of: date) -> int:
    """How many would get an Issue of the day ``on`` as things stand; weekly readers as on ``weekly_as_of``, so that two
    days can be compared of which only one is theirs, and all whatever their Topics."""
    reason = _reason(on, weekly_as_of)
    return session.scalar(select(func.count()).select_from(Subscriber).where(reason.is_(None))) or 0


def _reason(on: date, weekly_as_of: date | None = None, *, topics: Sequence[str] = ()) -> ColumnElement[Any]:
    """Why a Subscriber is left out of the Issue of that day, or NULL: ``access.why_not`` in SQL.

    ``topics`` are the Issue's; without them nobody is left out for theirs.
    """
    suppressed = exists().where(Suppression.address_hash == Subscriber.address_hash)
    weekly_day = weekly_as_of or on
    weekly_today = literal(weekly_day.weekday() == WEEKLY_ON) | ~_week_had_one(weekly_day)
    return case(
        (Subscriber.confirmed_at.is_(None), "unconfirmed"),
        (Subscriber.unsubscribed_at.is_not(None), "unsubscribed"),
        (suppressed, "suppressed"),
        (Subscriber.paused_until > on, "paused"),
        ((Subscriber.cadence == "weekly") & ~weekly_today, "weekly-not-today"),
        ((Subscriber.cadence == "daily") & _of_other_topics(topics), "other-topics"),
        else_=None,
    )


def _week_had_one(on: date) -> ColumnElement[bool]:
    """Whether the Issue of the last weekly day before ``on``, or one since that stood in for it, went out. If none did, the one of
    ``on`` stands in: a held Saturday must not cost those who read weekly their week."""
    since = on - timedelta(days=(on.weekday() - WEEKLY_ON) % 7)
    earlier = Issue.issued_on.between(since, on - timedelta(days=1))
    return exists().where(earlier, Issue.frozen_at.is_not(None), Issue.state != "withdrawn")


def _of_other_topics(topics: Sequence[str]) -> ColumnElement[bool]:
    """They chose Topics, and none of ``topics`` is among them."""
    # Both databases keep a JSON list as its text, and the names of Topics are plain words.
    chosen = cast(Subscriber.topics, Text)
    none_of_them = [chosen.not_like(f'%"{topic}"%') for topic in topics]
    return and_(Subscriber.topics.is_not(null()), chosen != "null", *none_of_them) if topics else false()


def _left_out(session: Session, reason: ColumnElement[Any]) -> Iterator[tuple[int, str]]:
    statement = select(Subscriber.id, reason).where(reason.is_not(None)).order_by(Subscriber.id)
    for row in session.execute(statement.execution_options(yield_per=_AT_ONCE)):
        yield row[0], row[1]


def _rows(
    session: Session, issue: Issue, reason: ColumnElement[Any], settings: Settings, now: datetime
) -> Iterator[AudienceRow]:
    """One row per reader. A reader with several Subscriptions spans several rows of the join, next to each other."""
    trial = timedelta(days=settings.TRIAL_DAYS)
    reader, paying = Subscriber.__table__, Subscription.__table__
    statement = (
        select(
            reader.c.id,
            reader.c.address_hash,
            reader.c.hour,
            reader.c.zone,
            # Of a million Trials most are long over and change nothing: those are not even read.
            case((reader.c.trial_started_at > now - trial - timedelta(days=1), reader.c.trial_started_at)),
            paying.c.status,
            paying.c.paid_until,
            paying.c.past_due_at,
            paying.c.cancel_at,
        )
        .select_from(reader.outerjoin(paying, paying.c.subscriber_id == reader.c.id))
        .where(reason.is_(None))
        # Who is due together lies together in the ledger: a batch then touches few pages of a large table.
        .order_by(reader.c.zone, reader.c.hour, reader.c.id)
        .execution_options(yield_per=_AT_ONCE)
    )
    due = _due(issue, settings, now)
    plain = access(Facts(None, (), trial), now=now).rendition
    for number, same in groupby(session.execute(statement), key=itemgetter(0)):
        lines = list(same)
        _, address_hash, hour, zone, trial_started_at, status = lines[0][:6]
        rendition = plain
        if status is not None or trial_started_at is not None:
            agreements = tuple(_Agreement(*line[5:]) for line in lines if line[5] is not None)
            rendition = access(Facts(trial_started_at, agreements, trial), now=now).rendition
        yield AudienceRow(number, address_hash, rendition, due(hour, zone))


def _due(issue: Issue, settings: Settings, now: datetime) -> Callable[[int, str], datetime]:
    """When the Issue is due to a reader, by hour and zone; each pair is worked out once."""
    stale_at = issue.composed_at + timedelta(hours=settings.STALE_AFTER)

    @cache
    def due(hour: int, zone: str) -> datetime:
        known = living_zone(zone, settings.EDITION_TZ)
        return due_at(issue.issued_on, hour, known, ready_at=now, stale_at=stale_at)

    return due
