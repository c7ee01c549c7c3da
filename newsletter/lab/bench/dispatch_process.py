"""Runs a dispatch in a process of its own, so that its memory is not that of the bench."""

from __future__ import annotations

import multiprocessing
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from multiprocessing.connection import Connection, wait
from time import monotonic, process_time
from typing import Any, cast

from newsletter import clock as clocks
from newsletter import db, log
from newsletter.delivery import providers
from newsletter.errors import NewsletterError
from newsletter.issues.service import IssueService
from newsletter.lab.bench.child_processes import accept_interrupts, interrupts_deferred
from newsletter.lab.bench.measuring import Progress, peak_megabytes, timed
from newsletter.lab.bench.readers import DAY
from newsletter.links import Links
from newsletter.settings import Settings
from newsletter.subscribers.tokens import Tokens

_START = multiprocessing.get_context("spawn")
_TELL_EVERY = 0.5  # seconds


@dataclass(frozen=True)
class Dispatched:
    """The result of one process: the report's counts, wall-clock and processor seconds, and its peak resident memory in MB."""

    seconds: float
    cpu_seconds: float
    peak_mb: float
    accepted: int
    uncertain: int
    state: str
    paused_because: str


def dispatch_in(
    settings: dict[str, Any], at: datetime, *, limit: int | None = None, workers: int = 1, progress: Progress
) -> list[Dispatched]:
    """Dispatch the bench's Issue in so many processes at once, with the clock at ``at``. Raises a NewsletterError of theirs."""
    ends = []
    for _ in range(workers):
        here, there = _START.Pipe()
        process = _START.Process(target=_dispatch, args=(there, settings, at, limit), daemon=True)
        with interrupts_deferred():
            process.start()
        there.close()
        ends.append((here, process))
    results: list[Dispatched] = []
    waiting = {here: n for n, (here, _) in enumerate(ends)}
    done = [0] * workers
    while waiting:
        for ready in wait(list(waiting)):
            here = cast("Connection[Any, Any]", ready)
            try:
                said = here.recv()
            except EOFError:
                raise NewsletterError("A dispatching process of the bench died.") from None
            if isinstance(said, tuple):
                done[waiting[here]] = said[0]
                progress("handing over", max(done), said[1], "submitted")
                continue
            del waiting[here]
            if isinstance(said, str):
                raise NewsletterError(said)
            results.append(said)
    for _, process in ends:
        process.join()
    return results


def dispatch_here(settings: dict[str, Any], at: datetime, *, limit: int) -> int:
    """Dispatch in this process without measuring. Returns how many copies were accepted."""
    service = service_for(settings, at)
    accepted = service.dispatch(DAY, limit=limit).accepted
    service.provider.close()
    service.sessions.kw["bind"].dispose()
    return accepted


def service_for(values: dict[str, Any], at: datetime) -> IssueService:
    """Return the service that dispatches, from plain values that can be sent to another process."""
    settings = Settings(_env_file=None, **values)
    clock = clocks.replay(at)
    return IssueService(
        settings=settings,
        sessions=db.make_sessions(db.make_engine(settings.DATABASE_URL)),
        clock=clock,
        links=Links(settings.SITE_URL),
        tokens=Tokens(settings.signing_keys, clock=clock),
        provider=providers.make(settings, now=clock),
    )


def _dispatch(there: Any, values: dict[str, Any], at: datetime, limit: int | None) -> None:
    accept_interrupts()
    log.configure(json=True, level=40)  # errors only
    last = 0.0

    def tell(done: int, of: int, _: str) -> None:
        nonlocal last
        if monotonic() - last > _TELL_EVERY:
            last = monotonic()
            there.send((done, of))

    try:
        service = service_for(values, at)
        used = process_time()
        with timed() as watch:
            report = service.dispatch(DAY, limit=limit, progress=tell)
        used = process_time() - used
        service.provider.close()
        there.send(
            Dispatched(
                watch.seconds,
                used,
                peak_megabytes(),
                report.accepted,
                report.uncertain,
                report.state,
                report.held or report.paused_because,
            )
        )
    except NewsletterError as error:
        there.send(str(error))
    there.close()


def together(results: Sequence[Dispatched]) -> dict[str, Any]:
    """Return the sum over processes: seconds of the slowest, memory of the largest."""
    return {
        "seconds": max(r.seconds for r in results),
        "cpu_seconds": sum(r.cpu_seconds for r in results),
        "peak_mb": max(r.peak_mb for r in results),
        "accepted": sum(r.accepted for r in results),
        "uncertain": sum(r.uncertain for r in results),
    }
