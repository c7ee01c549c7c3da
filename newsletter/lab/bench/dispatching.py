"""A dispatch in a process of its own, so that its memory can be told from the bench's."""

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
from newsletter.lab.bench.children import beginning, begun
from newsletter.lab.bench.measuring import Progress, peak_megabytes, timed
from newsletter.lab.bench.readers import DAY
from newsletter.links import Links
from newsletter.settings import Settings
from newsletter.subscribers.tokens import Tokens

_START = multiprocessing.get_context("spawn")
_TELL_EVERY = 0.5  # seconds


@dataclass(frozen=True)
class Dispatched:
    """What one process did: the report's counts, how long it took, of that on a processor, and its largest resident memory in MB."""

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
        with beginning():
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
    """The same in this process, where nobody asks what it takes. How many were accepted."""
    service = service_for(settings, at)
    accepted = service.dispatch(DAY, limit=limit).accepted
    service.provider.close()
    service.sessions.kw["bind"].dispose()
    return accepted


def service_for(values: dict[str, Any], at: datetime) -> IssueService:
    """What dispatching needs, from plain values that may cross into another process."""
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
    begun()
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
    """The sum over processes: seconds of the slowest, memory of the largest."""
    return {
        "seconds": max(r.seconds for r in results),
        "cpu_seconds": sum(r.cpu_seconds for r in results),
        "peak_mb": max(r.peak_mb for r in results),
        "accepted": sum(r.accepted for r in results),
        "uncertain": sum(r.uncertain for r in results),
    }
