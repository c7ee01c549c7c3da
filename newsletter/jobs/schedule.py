"""When: a tick every half minute, and nothing else. What is due at a tick is decided in :mod:`newsletter.jobs.due`.

The beat is monotonic: setting the machine's clock, forward or back, neither delays nor hastens it. No meaning lies in a beat: one that
comes late, twice or never changes nothing that the next one does not make good.
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
_LOOK_AGAIN = 0.5  # seconds between looks at ``stop``, so that signals are heard
_log = log.get("schedule")


class Ticking:
    """A running scheduler. One tick at a time; a beat that falls into a tick is left out."""

    def __init__(self, tick: Tick, *, clock: Clock, every: timedelta) -> None:
        self._tick = tick
        self._clock = clock
        self._every = every.total_seconds()
        self._leaving = Event()
        self._thread = Thread(target=self._beats, name="schedule", daemon=True)

    def begin(self) -> Ticking:
        self._thread.start()
        _log.info("schedule.started")
        return self

    def shutdown(self, wait: bool = True) -> None:
        """Begin no further tick; ``wait`` for the one in hand. A second call does nothing."""
        if not self._leaving.is_set():
            self._leaving.set()
            _log.info("schedule.stopped")
        if wait:
            self._thread.join()

    def _beats(self) -> None:
        following = time.monotonic()
        while not self._leaving.is_set():
            self._beat()
            following = max(following + self._every, time.monotonic())
            self._leaving.wait(following - time.monotonic())

    def _beat(self) -> None:
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
