"""The only place that reads the time. Everything else gets a moment (aware, UTC) as an argument."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from threading import Event
from time import monotonic
from zoneinfo import ZoneInfo

from newsletter.errors import SettingsError

Clock = Callable[[], datetime]
YEARS = range(1971, 2201)  # outside, conversions to zones and sums of days overflow


def system() -> datetime:
    """Return the present moment (aware, UTC)."""
    return datetime.now(UTC)


def replay(start: datetime) -> Clock:
    """Return a clock that began at ``start`` and runs since, for ``--now``."""
    began = monotonic()
    return lambda: start + timedelta(seconds=monotonic() - began)


def fixed(moment: datetime) -> Clock:
    """Return a clock that never moves, for tests."""
    return lambda: moment


def parse_moment(text: str, option: str = "--now") -> datetime:
    """Parse the value of ``option``: ISO 8601; without an offset it is UTC. Raises :class:`SettingsError`."""
    try:
        moment = datetime.fromisoformat(text)
        if moment.year not in YEARS:
            raise ValueError
    except ValueError:
        raise SettingsError(f"{option}: '{text}' is not a moment such as 2025-08-25T20:30Z") from None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def day_in(zone: str, moment: datetime) -> date:
    """Return the calendar day in ``zone`` (an IANA name) at ``moment``."""
    return moment.astimezone(ZoneInfo(zone)).date()


class ManualClock:
    """A clock that its owner moves forward: a replay moves it from one event to the next."""

    def __init__(self, start: datetime) -> None:
        self._now = start

    def __call__(self) -> datetime:
        return self._now

    def forward(self, to: datetime) -> datetime:
        """Move to ``to`` unless that is past; returns the time of the clock then."""
        self._now = max(self._now, to)
        return self._now


class TimeLimit(Event):
    """An Event that counts as set once ``lasts`` has passed since it was made, or when ``stop`` is set."""

    def __init__(self, clock: Clock, lasts: timedelta, stop: Event | None) -> None:
        super().__init__()
        self._clock, self._ends, self._stop = clock, clock() + lasts, stop

    def is_set(self) -> bool:
        return self._clock() >= self._ends or bool(self._stop and self._stop.is_set())
