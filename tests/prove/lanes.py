"""The proof on one database: kills, other faults, copies of the database, and the mutants."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.prove import copies, rounds, servers
from tests.prove.deployment import Deployment
from tests.prove.morning import Morning, Tally
from tests.prove.mutants import MUTANTS
from tests.prove.postgres import Postgres

START = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
FAULTS = 0.2  # of the provider's calls go wrong
DELAY = 0.02  # seconds a provider takes over a call
KILLS_EACH = 32  # most kills of one Issue
# What the judge must say of each mutant, among other things.
GIVEN_AWAY_BY = {
    "mark-before-send": "lost",
    "retry-on-unknown": "duplicate",
    "cursor-at-fetch": "lost",
    "no-fencing": "duplicate",
    "resend-on-5xx": "duplicate",
    "hide-the-doubt": "taken by the provider and withdrawn",
}
_LURES = {"resend-on-5xx": ("accept-then-500", "accept-then-503")}  # the faults that tempt it

Say = Callable[[str], None]


@dataclass
class Lane:
    """``database`` is "sqlite" or "postgresql". ``run`` fills ``tally``, ``caught`` and ``far_sides``."""

    database: str
    kills: int
    seed: int
    folder: Path
    say: Say
    tally: Tally = field(default_factory=Tally)
    caught: dict[str, str] = field(
        default_factory=dict
    )  # mutant → what gave it away; empty: it was not caught
    far_sides: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    is_through: bool = False  # nothing broke off

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self._began = time.monotonic()
        self._server = Postgres(self.folder / "server") if self.database == "postgresql" else None
        self._numbers: Counter[str] = Counter()
        self._told = 0  # faults said already
        self._open: list[Deployment] = []

    def run(self) -> None:
        """Everything."""
        with self._counted():
            if self._server:
                self._several(self._server)
            with self._deployment("main") as deployment:
                deployment.open_site()
                self._once(deployment)
                self._kills(deployment)
                deployment.webhook(True)
                self.far_sides.update(deployment.sendgrid.ask("counts"))
                self.far_sides.update(deployment.smtp.ask("counts"))
            for kind in ("forged", "stale"):
                taken = self.far_sides[f"{kind} posts taken"]
                self.tally.expect(not taken, f"{kind} events were taken by the site")
            for mutant in MUTANTS:
                self._mutant(mutant)
            self._copies()
            self.is_through = True

    def run_portion(self) -> None:
        """Kills of one small Issue, and on SQLite one mutant: for each run of the tests."""
        with self._counted():
            with self._deployment("main") as deployment:
                deployment.faults(FAULTS, delay=DELAY)
                morning = self._morning(deployment, readers=60, all_at_once=True)
                rounds.kills(morning, 9, lambda: self.tally.hits >= self.kills, rounds.SURE)
                rounds.judged(morning, decide=True)
            if not self._server:
                self._mutant("no-fencing")

    @contextmanager
    def _counted(self) -> Iterator[None]:
        try:
            yield
        finally:
            if self._server:
                self._server.close()
            self.seconds = time.monotonic() - self._began

    @property
    def is_sound(self) -> bool:
        done = self.is_through and self.tally.hits >= self.kills
        return done and not self.tally.faults and all(self.caught.values())

    def abandon(self) -> None:
        """Leave no process behind when the proof itself is interrupted."""
        for deployment in self._open:
            with suppress(Exception):
                deployment.close()
        if self._server:
            self._server.close()

    # --- the parts ---

    @contextmanager
    def _deployment(self, name: str, mutant: str = "") -> Iterator[Deployment]:
        folder = self.folder / name
        folder.mkdir(parents=True, exist_ok=True)
        server = self._server
        url = server.database(name.replace("-", "_")) if server else f"sqlite:///{folder}/n.db"
        pg_bin = self._server.bin if self._server else ""
        deployment = Deployment(folder, url, f"{self.seed}:{self.database}:{name}", START, mutant, pg_bin)
        self._open.append(deployment)
        try:
            yield deployment
        finally:
            self._open.remove(deployment)
            deployment.close()

    def _morning(self, deployment: Deployment, tally: Tally | None = None, **more: Any) -> Morning:
        self._numbers[deployment.seed] += 1
        number = self._numbers[deployment.seed]
        chance = random.Random(f"{deployment.seed}:{number}")
        return Morning(deployment, chance, self.tally if tally is None else tally, number, **more)

    def _kills(self, deployment: Deployment) -> None:
        """Issue after Issue, until enough of the kills hit a batch."""
        n = 0
        while self.tally.hits < self.kills:
            deployment.webhook(n % 3 != 2)  # one Issue of three with a provider that reports nothing
            deployment.faults(FAULTS, delay=DELAY)
            morning = self._morning(deployment, provider="smtp" if n % 5 == 3 else "sendgrid", readers=480)
            rounds.kills(morning, KILLS_EACH, lambda: self.tally.hits >= self.kills)
            rounds.judged(morning, decide=n % 2 == 0)
            n += 1
            self._tell(f"issue {morning.day} by {morning.provider}")

    def _once(self, deployment: Deployment) -> None:
        """What is done a few times only."""
        for provider in ("sendgrid", "smtp"):
            for place in ("claimed", "submitting", "handed-over"):
                deployment.faults(0.05)
                self._do(
                    deployment, lambda m, place=place: rounds.frozen(m, place), provider=provider, readers=40
                )
            self._tell(f"frozen past the lease, {provider}")
            for _ in range(2):
                self._do(deployment, rounds.withdrawn, provider=provider, readers=150)
                self._do(
                    deployment,
                    lambda m: rounds.told_to_leave(m, stubborn=False),
                    provider=provider,
                    readers=90,
                )
            self._do(
                deployment, lambda m: rounds.told_to_leave(m, stubborn=True), provider=provider, readers=40
            )
            self._tell(f"withdrawn, told to leave, {provider}")

    def _several(self, server: Postgres) -> None:
        """PostgreSQL torn down in the middle, and several processes at once."""
        with self._deployment("several") as deployment:
            deployment.open_site()
            for _ in range(3):
                deployment.faults(FAULTS, delay=DELAY)
                self._do(deployment, lambda m: servers.restarted(m, server, 6), readers=150)
            self._tell("PostgreSQL restarted")
            for _ in range(2):
                self._do(deployment, lambda m: servers.crowd(m, 14), readers=1200, all_at_once=True)
                self._tell("two schedulers and two workers")

    def _do(self, deployment: Deployment, act: Callable[[Morning], None], **more: Any) -> None:
        morning = self._morning(deployment, **more)
        act(morning)
        rounds.judged(morning, decide=not morning.roll.withdrawn)

    def _copies(self) -> None:
        ways: dict[str, Callable[[Deployment], Any]] = {"db restore": copies.sqlite_command}
        if server := self._server:
            ways["the whole server"] = lambda h: copies.whole_server(h, server, self.folder / "copy")
        else:
            ways["the file"] = copies.sqlite_file
        for n, (what, way) in enumerate(ways.items()):
            with self._deployment(f"copy-{n}") as deployment:
                save, put_back = way(deployment)
                copies.copied_back(self._morning(deployment, readers=60), save, put_back, what)
        self._tell("copied back")

    def _mutant(self, name: str) -> None:
        """Kills, then a frozen process, until the judge has something to say; one of them must give it away."""
        with self._deployment(f"m-{name}", name) as deployment:
            found: list[str] = []
            acts: list[tuple[float, Callable[[Morning], None]]] = [
                (0.0, lambda m: rounds.frozen(m, "submitting")),
                (0.35, lambda m: rounds.kills(m, 9, lambda: False)),
                (0.35, lambda m: rounds.kills(m, 9, lambda: False)),
            ]
            for faults, act in acts:
                deployment.faults(faults, kinds=_LURES.get(name, ()))
                tally = Tally()
                morning = self._morning(deployment, tally, readers=110)
                act(morning)
                found += morning.judge().faults
                if any(GIVEN_AWAY_BY[name] in fault for fault in found):
                    break
        told = [fault for fault in found if GIVEN_AWAY_BY[name] in fault]
        self.caught[name] = told[0].partition(": ")[2] if told else ""
        self._tell(f"mutant {name}: {self.caught[name] or 'NOT CAUGHT'}")

    def _tell(self, what: str) -> None:
        took = time.monotonic() - self._began
        for fault in self.tally.faults[self._told :]:
            self.say(f"[{self.database:<10} {took:5.0f} s] FAULT {fault}")
        self._told = len(self.tally.faults)
        found = f"{self._told} faults"
        self.say(
            f"[{self.database:<10} {took:5.0f} s] {self.tally.kills} kills, {self.tally.hits} hit a batch, {found} · {what}"
        )
