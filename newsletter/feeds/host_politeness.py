"""Whose turn it is: at most two requests at once to one host, with a pause between them. Pure: time comes in."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable
from typing import Generic, TypeVar

AT_ONCE = 2  # requests to one host at the same time
PAUSE = 0.5  # seconds between two starts at one host

T = TypeVar("T")


class Turns(Generic[T]):
    """Things to do at hosts. Hosts in ``our_own`` need no politeness: they are ours.

    Waiting for a host never holds up another: what is ready is handed out, the rest keeps its place.
    """

    def __init__(
        self, work: Iterable[tuple[str, T]], *, our_own: Collection[str] = (), pause: float = PAUSE
    ) -> None:
        self._waiting: dict[str, deque[T]] = {}
        for host, thing in work:
            self._waiting.setdefault(host, deque()).append(thing)
        self._our_own = frozenset(our_own)
        self._pause = pause
        self._running: dict[str, int] = {}
        self._free_at: dict[str, float] = {}

    def ready(self, now: float, most: int) -> list[tuple[str, T]]:
        """Up to ``most`` things that may begin at ``now`` (seconds of any steady clock); they count as begun."""
        begun: list[tuple[str, T]] = []
        for host in list(self._waiting):
            while len(begun) < most and self._may_begin(host, now):
                begun.append((host, self._waiting[host].popleft()))
                self._running[host] = self._running.get(host, 0) + 1
                self._free_at[host] = now + self._pause
                if not self._waiting[host]:
                    del self._waiting[host]
                    break
        return begun

    def done(self, host: str) -> None:
        """Something begun at ``host`` is over."""
        self._running[host] -= 1

    def wait(self, now: float) -> float | None:
        """Seconds until a pause is over that holds something up; None when only finishing work can help."""
        held = [
            self._free_at[host] - now
            for host in self._waiting
            if host not in self._our_own and self._running.get(host, 0) < AT_ONCE and host in self._free_at
        ]
        return max(0.0, min(held)) if held else None

    def __len__(self) -> int:
        return sum(len(d) for d in self._waiting.values())

    def _may_begin(self, host: str, now: float) -> bool:
        if host in self._our_own:
            return True
        return self._running.get(host, 0) < AT_ONCE and self._free_at.get(host, now) <= now
