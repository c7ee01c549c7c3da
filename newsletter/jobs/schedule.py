"""Calls the tick every half minute. :mod:`newsletter.jobs.due` decides what is due at a tick.

The interval is monotonic, so setting the machine's clock neither delays nor hastens it. A tick that comes late, twice or never does
no harm: the next one does what is still due.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from threading import Event, Thread

from newsletter import log
from newsletter.clock import Clock, system
from newsletter.jobs.due import TICK

Tick = Callable[[datetime], object]
_LOOK_AGAIN = 0.5  # seconds between looks at ``stop``, so that signal handlers run
_log = log.get("schedule")


class Scheduler:
    """A running scheduler. It runs one tick at a time, and skips those that become due meanwhile."""

    def __init__(self, tick: Tick, *, clock: Clock, every: timedelta) -> None:
        self._tick = tick
        self._clock = clock
        self._every = every.total_seconds()
        self._stopping = Event()
        self._thread = Thread(target=self._run, name="schedule", daemon=True)

    def begin(self) -> Scheduler:
        self._thread.start()
        _log.info("schedule.started")
        return self

    def shutdown(self, wait: bool = True) -> None:
        """Start no further tick; ``wait`` for the present one. A second call does nothing."""
        if not self._stopping.is_set():
            self._stopping.set()
            _log.info("schedule.stopped")
        if wait:
            self._thread.join()

    def _run(self) -> None:
        next_tick = time.monotonic()
        while not self._stopping.is_set():
            self._tick_once()
            next_tick = max(next_tick + self._every, time.monotonic())
            self._stopping.wait(next_tick - time.monotonic())

    def _tick_once(self) -> None:
        try:
            self._tick(self._clock())
        except Exception as error:  # noqa: BLE001 - whatever fails in one tick, the next one must run
            _log.error("schedule.tick_failed", error=type(error).__name__, reason=str(error))


def start(tick: Tick, *, clock: Clock = system, every: timedelta = TICK) -> Scheduler:
    """Tick in a thread, at once and then after each ``every``, until ``shutdown``."""
    return Scheduler(tick, clock=clock, every=every).begin()


def run_forever(tick: Tick, *, stop: Event, clock: Clock = system, every: timedelta = TICK) -> None:
    """Tick until ``stop`` is set (by SIGTERM) or Ctrl-C, then finish the present tick."""
    scheduler = start(tick, clock=clock, every=every)
    try:
        # Waiting without a timeout would keep signal handlers from running.
        while not stop.wait(_LOOK_AGAIN):
            pass
    except KeyboardInterrupt:
        _log.info("schedule.interrupted")
    finally:
        scheduler.shutdown(wait=True)
