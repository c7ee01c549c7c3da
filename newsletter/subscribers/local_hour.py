"""When a reader's own hour comes, across zones and clock changes. Pure."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from functools import cache, lru_cache
from zoneinfo import ZoneInfo, available_timezones

from newsletter import clock, dates

LAST_CALL = timedelta(hours=1)  # room to submit everything before an Issue is stale


def hour_on(day: date, hour: int, zone: str) -> datetime:
    """The moment (UTC) at which it is ``hour`` o'clock on ``day`` in ``zone``, an IANA name.

    An hour that the clocks skip comes when they have jumped (02:00 → 03:00 local); one they repeat, the first time.
    Raises ``KeyError`` or ``ValueError`` for a zone that does not exist.
    """
    # fold=0 means just this in PEP 495: before a gap the old offset holds, in an overlap the earlier moment.
    return datetime.combine(day, time(hour, fold=0), tzinfo=ZoneInfo(zone)).astimezone(UTC)


@cache
def known_zones() -> frozenset[str]:
    """Every zone's IANA name. Kept: looking them up reads a thousand files."""
    return frozenset(available_timezones())


def living_zone(zone: str, otherwise: str) -> str:
    """``zone``, or ``otherwise`` when there is none of that name (any more): an abolished zone must cost its readers nothing."""
    return zone if zone in known_zones() else otherwise


def local_day(moment: datetime, zone: str, *, otherwise: str) -> str:
    """``Monday, 2 March 2026``: the day it is at ``moment`` where a reader of this ``zone`` lives, for a mail to them alone."""
    return dates.day(clock.day_in(living_zone(zone, otherwise), moment))


@lru_cache(maxsize=16_384)
def due_at(day: date, hour: int, zone: str, *, ready_at: datetime, stale_at: datetime) -> datetime:
    """When the Issue of ``day`` is due to a reader, never before ``ready_at`` (the freeze).

    It is their hour on the Issue's day. When that is past already: at once, unless their next such hour is nearer and
    comes before the Issue goes stale (for a reader in Tokyo an Issue made in New York is ready in the evening, and
    tomorrow at six is a better moment than the middle of the night). An hour that comes only when the Issue has gone
    stale is moved forward to :data:`LAST_CALL` before that.
    """
    own = hour_on(day, hour, zone)
    if own >= ready_at:
        return max(ready_at, min(own, stale_at - LAST_CALL))
    following = hour_on(day + timedelta(days=1), hour, zone)
    if ready_at <= following < stale_at and following - ready_at < ready_at - own:
        return following
    return ready_at
