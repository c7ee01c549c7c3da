"""Lines over days and bars beside names, as numbers for an SVG and for the table behind it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from newsletter.formatting import number

WIDTH, HEIGHT = 640, 200  # of the drawing's own units; it scales with the page
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 8, 12, 26
_STEPS = (1, 2, 5)
ROW = 34  # height of one bar with its name
Say = Callable[[float], str]


@dataclass(frozen=True)
class Series:
    """One line: its name, which of the drawing's strokes it gets ("a", "b" or "c"), and a value for each label."""

    name: str
    stroke: str
    values: Sequence[float]

    @property
    def total(self) -> float:
        return sum(self.values)


@dataclass(frozen=True)
class Plot:
    """A drawing and its table. ``points`` has one polyline for each drawn series."""

    key: str
    heading: str
    answer: str  # the question of the heading, answered in one sentence
    caption: str
    by: str  # what the labels are
    labels: Sequence[str]
    series: Sequence[Series]
    drawn: Sequence[Series]
    points: Sequence[str]
    ends: Sequence[tuple[float, float]]  # where each line ends
    grid: Sequence[tuple[float, str]]  # y and the value there
    marks: Sequence[tuple[float, str]]  # x and the label there
    say: Say

    @property
    def rows(self) -> list[tuple[str, list[str]]]:
        """The table, newest first."""
        rows = [(label, [self.say(s.values[n]) for s in self.series]) for n, label in enumerate(self.labels)]
        return rows[::-1]


@dataclass(frozen=True)
class Bar:
    """One name with its value, as it is drawn: ``width`` in the drawing's units."""

    name: str
    value: str
    width: float
    y: int


@dataclass(frozen=True)
class Bars:
    """A bar for each name, and the table behind them."""

    key: str
    heading: str
    answer: str
    caption: str
    by: str
    bars: Sequence[Bar]
    columns: Sequence[str]
    rows: Sequence[tuple[str, list[str]]]

    @property
    def height(self) -> int:
        return ROW * len(self.bars)


def plot(
    key: str,
    heading: str,
    caption: str,
    by: str,
    labels: Sequence[str],
    series: Sequence[Series],
    *,
    answer: str = "",
    drawn: int | None = None,
    say: Say = number,
) -> Plot:
    """Lay the lines out. ``drawn`` says how many of the series are drawn; the table has all of them."""
    lines = list(series[:drawn])
    most = max((v for s in lines for v in s.values), default=0)
    top, step = _scale(most)

    def x(n: int) -> float:
        span = WIDTH - _LEFT - _RIGHT
        return round(_LEFT + (span * n / (len(labels) - 1) if len(labels) > 1 else span / 2), 1)

    def y(value: float) -> float:
        return round(HEIGHT - _BOTTOM - (HEIGHT - _TOP - _BOTTOM) * value / top, 1)

    every = max(1, -(-len(labels) // 6))
    return Plot(
        key=key,
        heading=heading,
        answer=answer,
        caption=caption,
        by=by,
        labels=labels,
        series=series,
        drawn=lines,
        points=[" ".join(f"{x(n)},{y(v)}" for n, v in enumerate(s.values)) for s in lines],
        ends=[(x(len(s.values) - 1), y(s.values[-1])) for s in lines if s.values],
        grid=[(y(step * n), say(round(step * n, 2))) for n in range(round(top / step) + 1)],
        marks=[(x(n), label) for n, label in enumerate(labels) if (len(labels) - 1 - n) % every == 0],
        say=say,
    )


def bars(
    key: str,
    heading: str,
    caption: str,
    by: str,
    values: Sequence[tuple[str, float]],
    columns: Sequence[str],
    rows: Sequence[tuple[str, list[str]]],
    *,
    answer: str = "",
    say: Say = number,
) -> Bars:
    """Lay a bar out for each name; the widest is as wide as the drawing."""
    most = max((v for _, v in values), default=0) or 1
    drawn = [
        Bar(name, say(value), round(WIDTH * value / most, 1), ROW * n)
        for n, (name, value) in enumerate(values)
    ]
    return Bars(key, heading, answer, caption, by, drawn, columns, rows)


def _scale(most: float) -> tuple[float, float]:
    """A round number at or above ``most`` for the top of the drawing, and a round step up to it."""
    size: float = 1 if most == int(most) else 0.1
    while True:
        for step in (s * size for s in _STEPS):
            if step * 4 >= most:
                return step * max(1, -(-most // step)), step
        size *= 10
