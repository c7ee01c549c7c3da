"""When and how often a reader gets the Issue: what they may choose, and when the hour they chose comes. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import cache, lru_cache
from typing import Protocol
from zoneinfo import ZoneInfo, available_timezones

from newsletter import clock, formatting
from newsletter.errors import Refused
from newsletter.stories.topic_words import TOPICS

CADENCES = ("daily", "weekly")
MAX_PAUSE_DAYS = 366
BEFORE_STALE = timedelta(
    hours=1
)  # the latest due time before an Issue is stale: time enough to submit everything


class Preferences(Protocol):
    """The columns of a Subscriber that the reader sets. See :class:`newsletter.db.models.Subscriber`."""

    hour: int
    zone: str
    cadence: str
    topics: list[str] | None
    paused_until: date | None


def choose(
    reader: Preferences,
    *,
    hour: int,
    zone: str,
    cadence: str,
    paused_until: date | None,
    topics: Sequence[str],
    today: date,
) -> None:
    """Set all preferences of a reader, or none. The caller commits.

    ``hour`` is local (0…23) and ``zone`` an IANA name. No ``topics``, or all of them, means every Issue. ``paused_until`` is the first
    day with mail again, after ``today`` and at most :data:`MAX_PAUSE_DAYS` ahead. Raises :class:`Refused` with a sentence for the reader.
    """
    if not 0 <= hour <= 23:
        raise Refused("Please choose an hour from the list.")
    if zone not in known_zones():
        raise Refused(
            "We do not know that time zone. Please choose one from the list, such as Europe/Berlin."
        )
    if cadence not in CADENCES:
        raise Refused("Please choose daily or weekly.")
    if paused_until is not None and not 0 < (paused_until - today).days <= MAX_PAUSE_DAYS:
        raise Refused("Please pause until a day after today, at most a year ahead.")
    if not set(topics) <= set(TOPICS):
        raise Refused("Please choose topics from the list.")
    chosen = [topic for topic in TOPICS if topic in topics]
    reader.topics = None if len(chosen) in (0, len(TOPICS)) else chosen
    reader.hour, reader.zone, reader.cadence = hour, zone, cadence
    reader.paused_until = paused_until


def resume(reader: Preferences) -> None:
    """End a reader's pause now. The caller commits."""
    reader.paused_until = None


def hour_on(day: date, hour: int, zone: str) -> datetime:
    """The moment (UTC) at which it is ``hour`` o'clock on ``day`` in ``zone``, an IANA name.

    For an hour that a clock change skips, it is the moment after the change (02:00 → 03:00 local); for one that is repeated, the first.
    Raises ``KeyError`` or ``ValueError`` for a zone that does not exist.
    """
    # PEP 495: fold=0 uses the offset before the change in a gap, and means the earlier moment in an overlap.
    return datetime.combine(day, time(hour, fold=0), tzinfo=ZoneInfo(zone)).astimezone(UTC)


@cache
def known_zones() -> frozenset[str]:
    """Every IANA name of a zone. Cached, because listing them reads a thousand files."""
    return frozenset(available_timezones())


def zone_or(zone: str, default: str) -> str:
    """``zone``, or ``default`` when the zone is not known (any more), so that its readers still get their mail."""
    return zone if zone in known_zones() else default


def local_day(moment: datetime, zone: str, *, default: str) -> str:
    """The day at ``moment`` in a reader's ``zone`` (or ``default``) as text, such as ``Monday, 2 March 2026``."""
    return formatting.day(clock.day_in(zone_or(zone, default), moment))


@lru_cache(maxsize=16_384)
def due_at(day: date, hour: int, zone: str, *, ready_at: datetime, stale_at: datetime) -> datetime:
    """When the Issue of ``day`` is due to a reader, in UTC; never before ``ready_at`` (the freeze of the Audience).

    It is the reader's hour on the Issue's day. When that has passed, the Issue is due at once, unless the next such hour is nearer
    and comes before ``stale_at``: for a reader in Tokyo an Issue made in New York is ready in the evening, and tomorrow at six is
    better than the middle of the night. An hour that comes only when the Issue is stale is moved to :data:`BEFORE_STALE` before that.
    """
    own = hour_on(day, hour, zone)
    if own >= ready_at:
        return max(ready_at, min(own, stale_at - BEFORE_STALE))
    following = hour_on(day + timedelta(days=1), hour, zone)
    if ready_at <= following < stale_at and following - ready_at < ready_at - own:
        return following
    return ready_at
