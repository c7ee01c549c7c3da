"""Turns the clock: an act of a reader or a tick of the scheduler, whichever comes next, until the end."""

from __future__ import annotations

import contextlib
import heapq
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from random import Random
from typing import Any, Final

from sqlalchemy import func, select

from newsletter import db, log
from newsletter.clock import ByHand
from newsletter.db.models import Delivery, Issue, LeftOut, Subscriber
from newsletter.delivery import events as settle
from newsletter.jobs import alerts, pipeline, tick
from newsletter.jobs.pipeline import AlreadyDone, Parts
from newsletter.lab.simulate.browser import Browser, Lost
from newsletter.lab.simulate.mailboxes import Mailboxes
from newsletter.lab.simulate.readers import DAY, KINDS, ZONES, Life

EVERY: Final = timedelta(minutes=30)  # between two ticks; hours of all zones fall on it
EVERY_BEFORE: Final = timedelta(hours=2)  # the same before the first news: then only links are mailed
BEFORE: Final = timedelta(
    days=9
)  # readers sign up from so long before the first Issue on: a Trial is seven days
_log = log.get("replay")

Progress = Callable[[datetime], None]
MakeBrowser = Callable[[str], Browser]


@dataclass(frozen=True)
class Frozen:
    """What stood in the tables in the moment after an Issue's Audience was frozen."""

    frozen_at: datetime
    subscribers: int
    owed: int
    left_out: int


@dataclass
class Played:
    """What happened."""

    lives: list[Life]
    frozen: dict[int, Frozen] = field(default_factory=dict)  # by Issue
    ticks: int = 0
    acts: int = 0
    lost: list[str] = field(default_factory=list)  # readers who did not find what they came for
    failed_steps: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0


class Play:
    """One replay. ``parts`` tick under ``hands``; readers live from :data:`BEFORE` before ``start`` on."""

    def __init__(
        self,
        parts: Parts,
        hands: ByHand,
        mailboxes: Mailboxes,
        make_browser: MakeBrowser,
        *,
        readers: int,
        start: datetime,
        end: datetime,
        seed: int,
    ) -> None:
        self._parts, self._hands, self._mailboxes = parts, hands, mailboxes
        self._start, self._end = start, end
        self._waiting: list[tuple[datetime, int, Callable[[], None]]] = []
        self._turn = count()
        self._by_address: dict[str, Life] = {}
        self._played = Played(self._make_lives(readers, make_browser, seed))

    def run(self, progress: Progress) -> Played:
        """Turn the clock to the end. A reader who gets lost is noted, and the others live on."""
        began = time.perf_counter()
        next_tick = self._start - BEFORE
        while next_tick <= self._end:
            if self._waiting and self._waiting[0][0] <= next_tick:
                moment, _, act = heapq.heappop(self._waiting)
                self._hands.forward(moment)
                self._act(act)
            else:
                self._hands.forward(next_tick)
                self._tick()
                next_tick += EVERY if next_tick >= self._start else EVERY_BEFORE
                progress(self._hands())
        self._played.seconds = time.perf_counter() - began
        return self._played

    def _act(self, act: Callable[[], None]) -> None:
        self._played.acts += 1
        try:
            act()
        except Lost as error:
            self._played.lost.append(str(error))
            _log.warning("replay.lost", reason=str(error))

    def _tick(self) -> None:
        """Reports of the mailboxes, then what is due, then a look into the mailboxes."""
        now = self._hands()
        sessions = self._parts.service.sessions
        if events := self._mailboxes.reports(now):
            with sessions.begin() as session:
                report = settle.take(session, events, provider=self._mailboxes.name, now=now)
            for day in report.held:
                alerts.issue_held(self._parts.service, day)
        if now >= self._start:
            tick.tick(self._parts, now)
            self._note_freezes()
        else:  # no news yet: only what readers ask for
            for step in ("settle", "lapse"):
                self._step(step)
        self._played.ticks += 1
        for letter in self._mailboxes.arrivals():
            if life := self._by_address.get(letter.to):
                life.look_at(letter)

    def _step(self, step: str) -> None:
        with contextlib.suppress(AlreadyDone):
            pipeline.run_step(self._parts, step, due_at=self._hands())

    def _note_freezes(self) -> None:
        with db.reading(self._parts.service.sessions) as session:
            for number, frozen_at in session.execute(select(Issue.id, Issue.frozen_at)).all():
                if frozen_at is not None and number not in self._played.frozen:
                    sums = [_count(session, Subscriber.id)]
                    sums += [_count(session, t.id, t.issue_id == number) for t in (Delivery, LeftOut)]
                    self._played.frozen[number] = Frozen(frozen_at, *sums)

    def _make_lives(self, readers: int, make_browser: MakeBrowser, seed: int) -> list[Life]:
        """Readers who sign up over the first two thirds of the time, most of them early."""
        lives = []
        chance = Random(seed)  # noqa: S311 - luck that can be repeated, no secret
        kinds, shares = list(KINDS), list(KINDS.values())
        opening = self._start - BEFORE + timedelta(hours=1)
        most = max(BEFORE, (self._end - opening) * 2 / 3)
        for number in range(readers):
            life = Life(
                number=number,
                kind=chance.choices(kinds, shares)[0],
                zone=chance.choice(ZONES),
                hour=chance.choice((5, 6, 6, 7, 7, 8, 12, 18)),
                chance=Random(chance.random()),  # noqa: S311 - as above
                browser=make_browser(f"2001:db8:{number >> 16:x}:{number & 0xFFFF:x}::1"),
                at=self._at,
                change_fate=self._mailboxes.fates.__setitem__,
            )
            joins = opening + most * chance.random() ** 2
            self._at(joins, lambda life=life, joins=joins: life.ask(joins))  # type: ignore[misc]
            self._by_address[life.address] = life
            lives.append(life)
        return lives

    def _at(self, moment: datetime, act: Callable[[], None]) -> None:
        heapq.heappush(self._waiting, (moment, next(self._turn), act))


def _count(session: Any, column: Any, *which: Any) -> int:
    return int(session.scalar(select(func.count(column)).where(*which)) or 0)


def days_between(start: datetime, end: datetime) -> float:
    """How long the replay is, in days."""
    return (end - start) / DAY


def kinds_of(lives: Sequence[Life]) -> Counter[str]:
    """How many readers of which kind."""
    return Counter(life.kind for life in lives)
