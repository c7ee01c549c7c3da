"""Line plots and bar charts, laid out as numbers for an SVG and for the table below it. Pure.

No plotting library is used: a template draws these few shapes in the page's own colours, and without scripts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from newsletter.formatting import number

WIDTH, HEIGHT = 640, 200  # in the units of the SVG's viewBox
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 8, 12, 26
_STEPS = (1, 2, 5)
ROW = 34  # height of one bar with its name
Say = Callable[[float], str]


@dataclass(frozen=True)
class PlotText:
    """The words around a drawing: its heading, caption, the name of its labels, and its answer."""

    key: str  # its id on the page
    heading: str  # a question
    caption: str  # what is counted
    by: str  # what the labels are: "Day", "Issue"
    answer: str = ""  # one sentence that answers the heading


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
    """A line plot and its table. ``points`` has one polyline for each drawn series."""

    text: PlotText
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
    """One bar: a name and its value; ``width`` and ``y`` are in the drawing's units."""

    name: str
    value: str
    width: float
    y: int


@dataclass(frozen=True)
class Bars:
    """A bar chart with a bar for each name, and its table."""

    text: PlotText
    bars: Sequence[Bar]
    columns: Sequence[str]
    rows: Sequence[tuple[str, list[str]]]

    @property
    def height(self) -> int:
        return ROW * len(self.bars)


def plot(
    text: PlotText,
    labels: Sequence[str],
    series: Sequence[Series],
    *,
    drawn: int | None = None,
    say: Say = number,
) -> Plot:
    """Lay out a line for each of the first ``drawn`` series (all when None); the table has all of them. ``say`` writes a value."""
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
        text=text,
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
    text: PlotText,
    values: Sequence[tuple[str, float]],
    columns: Sequence[str],
    rows: Sequence[tuple[str, list[str]]],
    *,
    say: Say = number,
) -> Bars:
    """Lay out a bar for each name; the widest is as wide as the drawing. ``say`` writes a value."""
    most = max((v for _, v in values), default=0) or 1
    drawn = [
        Bar(name, say(value), round(WIDTH * value / most, 1), ROW * n)
        for n, (name, value) in enumerate(values)
    ]
    return Bars(text, drawn, columns, rows)


def _scale(most: float) -> tuple[float, float]:
    """Return a round number of at least ``most`` for the top of the drawing, and a round step between its grid lines."""
    size: float = 1 if most == int(most) else 0.1
    while True:
        for step in (s * size for s in _STEPS):
            if step * 4 >= most:
                return step * max(1, -(-most // step)), step
        size *= 10
