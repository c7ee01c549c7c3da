"""Says which Issues a simulated reader should get, from what the reader did. Independent of the ledger. Pure."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime, timedelta
from enum import Enum
from typing import Final

from newsletter.lab.simulate.readers import Reader
from newsletter.subscribers.access import WEEKLY_ON

# The time from an Issue's freeze to the last reader's hour. A change made within it may count for this Issue or for the next.
IN_BETWEEN: Final = timedelta(hours=30)


class Expected(Enum):
    """Whether a reader gets an Issue."""

    MUST = "must"
    MAY = "may"
    MUST_NOT = "must not"


def expected_of(
    reader: Reader, issued_on: date, frozen_at: datetime, *, earlier: Collection[date] = ()
) -> Expected:
    """Return whether ``reader`` gets the Issue of ``issued_on``, whose Audience was frozen at ``frozen_at`` (UTC).

    ``earlier``: the days of the Issues before it.
    """
    weekly_day = issued_on - timedelta(days=(issued_on.weekday() - WEEKLY_ON) % 7)
    # A weekly reader gets the first Issue from the weekly day on, so a day without an Issue does not cost a week.
    for_weekly = not any(weekly_day <= day < issued_on for day in earlier)
    at_freeze = _wants(reader, issued_on, frozen_at, for_weekly)
    if not at_freeze:
        return Expected.MUST_NOT
    if reader.unreachable_since is not None and reader.unreachable_since < frozen_at + IN_BETWEEN:
        return Expected.MAY  # whether it bounced, and when that was heard, is judged by the Suppressions
    steady = all(
        _wants(reader, issued_on, m, for_weekly)
        for m in (*_changes(reader, frozen_at), frozen_at + IN_BETWEEN)
    )
    return Expected.MUST if steady else Expected.MAY


def _wants(reader: Reader, issued_on: date, moment: datetime, for_weekly: bool) -> bool:
    if reader.confirmed_at is None or reader.confirmed_at > moment:
        return False
    if reader.erased_at is not None and reader.erased_at <= moment:
        return False
    if any(a.since <= moment and (a.until is None or moment < a.until) for a in reader.away):
        return False
    if any(p.since <= moment and issued_on < p.until for p in reader.pauses):
        return False
    weekly = reader.weekly_since is not None and reader.weekly_since <= moment
    return not weekly or for_weekly


def _changes(reader: Reader, frozen_at: datetime) -> list[datetime]:
    """Moments at which the reader changed something between the freeze and the last hour."""
    changes = [a.since for a in reader.away] + [a.until for a in reader.away if a.until]
    changes += [p.since for p in reader.pauses]
    changes += [m for m in (reader.weekly_since, reader.erased_at) if m]
    return [m for m in changes if frozen_at < m < frozen_at + IN_BETWEEN]
