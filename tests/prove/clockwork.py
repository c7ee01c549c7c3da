"""One clock for several processes, kept in a small file that each of them maps: the same moment for all, moved by hand.

A lease of ten minutes cannot be waited for a thousand times. So the proof does not shorten it: it lets time pass.
"""

from __future__ import annotations

import mmap
import struct
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

_FORM = struct.Struct(
    "=ddd"
)  # monotonic seconds at the last change, the moment then (seconds since 1970), rate


class Clockwork:
    """``rate`` 1.0: a second takes a second; 60.0: a lease of ten minutes runs out in ten seconds."""

    def __init__(self, path: Path, start: datetime | None = None) -> None:
        if start is not None:
            path.write_bytes(bytes(8 + _FORM.size))
        with open(path, "r+b") as file:
            self._map = mmap.mmap(file.fileno(), 8 + _FORM.size)
        if start is not None:
            self.set(start)

    def now(self) -> datetime:
        since, moment, rate = self._read()
        return datetime.fromtimestamp(moment + (time.monotonic() - since) * rate, UTC)

    def set(self, moment: datetime, *, rate: float = 1.0) -> None:
        # An odd number says that the rest is being written: a reader then looks again.
        number = int.from_bytes(self._map[:8], "little")
        self._map[:8] = (number + 1).to_bytes(8, "little")
        self._map[8:] = _FORM.pack(time.monotonic(), moment.timestamp(), rate)
        self._map[:8] = (number + 2).to_bytes(8, "little")

    def ahead(self, seconds: float) -> None:
        _, _, rate = self._read()
        self.set(datetime.fromtimestamp(self.now().timestamp() + seconds, UTC), rate=rate)

    def _read(self) -> tuple[float, float, float]:
        while True:
            before = self._map[:8]
            found = _FORM.unpack(self._map[8:])
            if before == self._map[:8] and before[0] % 2 == 0:
                return found


def of(path: str) -> Callable[[], datetime]:
    """The clock kept in that file."""
    return Clockwork(Path(path)).now
