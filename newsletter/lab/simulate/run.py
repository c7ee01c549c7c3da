"""Moves the clock to the next act of a reader or the next tick of the scheduler, until the end."""

from __future__ import annotations

import contextlib
import heapq
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from random import Random
from typing import Any, Final

from sqlalchemy import func, select

from newsletter import db, log
from newsletter.clock import ManualClock
from newsletter.db.models import Delivery, Issue, LeftOut, Subscriber
from newsletter.delivery import events as settle
from newsletter.jobs import alerts, pipeline, tick
from newsletter.jobs.pipeline import AlreadyDone, Parts
from newsletter.lab.simulate.browser import Browser, NotOffered
from newsletter.lab.simulate.mailboxes import Mailboxes
from newsletter.lab.simulate.readers import DAY, KINDS, ZONES, Reader

EVERY: Final = timedelta(minutes=30)  # between two ticks; the hours of all zones are multiples of it
EVERY_BEFORE: Final = timedelta(hours=2)  # the same before the first news, when only links are mailed
BEFORE: Final = timedelta(
    days=9
)  # readers sign up from so long before the first Issue on: a Trial is seven days
_log = log.get("replay")

Progress = Callable[[datetime], None]
MakeBrowser = Callable[[str], Browser]


@dataclass(frozen=True)
class Scenario:
    """What to replay: the feeds, the moments (UTC), how many readers, and the seed that draws them."""

    outlets_file: Path | None  # None: the sample edition
    first: datetime
    last: datetime
    again_after: timedelta | None  # None: the news is published once
    readers: int
    seed: int
    database: str | None  # None: a new SQLite file


@dataclass(frozen=True)
class Frozen:
    """The contents of the tables just after an Issue's Audience was frozen."""

    frozen_at: datetime
    subscribers: int
    owed: int
    left_out: int


@dataclass
class SimulationResult:
    """What happened in a simulation. ``seconds``: how long it took."""

    readers: list[Reader]
    frozen: dict[int, Frozen] = field(default_factory=dict)  # by Issue
    ticks: int = 0
    acts: int = 0
    lost: list[str] = field(default_factory=list)  # forms and links that readers did not find
    failed_steps: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0


class Simulation:
    """One replay: ``parts`` tick under ``clock``; readers sign up from :data:`BEFORE` before the first moment on."""

    def __init__(
        self,
        parts: Parts,
        clock: ManualClock,
        mailboxes: Mailboxes,
        make_browser: MakeBrowser,
        scenario: Scenario,
    ) -> None:
        self._parts, self._clock, self._mailboxes = parts, clock, mailboxes
        self._start, self._end = scenario.first, scenario.last
        self._waiting: list[tuple[datetime, int, Callable[[], None]]] = []
        self._order = count()
        self._by_address: dict[str, Reader] = {}
        self._result = SimulationResult(self._make_readers(scenario.readers, make_browser, scenario.seed))

    def run(self, progress: Progress) -> SimulationResult:
        """Move the clock to the end. A reader who does not find a page or form is recorded; the others go on."""
        began = time.perf_counter()
        next_tick = self._start - BEFORE
        while next_tick <= self._end:
            if self._waiting and self._waiting[0][0] <= next_tick:
                moment, _, act = heapq.heappop(self._waiting)
                self._clock.forward(moment)
                self._act(act)
            else:
                self._clock.forward(next_tick)
                self._tick()
                next_tick += EVERY if next_tick >= self._start else EVERY_BEFORE
                progress(self._clock())
        self._result.seconds = time.perf_counter() - began
        return self._result

    def _act(self, act: Callable[[], None]) -> None:
        self._result.acts += 1
        try:
            act()
        except NotOffered as error:
            self._result.lost.append(str(error))
            _log.warning("replay.not_found", reason=str(error))

    def _tick(self) -> None:
        """Report events of the mailboxes, run the Steps that are due, then let readers read their mail."""
        now = self._clock()
        sessions = self._parts.service.sessions
        if events := self._mailboxes.reports(now):
            with sessions.begin() as session:
                report = settle.take(session, events, provider=self._mailboxes.name, now=now)
            for day in report.held:
                alerts.issue_held(self._parts.service, day)
        if now >= self._start:
            tick.tick(self._parts, now)
            self._note_freezes()
        else:  # before the first news only readers' requests are processed
            for step in ("settle", "lapse"):
                self._step(step)
        self._result.ticks += 1
        for letter in self._mailboxes.arrivals():
            if reader := self._by_address.get(letter.to):
                reader.look_at(letter)

    def _step(self, step: str) -> None:
        with contextlib.suppress(AlreadyDone):
            pipeline.run_step(self._parts, step, due_at=self._clock())

    def _note_freezes(self) -> None:
        with db.reading(self._parts.service.sessions) as session:
            for number, frozen_at in session.execute(select(Issue.id, Issue.frozen_at)).all():
                if frozen_at is not None and number not in self._result.frozen:
                    sums = [_count(session, Subscriber.id)]
                    sums += [_count(session, t.id, t.issue_id == number) for t in (Delivery, LeftOut)]
                    self._result.frozen[number] = Frozen(frozen_at, *sums)

    def _make_readers(self, number_of_readers: int, make_browser: MakeBrowser, seed: int) -> list[Reader]:
        """Return readers who sign up during the first two thirds of the time, most of them early."""
        readers = []
        chance = Random(seed)  # noqa: S311 - luck that can be repeated, no secret
        kinds, shares = list(KINDS), list(KINDS.values())
        opening = self._start - BEFORE + timedelta(hours=1)
        most = max(BEFORE, (self._end - opening) * 2 / 3)
        for number in range(number_of_readers):
            reader = Reader(
                number=number,
                kind=chance.choices(kinds, shares)[0],
                zone=chance.choice(ZONES),
                hour=chance.choice((5, 6, 6, 7, 7, 8, 12, 18)),
                chance=Random(chance.random()),  # noqa: S311 - as above
                browser=make_browser(f"2001:db8:{number >> 16:x}:{number & 0xFFFF:x}::1"),
                at=self._at,
                set_fate=self._mailboxes.fates.__setitem__,
            )
            joins = opening + most * chance.random() ** 2
            self._at(joins, lambda reader=reader, joins=joins: reader.ask(joins))  # type: ignore[misc]
            self._by_address[reader.address] = reader
            readers.append(reader)
        return readers

    def _at(self, moment: datetime, act: Callable[[], None]) -> None:
        heapq.heappush(self._waiting, (moment, next(self._order), act))


def _count(session: Any, column: Any, *which: Any) -> int:
    return int(session.scalar(select(func.count(column)).where(*which)) or 0)


def days_between(start: datetime, end: datetime) -> float:
    """Return the length of the replay in days."""
    return (end - start) / DAY


def kinds_of(readers: Sequence[Reader]) -> Counter[str]:
    """Return the number of readers of each kind."""
    return Counter(reader.kind for reader in readers)
