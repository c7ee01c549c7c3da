"""The Audience: who gets an Issue, and why the others do not. It is one SELECT, from which the ledger is opened."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Text, and_, case, cast, exists, false, func, literal, null, or_, select
from sqlalchemy.orm import Session

from newsletter.db.models import Issue, Placement, Story, Subscriber, Subscription, Suppression
from newsletter.delivery.ledger import Audience
from newsletter.settings import Settings
from newsletter.subscribers.access import PAST_DUE_GRACE, RENEWAL_GRACE, WEEKLY_ON, Access
from newsletter.subscribers.preferences import due_at, zone_or

_FULL: Final = Access.FULL.rendition
_METERED: Final = Access.METERED.rendition


def select_audience(session: Session, issue: Issue, *, settings: Settings, now: datetime) -> Audience:
    """The Audience of ``issue``: every Subscriber with a Rendition or a reason to be left out. Money and Trials count as of ``now``."""
    topics = set(
        session.scalars(
            select(Story.topic)
            .join(Placement, Placement.story_id == Story.id)
            .where(Placement.issue_id == issue.id)
        )
    )
    reason = _reason(issue.issued_on, topics=sorted(topics - {""}))
    full = or_(_pays(now), _in_trial(now, timedelta(days=settings.TRIAL_DAYS)))
    everything = cast(literal(_FULL), Text)
    everybody = select(
        Subscriber.id.label("subscriber_id"),
        Subscriber.address_hash,
        (everything if settings.is_free else case((full, _FULL), else_=_METERED)).label("rendition"),
        Subscriber.hour,
        Subscriber.zone,
        reason.label("reason"),
    )
    return Audience(everybody, _due(issue, settings, now))


def count(session: Session, *, on: date, weekly_as_of: date) -> int:
    """How many Subscribers would get an Issue of the day ``on``, whatever their Topics.

    Weekly readers count as if it were ``weekly_as_of``, so that two days can be compared of which only one is theirs.
    """
    reason = _reason(on, weekly_as_of)
    return session.scalar(select(func.count()).select_from(Subscriber).where(reason.is_(None))) or 0


def _reason(on: date, weekly_as_of: date | None = None, *, topics: Sequence[str] = ()) -> ColumnElement[Any]:
    """Why a Subscriber is left out of the Issue of that day, or NULL: ``access.why_not`` in SQL.

    ``topics`` are the Issue's; without any, nobody is left out because of Topics.
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
    """Whether the Issue of the last weekly day before ``on``, or one since, was sent to weekly readers.

    If none was, they get the one of ``on``: when Saturday's Issue is held, weekly readers must not miss a week.
    """
    since = on - timedelta(days=(on.weekday() - WEEKLY_ON) % 7)
    earlier = Issue.issued_on.between(since, on - timedelta(days=1))
    return exists().where(earlier, Issue.frozen_at.is_not(None), Issue.state != "withdrawn")


def _of_other_topics(topics: Sequence[str]) -> ColumnElement[bool]:
    """Whether a Subscriber chose Topics, and none of ``topics`` is among them."""
    # Both databases can compare a JSON list as text, and the name of no Topic contains another or a special character.
    chosen = cast(Subscriber.topics, Text)
    none_of_them = [chosen.not_like(f'%"{topic}"%') for topic in topics]
    return and_(Subscriber.topics.is_not(null()), chosen != "null", *none_of_them) if topics else false()


def _pays(now: datetime) -> ColumnElement[bool]:
    """Whether a Subscription of a Subscriber gives full Access: ``access.pays`` in SQL."""
    agreement = Subscription
    paid = agreement.status.in_(("active", "trialing")) & (
        agreement.paid_until.is_(None) | (agreement.paid_until > now - RENEWAL_GRACE)
    )
    in_grace = (agreement.status == "past_due") & (
        agreement.past_due_at.is_(None) | (agreement.past_due_at > now - PAST_DUE_GRACE)
    )
    not_ended = agreement.cancel_at.is_(None) | (agreement.cancel_at > now)
    return exists().where(agreement.subscriber_id == Subscriber.id, not_ended, paid | in_grace)


def _in_trial(now: datetime, trial: timedelta) -> ColumnElement[bool]:
    """Whether a Subscriber's Trial runs at ``now``: the second half of ``access.access`` in SQL."""
    began = Subscriber.trial_started_at
    return and_(began.is_not(None), began <= now, began > now - trial)


def _due(issue: Issue, settings: Settings, now: datetime) -> Callable[[int, str], datetime]:
    """A function of hour and zone that says when the Issue is due to readers who chose them."""
    stale_at = issue.composed_at + timedelta(hours=settings.STALE_AFTER)

    def due(hour: int, zone: str) -> datetime:
        known = zone_or(zone, settings.EDITION_TZ)
        return due_at(issue.issued_on, hour, known, ready_at=now, stale_at=stale_at)

    return due
