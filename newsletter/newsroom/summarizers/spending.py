"""What a model's words cost: answers kept by content, and a daily budget of tokens that holds across restarts."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from datetime import date
from pathlib import Path


class KeptAnswers:
    """Answers in a folder, by the hash of what was asked: the same question is paid for once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, *asked: str) -> str | None:
        try:
            return self._file(asked).read_text(encoding="utf-8")
        except (FileNotFoundError, UnicodeDecodeError):
            return None

    def keep(self, answer: str, *asked: str) -> None:
        """Written beside and moved into place: a reader never sees half an answer."""
        file = self._file(asked)
        file.parent.mkdir(parents=True, exist_ok=True)
        new = file.with_name(f"{file.name}.{os.getpid()}.new")
        new.write_text(answer, encoding="utf-8")
        new.replace(file)

    def _file(self, asked: tuple[str, ...]) -> Path:
        name = hashlib.sha256("\x00".join(asked).encode()).hexdigest()
        return self._folder / name[:2] / f"{name}.json"


class Budget:
    """Tokens that may be spent on one day (UTC). Several processes may spend from it."""

    def __init__(self, folder: Path, tokens_a_day: int, today: Callable[[], date]) -> None:
        self._folder = folder
        self._most = tokens_a_day
        self._today = today

    def left(self) -> int:
        """Tokens not spent yet today; 0 when it is used up, or when what was noted cannot be read any more."""
        try:
            spent = sum(int(line) for line in self._file().read_text().split())
        except FileNotFoundError:
            spent = 0
        except ValueError:  # after a full disk or a power cut
            return 0
        return max(0, self._most - spent)

    def spend(self, tokens: int) -> None:
        """Note what an answer cost. One short append: two processes at once lose nothing."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with self._file().open("a") as file:
            file.write(f"{tokens}\n")

    def _file(self) -> Path:
        return self._folder / f"spent-{self._today().isoformat()}"
