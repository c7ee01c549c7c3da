"""Count millions of rows, which takes seconds, in a background thread. The results are kept in memory with their times."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from threading import Event, Lock, Thread
from typing import Any, Generic, TypeVar

from flask import current_app
from sqlalchemy.orm import Session

from newsletter import db
from newsletter.web.services import services

WAIT_SECONDS = 0.3  # for which a page waits for a count that has just started
COUNT_AT_ONCE = 20_000  # readers or copies up to which a page counts without a thread
MOST_KEPT = 8  # counts
T = TypeVar("T")


@dataclass(frozen=True)
class Counted(Generic[T]):
    """A count: its value, when it was started, and how many seconds it took."""

    value: T
    at: datetime
    took: float
    ended: float  # monotonic seconds


class BackgroundCounts:
    """The counts of one process. ``patience`` is the time in seconds for which a page waits for a new count."""

    def __init__(self, patience: float = WAIT_SECONDS) -> None:
        self._patience = patience
        self._lock = Lock()
        self._kept: dict[str, Counted[Any]] = {}
        self._running: dict[str, Event] = {}

    def get(
        self, key: str, count: Callable[[], T], *, at: datetime, reuse_factor: float
    ) -> Counted[T] | None:
        """Return the latest count, a new one if it is ready soon, or None when there is none yet.

        A count that took one second is reused for ``reuse_factor`` seconds. After that the next request starts a new count; there
        is never more than one at a time for each key.
        """
        with self._lock:
            kept = self._kept.get(key)
            if kept is not None and time.monotonic() - kept.ended < reuse_factor * kept.took:
                return kept
            done = self._running.get(key)
            if done is None:
                done = self._running[key] = Event()
                Thread(target=self._count, args=(key, count, at, done), daemon=True, name="counting").start()
        done.wait(self._patience)
        with self._lock:
            return self._kept.get(key)

    def _count(self, key: str, count: Callable[[], Any], at: datetime, done: Event) -> None:
        began = time.monotonic()
        try:
            value = count()
            ended = time.monotonic()
            with self._lock:
                self._kept.pop(key, None)
                self._kept[key] = Counted(value, at, ended - began, ended)
                while len(self._kept) > MOST_KEPT:
                    del self._kept[next(iter(self._kept))]
        finally:  # after a failure the next request starts a new count
            with self._lock:
                del self._running[key]
            done.set()


def count_in_background(
    key: str, count: Callable[[Session], T], size: int, *, reuse_factor: float
) -> Counted[T] | None:
    """Run ``count`` on the app's database: at once when ``size`` (readers or copies) is small, else in a thread. Returns None when
    the count is not ready yet."""
    site, app = services(), current_app._get_current_object()  # type: ignore[attr-defined]

    def now() -> T:
        with app.app_context(), db.reading(site.sessions) as session:
            return count(session)

    at = site.now()
    if size <= COUNT_AT_ONCE:
        return Counted(now(), at, 0.0, 0.0)
    counts: BackgroundCounts = app.extensions.setdefault("background_counts", BackgroundCounts())
    return counts.get(key, now, at=at, reuse_factor=reuse_factor)
