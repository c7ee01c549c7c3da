"""The scheduler ticks at once and then at its interval, whatever the machine's clock is set to."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from newsletter.jobs import schedule

EVERY = timedelta(seconds=0.05)


@pytest.mark.parametrize("jump", [timedelta(days=-1), timedelta(days=1)])
def test_a_clock_that_is_set_does_not_stop_the_beat(jump: timedelta) -> None:
    beats = threading.Semaphore(0)
    ticking = schedule.start(lambda now: beats.release(), every=EVERY)
    try:
        assert beats.acquire(timeout=10)
        with time_machine.travel(datetime.now(UTC) + jump):
            for _ in range(5):
                assert beats.acquire(timeout=10)
        for _ in range(5):  # and set right again
            assert beats.acquire(timeout=10)
    finally:
        ticking.shutdown()


def test_a_tick_that_fails_or_takes_long_costs_no_later_one() -> None:
    beats: list[datetime] = []
    fourth = threading.Event()

    def tick(now: datetime) -> None:
        beats.append(now)
        if len(beats) == 1:
            raise RuntimeError("a defect")
        if len(beats) == 2:
            fourth.wait(4 * EVERY.total_seconds())
        if len(beats) == 4:
            fourth.set()

    ticking = schedule.start(tick, every=EVERY)
    assert fourth.wait(10)
    ticking.shutdown()
    ended = len(beats)
    ticking.shutdown()
    threading.Event().wait(3 * EVERY.total_seconds())
    assert len(beats) == ended
