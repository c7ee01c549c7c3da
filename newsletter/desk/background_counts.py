"""Counts over a million rows take seconds. They run in a thread, are kept in memory, and pages say how old they are."""

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

WAIT_SECONDS = 0.3  # seconds a page waits for a count that has just begun
COUNT_AT_ONCE = 20_000  # readers or copies up to which a page waits for the count itself
MOST_KEPT = 8  # counts
T = TypeVar("T")


@dataclass(frozen=True)
class Counted(Generic[T]):
    """A count: its value, when it was begun, and how many seconds it took."""

    value: T
    at: datetime
    took: float
    ended: float  # monotonic seconds


class BackgroundCounts:
    """The counts of one process. ``patience`` is how many seconds a page waits for a new one."""

    def __init__(self, patience: float = WAIT_SECONDS) -> None:
        self._patience = patience
        self._lock = Lock()
        self._kept: dict[str, Counted[Any]] = {}
        self._running: dict[str, Event] = {}

    def get(
        self, key: str, count: Callable[[], T], *, at: datetime, reuse_factor: float
    ) -> Counted[T] | None:
        """The latest count, a new one if that is ready soon, or None when there is none yet.

        A count that took a second is reused for ``reuse_factor`` seconds; after that the next page starts a new one, one at a time.
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
        finally:  # one that failed is started again by the next page
            with self._lock:
                del self._running[key]
            done.set()


def count_in_background(
    key: str, count: Callable[[Session], T], size: int, *, reuse_factor: float
) -> Counted[T] | None:
    """``count`` over this app's database: at once where ``size`` (readers or copies) is small, else in a thread. None: not ready yet."""
    site, app = services(), current_app._get_current_object()  # type: ignore[attr-defined]

    def now() -> T:
        with app.app_context(), db.reading(site.sessions) as session:
            return count(session)

    at = site.now()
    if size <= COUNT_AT_ONCE:
        return Counted(now(), at, 0.0, 0.0)
    counts: BackgroundCounts = app.extensions.setdefault("background_counts", BackgroundCounts())
    return counts.get(key, now, at=at, reuse_factor=reuse_factor)
