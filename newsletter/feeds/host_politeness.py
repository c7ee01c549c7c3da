"""Limit the requests to each host: at most two at the same time, and a pause between two starts. Pure: the caller gives the time."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable
from typing import Generic, TypeVar

MAX_PER_HOST = 2  # requests to one host that run at the same time
PAUSE = 0.5  # seconds between the starts of two requests to one host

T = TypeVar("T")


class HostQueue(Generic[T]):
    """Tasks waiting for their hosts, in order for each host. Hosts in ``trusted`` are asked without limit.

    A host that has to wait never delays another: :meth:`ready` returns the tasks that may start, and keeps the others.
    """

    def __init__(
        self,
        work: Iterable[tuple[str, T]],
        *,
        trusted: Collection[str] = (),
        pause: float = PAUSE,
        per_host: int = MAX_PER_HOST,
    ) -> None:
        self._waiting: dict[str, deque[T]] = {}
        for host, task in work:
            self._waiting.setdefault(host, deque()).append(task)
        self._trusted = frozenset(trusted)
        self._pause = pause
        self._pauses: dict[str, float] = {}  # of hosts that asked for one of their own
        self._per_host = per_host
        self._running: dict[str, int] = {}
        self._free_at: dict[str, float] = {}

    def add(self, host: str, tasks: Iterable[T], *, pause: float) -> None:
        """Add tasks for ``host``, with its own pause between two starts, in seconds."""
        self._waiting.setdefault(host, deque()).extend(tasks)
        self._pauses[host] = pause

    def ready(self, now: float, most: int) -> list[tuple[str, T]]:
        """Return up to ``most`` pairs of host and task that may start at ``now`` (seconds of a monotonic clock). They count as
        started from then on."""
        started: list[tuple[str, T]] = []
        for host in list(self._waiting):
            while len(started) < most and self._may_start(host, now):
                started.append((host, self._waiting[host].popleft()))
                self._running[host] = self._running.get(host, 0) + 1
                self._free_at[host] = now + self._pauses.get(host, self._pause)
                if not self._waiting[host]:
                    del self._waiting[host]
                    break
        return started

    def done(self, host: str) -> None:
        """Report that a task started at ``host`` has ended."""
        self._running[host] -= 1

    def wait(self, now: float) -> float | None:
        """Return the seconds until the next task may start, or None when one must end first."""
        pauses = [
            self._free_at[host] - now
            for host in self._waiting
            if host not in self._trusted
            and self._running.get(host, 0) < self._per_host
            and host in self._free_at
        ]
        return max(0.0, min(pauses)) if pauses else None

    def __len__(self) -> int:
        return sum(len(d) for d in self._waiting.values())

    def _may_start(self, host: str, now: float) -> bool:
        if host in self._trusted:
            return True
        return self._running.get(host, 0) < self._per_host and self._free_at.get(host, now) <= now
