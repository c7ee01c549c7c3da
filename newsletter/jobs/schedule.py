"""When: a tick every half minute, and nothing else. What is due at a tick is decided in :mod:`newsletter.jobs.due`.

APScheduler only beats time here. No meaning lies in a trigger: a beat that comes late, twice or never changes nothing that
the next one does not make good.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from threading import Event

from apscheduler.schedulers.background import BackgroundScheduler

from newsletter import log
from newsletter.clock import Clock, system
from newsletter.jobs.due import TICK

Tick = Callable[[datetime], object]
MISFIRE_GRACE = timedelta(hours=12)  # a beat slept through is given once on waking, not dropped
_LOOK_AGAIN = 0.5  # seconds between looks at ``stop``, so that signals are heard
_log = log.get("schedule")


class Ticking:
    """A running scheduler. One tick at a time; beats missed meanwhile become one."""

    def __init__(self, tick: Tick, *, clock: Clock, every: timedelta) -> None:
        self._tick = tick
        self._clock = clock
        self._leaving = False
        self._scheduler = BackgroundScheduler(timezone="UTC", daemon=True)
        self._scheduler.add_job(
            self._beat,
            "interval",
            seconds=every.total_seconds(),
            next_run_time=system(),
            coalesce=True,
            max_instances=1,
            misfire_grace_time=int(MISFIRE_GRACE.total_seconds()),
        )

    def begin(self) -> Ticking:
        self._scheduler.start()
        _log.info("schedule.started")
        return self

    def shutdown(self, wait: bool = True) -> None:
        """Begin no further tick; ``wait`` for the one in hand. A second call does nothing."""
        self._leaving = True
        if self._scheduler.running:
            self._scheduler.shutdown(wait=wait)
            _log.info("schedule.stopped")

    def _beat(self) -> None:
        if self._leaving:
            return
        try:
            self._tick(self._clock())
        except Exception as error:  # noqa: BLE001 - whatever went wrong in one tick, the next must come
            _log.error("schedule.tick_failed", error=type(error).__name__, reason=str(error))


def start(tick: Tick, *, clock: Clock = system, every: timedelta = TICK) -> Ticking:
    """Tick in the background, at once and then every so often, until ``shutdown``."""
    return Ticking(tick, clock=clock, every=every).begin()


def run_forever(tick: Tick, *, stop: Event, clock: Clock = system, every: timedelta = TICK) -> None:
    """Tick until ``stop`` is set (by SIGTERM) or Ctrl-C, then finish the tick in hand."""
    ticking = start(tick, clock=clock, every=every)
    try:
        # Waiting without an end would keep a signal's handler from running.
        while not stop.wait(_LOOK_AGAIN):
            pass
    except KeyboardInterrupt:
        _log.info("schedule.interrupted")
    finally:
        ticking.shutdown(wait=True)
