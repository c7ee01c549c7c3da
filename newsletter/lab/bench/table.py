"""bench table: measures every part of the day at three sizes, each beside its yardstick of the same run, in one table.

Each size is ten times the one before, so the last columns say how a part grows: 10 is linear. Ratios can be compared between
machines, seconds cannot.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from functools import cache
from typing import Any

from newsletter.errors import SettingsError
from newsletter.lab.bench.dispatch import bench_dispatch
from newsletter.lab.bench.events import bench_events
from newsletter.lab.bench.gather import bench_gather
from newsletter.lab.bench.group import LEAST, bench_group
from newsletter.lab.bench.measuring import Measured, Progress, machine
from newsletter.lab.bench.outbox import bench_outbox
from newsletter.lab.bench.relay import bench_relay
from newsletter.lab.bench.render import bench_render
from newsletter.lab.bench.summarize import bench_summarize
from newsletter.lab.bench.web import bench_web

Run = Callable[[int], Measured]


@dataclass(frozen=True)
class Part:
    """One line of the table. ``seconds`` and ``ratio`` name the values to take from a :class:`Measured`."""

    name: str
    unit: str
    sizes: Sequence[int]
    run: Run
    seconds: Callable[[Measured], float]
    yardstick: str
    ratio: Callable[[Measured], float]
    is_work: bool = True  # False: seconds are the time of one answer at a rate, not that of all of them


@dataclass
class Line:
    """The results of one Part: seconds at each size, the ratio to the yardstick at the largest, growth between sizes."""

    part: str
    unit: str
    sizes: list[int] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    yardstick: str = ""
    ratio: float = 0.0
    why_not: str = ""  # when it could not be measured
    is_work: bool = True

    @property
    def growth(self) -> list[float]:
        """Seconds at each size divided by seconds at the one before."""
        pairs = zip(self.seconds, self.seconds[1:], strict=False)
        return [round(later / max(earlier, 0.001), 1) for earlier, later in pairs]

    def as_json(self) -> dict[str, Any]:
        """Plain values only."""
        return {**asdict(self), "growth": self.growth}


def parts(scale: int = 1) -> list[Part]:
    """Return all Parts; ``scale`` divides the sizes, for a quick look."""

    def at(*sizes: int) -> list[int]:
        return [max(1, size // scale) for size in sizes]

    return [*_making(at), *_mailing(at), *_answering(at)]


def measure(chosen: Sequence[Part], progress: Progress) -> list[Line]:
    """Measure the Parts one after the other. A Part whose program is missing says so, and the others are measured."""
    lines = []
    for done, part in enumerate(chosen):
        line = Line(part.name, part.unit, yardstick=part.yardstick, is_work=part.is_work)
        for size in part.sizes:
            progress("bench", done, len(chosen), f"{part.name}, {size:,} {part.unit}")
            try:
                found = part.run(size)
            except SettingsError as error:
                line.why_not = str(error)
                break
            line.sizes.append(size)
            line.seconds.append(round(part.seconds(found), 3))
            line.ratio = round(part.ratio(found), 2)
        lines.append(line)
    return lines


def as_words(lines: Sequence[Line]) -> str:
    """Return the table as text, one line for each Part."""
    head = ("part", "of", "seconds", "a second", "× yardstick", "yardstick of the same run", "× for × 10")
    rows = [head, *(_cells(line) for line in lines)]
    wide = [max(len(row[n]) for row in rows) for n in range(len(head))]
    left = {0, 1, 5}  # words; the others are numbers
    texts = [
        "  ".join(
            c.ljust(w) if n in left else c.rjust(w) for n, (c, w) in enumerate(zip(row, wide, strict=True))
        )
        for row in rows
    ]
    missed = [f"{line.part}: {line.why_not}" for line in lines if line.why_not]
    return "\n".join([machine()["line"], *(text.rstrip() for text in texts), *missed])


def _cells(line: Line) -> tuple[str, ...]:
    if not line.sizes:
        return (line.part, "–", "–", "–", "–", line.yardstick, "–")
    per_second = line.sizes[-1] / max(line.seconds[-1], 0.001)
    return (
        line.part,
        f"{line.sizes[-1]:,} {line.unit}",
        f"{line.seconds[-1]:,.2f}",
        "–" if not line.is_work else f"{per_second:,.0f}" if per_second >= 10 else f"{per_second:.1f}",
        f"{line.ratio:,.2f}",
        line.yardstick,
        ", ".join(f"{times:g}" for times in line.growth) or "–",
    )


def _quiet(*_: Any) -> None:
    """Return a function that ignores progress, because the table shows its own."""


At = Callable[..., list[int]]


def _making(at: At) -> list[Part]:

    return [
        Part(
            "gather",
            "feeds",
            at(10, 100, 1_000),
            lambda n: bench_gather(feeds=n, database="sqlite", progress=_quiet),
            _value("seconds"),
            "the same feeds fetched bare",
            _ratio("gather_to_bare_fetch"),
        ),
        Part(
            "group",
            "articles",
            [max(LEAST, size) for size in at(1_300, 13_000, 100_000)],
            lambda n: bench_group(sizes=(n,)),
            _value("cpu_seconds_of_the_first"),
            "scikit-learn's TfidfVectorizer",
            _ratio("grouping_to_tfidf_vectorizer"),
        ),
        Part(
            "summarize",
            "stories",
            at(10, 100, 1_000),
            lambda n: bench_summarize(stories=n),
            _value("cpu_seconds"),
            "splitting the sentences",
            _ratio("summarize_to_bare_split"),
        ),
        Part(
            "render: fill the links in",
            "readers",
            at(1_000, 10_000, 100_000),
            lambda n: bench_render(readers=n, progress=_quiet),
            _value("fill_seconds"),
            "str.replace",
            _ratio("fill_to_bare_replace"),
        ),
    ]


def _mailing(at: At) -> list[Part]:

    sizes = at(1_000, 10_000, 100_000)
    seconds, posted = _value("hand_over_seconds"), "the same bodies posted bare"
    lines = []
    for database in ("sqlite", "postgresql"):
        one = _dispatched_once(database, workers=1)
        inserted = _ratio("freeze_to_bare_insert")
        lines += [
            Part(f"freeze, {database}", "readers", sizes, one, _value("freeze_seconds"), "bare inserts", inserted),
            Part(f"dispatch to SendGrid, {database}", "readers", sizes, one, seconds, posted, _ratio("hand_over_to_bare_post")),
        ]  # fmt: skip
        if database == "postgresql":
            two = _dispatched_once(database, workers=2)
            lines.append(
                Part(f"the same, {database}, 2 workers", "readers", sizes, two, seconds, posted, _ratio("hand_over_to_bare_post"))
            )  # fmt: skip
    few = at(100, 1_000, 10_000)
    return [
        *lines,
        Part("dispatch by SMTP, sqlite", "readers", few, lambda n: bench_relay(readers=n, database="sqlite", progress=_quiet), _value("hand_over_seconds"), "Postfix's smtp-source", lambda m: 1 / max(m.ratios["share_of_smtp_source"], 0.001)),
        Part("dispatch to the Outbox, sqlite", "readers", few, lambda n: bench_outbox(readers=n, database="sqlite", progress=_quiet), _value("hand_over_seconds"), "as many files written bare", _ratio("hand_over_to_bare_write")),
    ]  # fmt: skip


def _dispatched_once(database: str, *, workers: int) -> Run:
    """Return a function that runs one dispatch of each size for both lines, freezing and submitting."""

    @cache
    def run(readers: int) -> Measured:
        return bench_dispatch(readers=readers, database=database, workers=workers, progress=_quiet)

    return run


def _answering(at: At) -> list[Part]:

    lines = []
    for database in ("sqlite", "postgresql"):

        def events(n: int, database: str = database) -> Measured:
            return bench_events(
                events=n, readers=max(200, n), database=database, workers=2, rate=3_000, progress=_quiet
            )

        lines.append(Part(f"webhook events, {database}", "events", at(600, 6_000, 60_000), events, lambda m: m.values["events_at_rate"] / m.values["taken_a_second_at_most"], "an endpoint that only verifies", lambda m: 1 / max(m.ratios["taken_to_only_verifying"], 0.001)))  # fmt: skip
    rates = (1, 10, 100)
    lines.append(Part("web: slowest of 100 answers", "requests a second", rates, lambda n: bench_web(rate=n, seconds=10, workers=2, readers=60_000, progress=_quiet), lambda m: m.values["p99_ms"] / 1000, "/healthz", _ratio("p99_to_healthz"), is_work=False))  # fmt: skip
    return lines


def _value(name: str) -> Callable[[Measured], float]:
    return lambda found: float(found.values[name])


def _ratio(name: str) -> Callable[[Measured], float]:
    return lambda found: float(found.ratios[name])
