"""What a model's words cost: answers kept by content, a daily budget of tokens that holds across processes and restarts, and
patience with a model that does not answer.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import IO

KEPT = timedelta(days=30)  # a Story is summarized again for days, not for weeks


def delete_old(folder: Path, *, now: datetime) -> int:
    """Delete answers, days' spending and vectors that nobody wrote for :data:`KEPT`, and what a dead process left half written;
    how many files. Whatever else lies in the folder stays."""
    gone = 0
    for pattern in ("[0-9a-f][0-9a-f]/*.json", "[0-9a-f][0-9a-f]/*.new", "spent-*", "vectors-*"):
        for path in folder.glob(pattern):
            with suppress(FileNotFoundError):
                if datetime.fromtimestamp(path.stat().st_mtime, UTC) < now - KEPT:
                    path.unlink()
                    gone += 1
    return gone


class KeptAnswers:
    """Answers in a folder, by the hash of what was asked, of whom and how: the same question is paid for once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, *asked: str) -> str | None:
        try:
            return self._file(asked).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            return None

    def keep(self, answer: str, *asked: str) -> None:
        """Written beside and moved into place: a reader never sees half an answer."""
        file = self._file(asked)
        file.parent.mkdir(parents=True, exist_ok=True)
        new = file.with_name(f"{file.name}.{os.getpid()}.new")
        new.write_text(answer, encoding="utf-8")
        new.replace(file)

    def _file(self, asked: tuple[str, ...]) -> Path:
        # As JSON: no text can move the border between two parts and so ask another's question.
        name = hashlib.sha256(json.dumps(asked).encode()).hexdigest()
        return self._folder / name[:2] / f"{name}.json"


class Budget:
    """Tokens that may be spent on one day (UTC). Several processes may spend from it: what a question may cost at most is
    reserved before it is asked, so that together they never spend more."""

    def __init__(self, folder: Path, tokens_a_day: int, today: Callable[[], date]) -> None:
        self._folder = folder
        self._most = tokens_a_day
        self._today = today

    def left(self) -> int:
        """Tokens neither spent nor reserved yet today; 0 when they are used up, or when what was noted cannot be read any more."""
        try:
            with self._ledger() as file:
                return max(0, self._most - _sum(file))
        except ValueError:  # after a full disk or a power cut
            return 0

    def reserve(self, tokens: int) -> bool:
        """Put so many aside; False, and nothing put aside, when fewer are left."""
        try:
            with self._ledger() as file:
                if _sum(file) + tokens > self._most:
                    return False
                file.write(f"{tokens}\n")
        except ValueError:
            return False
        return True

    def settle(self, reserved: int, spent: int) -> None:
        """Return what was reserved and not spent. A process that dies before has spent all of it."""
        with self._ledger() as file:
            file.write(f"{spent - reserved}\n")

    @contextmanager
    def _ledger(self) -> Iterator[IO[str]]:
        """The day's file, locked against the other processes. Raises OSError."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with (self._folder / f"spent-{self._today().isoformat()}").open("a+", encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield file
            file.flush()


def _sum(file: IO[str]) -> int:
    """Raises ValueError when a line is no number."""
    file.seek(0)
    return max(0, sum(int(line) for line in file.read().split()))


class Patience:
    """Runs out after so many questions in a row without a usable answer, and comes back after a while: a model that hangs
    must not hold up a morning, Story after Story."""

    def __init__(self, clock: Callable[[], float], *, failures: int = 3, seconds: float = 900.0) -> None:
        self._clock = clock
        self._most = failures
        self._seconds = seconds
        self._failed = 0
        self._until = 0.0

    def is_out(self) -> bool:
        return self._clock() < self._until

    def failed(self) -> None:
        self._failed += 1
        if self._failed >= self._most:
            self._failed = 0
            self._until = self._clock() + self._seconds

    def answered(self) -> None:
        self._failed = 0
