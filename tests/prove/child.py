"""A command of the newsletter in a process of its own, forked from a parent that has everything imported already.

``python -m newsletter step dispatch`` takes two seconds to start and 20 ms for a batch; a thousand kills need the second without
the first. What runs here is the command itself: settings from the environment, its own database connections, its own provider over
real sockets, its own signal handlers. Added are only: the clock that the proof moves, a place at which to die or to be frozen,
a provider's patience of seconds instead of minutes, and, for the mutants, the mistake.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from multiprocessing.connection import Connection
from typing import Any

from newsletter import clock
from newsletter.cli import database, issue, main, opening, serve, step  # noqa: F401
from newsletter.delivery import dispatch, ledger
from newsletter.delivery.providers.sendgrid import send as sendgrid
from newsletter.delivery.providers.smtp import conversation
from newsletter.delivery.providers.smtp import send as smtp
from newsletter.issues.service import IssueService
from newsletter.jobs import schedule, worker  # noqa: F401 - what is imported here, no child imports again
from tests.prove import clockwork, mutants


@dataclass(frozen=True)
class Orders:
    """What to run, and where to die. ``order`` goes to the provider inside the name we sign in with: "after-acceptance.2"."""

    argv: Sequence[str]
    env: Mapping[str, str]
    folder: str
    log: str
    clock: str
    out: str = ""  # what it says goes here; empty: into the log
    die_at: str = ""
    nth: int = 1
    freeze_at: str = ""
    order: str = "-.0"
    mutant: str = ""
    tick: float = 30.0  # seconds between two ticks of a scheduler
    grace: float = 25.0  # seconds from SIGTERM to leaving
    at_once: int = 0  # batches under way at once; 0: as the provider likes it
    patience: float = 0.8  # seconds to wait for a provider's answer


def run(orders: Orders, begun: Connection | None = None) -> None:
    """Run the command and exit as it does."""
    os.setsid()
    os.chdir(orders.folder)
    os.environ.clear()
    os.environ.update({k: v.format(order=f"{os.getpid()}.{orders.order}") for k, v in orders.env.items()})
    for stream, path in ((1, orders.out or orders.log), (2, orders.log)):
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(file, stream)
        os.close(file)
    sys.stdout = os.fdopen(1, "w", buffering=1)
    sys.stderr = os.fdopen(2, "w", buffering=1)
    _prepare(orders, begun)
    sys.argv = ["newsletter", *orders.argv]
    try:
        main.main()
    finally:
        sys.stdout.flush()


def _prepare(orders: Orders, begun: Connection | None) -> None:
    clock.system = clockwork.of(orders.clock)
    for module, name in (
        (sendgrid, "ANSWER_TIMEOUT"),
        (conversation, "DOT_TIMEOUT"),
        (conversation, "REPLY_TIMEOUT"),
    ):
        assert hasattr(module, name), f"{module.__name__} has no {name} any more: tell tests/prove/child.py"
        setattr(module, name, orders.patience)
    opening.GRACE = timedelta(seconds=orders.grace)
    every = schedule.run_forever.__kwdefaults__
    assert every is not None
    every["every"] = timedelta(seconds=orders.tick)
    if orders.at_once:
        sendgrid.SendGrid.at_once = smtp.Smtp.at_once = orders.at_once
    mutants.become(orders.mutant)
    _watch(_Places(orders, begun))


class _Places:
    """Told each place where dying matters."""

    def __init__(self, orders: Orders, begun: Connection | None) -> None:
        self._orders = orders
        self._begun = begun
        self._passed = 0
        self._lock = threading.Lock()

    def __call__(self, place: str) -> None:
        with self._lock:
            if self._begun is not None and place == "before-claim":
                self._begun.send_bytes(b".")
                self._begun.close()
                self._begun = None
            if place == self._orders.die_at or place == self._orders.freeze_at:
                self._passed += 1
                if self._passed == self._orders.nth:
                    os.kill(os.getpid(), signal.SIGKILL if self._orders.die_at else signal.SIGSTOP)


def _watch(places: _Places) -> None:
    real_run, real_freeze, real_approve = dispatch.run, ledger.freeze, IssueService.approve

    def run(*args: Any, **more: Any) -> Any:
        options = replace(more.pop("options", dispatch.RunOptions()), waypoint=places)
        return real_run(*args, options=options, **more)

    def freeze(*args: Any, **more: Any) -> bool:
        done = real_freeze(*args, **{**more, "waypoint": places})
        places("frozen-uncommitted")
        return done

    def begin(*args: Any, **more: Any) -> Any:
        places("frozen")
        return run(*args, **more)

    def approve(*args: Any, **more: Any) -> Any:
        done = real_approve(*args, **more)
        places("approved")
        return done

    dispatch.run = begin
    ledger.freeze = freeze
    IssueService.approve = approve  # type: ignore[method-assign]
