"""Parts that all benches share: time, memory, the machine, and a result that prints as text or JSON."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any

Progress = Callable[[str, int, int, str], None]  # name of the work, number done, number to do, text


def silent(what: str, done: int, of: int, words: str = "") -> None:
    """Ignore progress."""


@dataclass(frozen=True)
class Bar:
    """One goal. ``met`` when ``value`` is on the right side of ``goal``."""

    name: str
    value: float
    goal: float
    unit: str
    at_most: bool = True

    @property
    def met(self) -> bool:
        return self.value <= self.goal if self.at_most else self.value >= self.goal

    @property
    def in_words(self) -> str:
        sign = "≤" if self.at_most else "≥"
        verdict = "met" if self.met else "MISSED"
        return f"{self.name}: {self.value:,g} {self.unit} (goal {sign} {self.goal:,g}) {verdict}"


@dataclass
class Measured:
    """The results of one bench: plain values by name, ratios to yardsticks of the same run, and the goals."""

    bench: str
    values: dict[str, Any] = field(default_factory=dict)
    yardsticks: dict[str, Any] = field(default_factory=dict)
    ratios: dict[str, float] = field(default_factory=dict)
    bars: list[Bar] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """Return plain values only."""
        bars = [{**asdict(bar), "met": bar.met} for bar in self.bars]
        return {**asdict(self), "bars": bars, "machine": machine()}

    def in_words(self) -> str:
        """Return the result as text, one line for each value, in groups."""
        lines = [f"bench {self.bench} on {machine()['line']}"]
        for title, found in (("", self.values), ("yardstick ", self.yardsticks), ("ratio ", self.ratios)):
            lines += [f"  {title}{name.replace('_', ' ')}: {_number(value)}" for name, value in found.items()]
        lines += [f"  {bar.in_words}" for bar in self.bars]
        lines += [f"  note: {note}" for note in self.notes]
        return "\n".join(lines)


def _number(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int | float) and not isinstance(value, bool) else str(value)


@dataclass
class Stopwatch:
    """``seconds`` is set at the end of the block."""

    seconds: float = 0.0


@contextmanager
def timed() -> Iterator[Stopwatch]:
    """Measure the wall-clock seconds of the block."""
    watch, began = Stopwatch(), perf_counter()
    try:
        yield watch
    finally:
        watch.seconds = perf_counter() - began


def peak_megabytes(*, pid: int | str = "self") -> float:
    """Return the peak resident memory of a process so far in MB, on Linux; 0 elsewhere.

    ``getrusage`` is not used because its value for a child begins with the parent's.
    """
    try:
        found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    except OSError:
        return 0.0
    return round(int(found.group(1)) / 1024, 1) if found else 0.0


def machine() -> dict[str, Any]:
    """Return a description of this machine."""
    cores = os.cpu_count() or 1
    memory = round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30)
    load = round(os.getloadavg()[0], 1)
    line = f"{cores} cores, {memory} GB, load {load}, Python {platform.python_version()}, {platform.system()} {platform.machine()}"
    return {"line": line, "cores": cores, "memory_gb": memory, "load": load}


def percentile(values: list[float], share: float) -> float:
    """Return the smallest value that ``share`` of ``values`` do not exceed (nearest rank); 0 without values."""
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, int(share * len(ranked)))] if ranked else 0.0
