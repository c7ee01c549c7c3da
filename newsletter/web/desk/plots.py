"""Lines over days, as numbers for an SVG and for the table behind it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 640, 200  # of the drawing's own units; it scales with the page
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 8, 12, 26
_STEPS = (1, 2, 5)


@dataclass(frozen=True)
class Series:
    """One line: its name, which of the drawing's strokes it gets ("a", "b" or "c"), and a value for each label."""

    name: str
    stroke: str
    values: Sequence[int]

    @property
    def total(self) -> int:
        return sum(self.values)


@dataclass(frozen=True)
class Plot:
    """A drawing and its table. ``points`` has one polyline for each drawn series."""

    key: str
    heading: str
    caption: str
    by: str  # what the labels are
    labels: Sequence[str]
    series: Sequence[Series]
    drawn: Sequence[Series]
    points: Sequence[str]
    ends: Sequence[tuple[float, float]]  # where each line ends
    grid: Sequence[tuple[float, int]]  # y and the value there
    marks: Sequence[tuple[float, str]]  # x and the label there

    @property
    def rows(self) -> list[tuple[str, list[int]]]:
        """The table, newest first."""
        return [(label, [s.values[n] for s in self.series]) for n, label in enumerate(self.labels)][::-1]


def plot(
    key: str,
    heading: str,
    caption: str,
    by: str,
    labels: Sequence[str],
    series: Sequence[Series],
    *,
    drawn: int | None = None,
) -> Plot:
    """Lay the lines out. ``drawn`` says how many of the series are drawn; the table has all of them."""
    lines = list(series[:drawn])
    most = max((v for s in lines for v in s.values), default=0)
    top, step = _scale(most)

    def x(n: int) -> float:
        span = WIDTH - _LEFT - _RIGHT
        return round(_LEFT + (span * n / (len(labels) - 1) if len(labels) > 1 else span / 2), 1)

    def y(value: int) -> float:
        return round(HEIGHT - _BOTTOM - (HEIGHT - _TOP - _BOTTOM) * value / top, 1)

    every = max(1, -(-len(labels) // 6))
    return Plot(
        key=key,
        heading=heading,
        caption=caption,
        by=by,
        labels=labels,
        series=series,
        drawn=lines,
        points=[" ".join(f"{x(n)},{y(v)}" for n, v in enumerate(s.values)) for s in lines],
        ends=[(x(len(s.values) - 1), y(s.values[-1])) for s in lines if s.values],
        grid=[(y(v), v) for v in range(0, top + 1, step)],
        marks=[(x(n), label) for n, label in enumerate(labels) if (len(labels) - 1 - n) % every == 0],
    )


def _scale(most: int) -> tuple[int, int]:
    """A round number at or above ``most`` for the top of the drawing, and a round step up to it."""
    size = 1
    while True:
        for step in (s * size for s in _STEPS):
            if step * 4 >= most:
                return step * max(1, -(-most // step)), step
        size *= 10
