"""Counts over a million lines take seconds, and nobody at the desk waits for them: counted aside, kept, and said how old.

In this process's memory only: looking at a page writes nothing anywhere.
"""

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

PATIENCE = 0.3  # seconds a page waits for a count that has just begun
LARGE = 20_000  # readers or copies up to which a page counts by itself, each time
MOST_KEPT = 8  # counts
T = TypeVar("T")


@dataclass(frozen=True)
class Counted(Generic[T]):
    """What was counted, the moment it was begun at, and how many seconds it took."""

    value: T
    at: datetime
    took: float
    ended: float  # on the machine's own clock that only goes forward


class Counting:
    """The counts of one process. ``patience`` in seconds."""

    def __init__(self, patience: float = PATIENCE) -> None:
        self._patience = patience
        self._lock = Lock()
        self._kept: dict[str, Counted[Any]] = {}
        self._running: dict[str, Event] = {}

    def of(self, key: str, count: Callable[[], T], *, at: datetime, rest: float) -> Counted[T] | None:
        """The latest count, a new one if that is ready soon, or None when there is none yet.

        A count that took a second is good for ``rest`` seconds; after that whoever looks sets a new one going, one at a time.
        """
        with self._lock:
            kept = self._kept.get(key)
            if kept is not None and time.monotonic() - kept.ended < rest * kept.took:
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
        finally:  # what failed is begun again by whoever looks next
            with self._lock:
                del self._running[key]
            done.set()


def aside(key: str, count: Callable[[Session], T], size: int, *, rest: float) -> Counted[T] | None:
    """``count`` of this app's database: at once where ``size`` is small, else aside. None: not there yet."""
    site, app = services(), current_app._get_current_object()  # type: ignore[attr-defined]

    def now() -> T:
        with app.app_context(), db.reading(site.sessions) as session:
            return count(session)

    at = site.now()
    if size <= LARGE:
        return Counted(now(), at, 0.0, 0.0)
    counting: Counting = app.extensions.setdefault("counting", Counting())
    return counting.of(key, now, at=at, rest=rest)
