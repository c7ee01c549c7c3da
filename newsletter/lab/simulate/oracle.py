"""What a reader must have got, from what they did: the judge's own reckoning, which knows nothing of the ledger. Pure."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime, timedelta
from enum import Enum
from typing import Final

from newsletter.lab.simulate.readers import Life
from newsletter.subscribers.access import WEEKLY_ON

# From an Issue's freeze to the last reader's hour: what a reader changes in between may count for this Issue or for the next.
IN_BETWEEN: Final = timedelta(hours=30)


class Hope(Enum):
    """Whether a reader gets an Issue."""

    MUST = "must"
    MAY = "may"
    MUST_NOT = "must not"


def hope(life: Life, issued_on: date, frozen_at: datetime, *, earlier: Collection[date] = ()) -> Hope:
    """Whether this reader gets the Issue of that day, frozen at that moment. ``earlier``: the days of the Issues before it."""
    weekly_day = issued_on - timedelta(days=(issued_on.weekday() - WEEKLY_ON) % 7)
    # Who reads weekly gets the week's first Issue from that day on, so that a morning without one costs them no week.
    for_weekly = not any(weekly_day <= day < issued_on for day in earlier)
    at_freeze = _wants(life, issued_on, frozen_at, for_weekly)
    if not at_freeze:
        return Hope.MUST_NOT
    if life.unreachable_since is not None and life.unreachable_since < frozen_at + IN_BETWEEN:
        return Hope.MAY  # whether it bounced, and when that was heard, is judged by the Suppressions
    steady = all(
        _wants(life, issued_on, m, for_weekly) for m in (*_turns(life, frozen_at), frozen_at + IN_BETWEEN)
    )
    return Hope.MUST if steady else Hope.MAY


def _wants(life: Life, issued_on: date, moment: datetime, for_weekly: bool) -> bool:
    if life.confirmed_at is None or life.confirmed_at > moment:
        return False
    if life.erased_at is not None and life.erased_at <= moment:
        return False
    if any(a.since <= moment and (a.until is None or moment < a.until) for a in life.away):
        return False
    if any(p.since <= moment and issued_on < p.until for p in life.pauses):
        return False
    weekly = life.weekly_since is not None and life.weekly_since <= moment
    return not weekly or for_weekly


def _turns(life: Life, frozen_at: datetime) -> list[datetime]:
    """Moments between the freeze and the last hour at which the reader changed something."""
    changes = [a.since for a in life.away] + [a.until for a in life.away if a.until]
    changes += [p.since for p in life.pauses]
    changes += [m for m in (life.weekly_since, life.erased_at) if m]
    return [m for m in changes if frozen_at < m < frozen_at + IN_BETWEEN]
