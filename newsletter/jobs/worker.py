"""Distributes parts of large Steps to workers on several machines, through Procrastinate, a queue in our PostgreSQL.

A Step's Run is unique, so any number of schedulers may run. While workers are alive, the scheduler that begins gather, summarize or
dispatch splits it into parts and defers them; without workers it does the Step itself. The queue only says that there is work: what
is due, who has claimed it and what became of it are in our own tables, so a part may be lost, done twice or done late.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime, timedelta
from threading import Event
from typing import Any, Final
from urllib.parse import urlsplit

import psycopg
from procrastinate import App, JobContext, PsycopgConnector, SyncPsycopgConnector
from procrastinate.exceptions import AlreadyEnqueued, ConnectorException
from sqlalchemy import func, make_url, select, text
from sqlalchemy.exc import DBAPIError

from newsletter import db, log
from newsletter.db import queue_tables
from newsletter.db.models import Delivery, Feed, Issue
from newsletter.errors import DatabaseError, NothingToRead
from newsletter.feeds import gather
from newsletter.issues.service import IssueService
from newsletter.jobs import alerts, external_alerts, pipeline
from newsletter.jobs.dispatch_wait import DispatchWait
from newsletter.jobs.pipeline import Parts
from newsletter.summaries import summarize
from newsletter.summaries.extractive.summarizer import Extractive

QUEUE: Final = "newsletter"
FEEDS_AT_ONCE: Final = (
    12  # Feeds in one part; those of one host stay together, so that one worker paces its requests
)
STORIES_AT_ONCE: Final = 25
BATCHES_AT_ONCE: Final = 5  # batches that one part submits before it queues up again
MOST_LANES: Final = 16  # parts of one dispatch that are queued at the same time
GATHER_WAIT: Final = timedelta(minutes=3)  # how long the scheduler waits for workers; it does the rest itself
SUMMARIZE_WAIT: Final = timedelta(minutes=8)
ALIVE_WITHIN: Final = timedelta(seconds=45)  # a worker sends a heartbeat every 10 s
_LOOK_AGAIN: Final = 0.5  # seconds
LOOK_FOR_DATABASE: Final = 2.0  # seconds
SOON: Final = 30.0  # seconds after which a failure is counted as a new one
MOST_AT_ONCE: Final = (
    3  # failures in a row while the database answers, after which the worker ends with the error
)

_log = log.get("worker")


def conninfo(url: str) -> str:
    """Return the address in the form of PostgreSQL's library. Raises :class:`DatabaseError` for SQLite."""
    parsed = make_url(url)
    if parsed.get_backend_name() != "postgresql":
        raise DatabaseError(
            "Several machines need one PostgreSQL, and DATABASE_URL names SQLite. Set DATABASE_URL to a PostgreSQL address, or run:"
            " python -m newsletter schedule, which does every step in one process."
        )
    return parsed.set(drivername="postgresql").render_as_string(hide_password=False)


# --- the parts that a worker does ---


def gather_part(context: JobContext, *, feeds: list[int], now: str) -> None:
    """Visit these Feeds."""
    parts = _parts(context)
    service = parts.service
    gather.run(
        service.sessions,
        service.settings,
        now=datetime.fromisoformat(now),
        fetch=parts.fetcher,
        only=set(feeds),
    )


def summarize_part(context: JobContext, *, stories: list[int], now: str) -> None:
    """Summarize these Stories."""
    service = _parts(context).service
    summarize.run(
        service.sessions,
        Extractive(),
        now=datetime.fromisoformat(now),
        only=set(stories),
        keep=pipeline.kept_summarizers(service.settings),
    )


def dispatch_part(context: JobContext, *, day: str, lane: int) -> None:
    """Submit a few batches of the due copies of an Issue; if more are due, queue up again behind the other parts."""
    service = _parts(context).service
    issued_on = date.fromisoformat(day)
    report = service.dispatch(issued_on, limit=BATCHES_AT_ONCE * _batch_size(service))
    pipeline.note_part(service.sessions, report, now=service.clock())
    if not report.did_nothing:
        external_alerts.report_dispatched(service, issued_on)
    if report.held:
        alerts.issue_held(service, issued_on)
    if report.paused_until is not None:
        wait = DispatchWait(report.paused_because, report.paused_until, report.refused_us)
        alerts.dispatch_waits(service, issued_on, wait)
    leaving = service.stop is not None and service.stop.is_set()
    more = report.next_due is not None and report.next_due <= service.clock()
    if more and report.state == "dispatching" and report.paused_until is None and not leaving:
        _defer_dispatch(context.app, day, lane)


def _parts(context: JobContext) -> Parts:
    found: Parts = context.additional_context["parts"]
    return found


def _batch_size(service: IssueService) -> int:
    return min(service.provider.batch_size, service.settings.BATCH_SIZE)


def work(parts: Parts, *, concurrency: int) -> None:
    """Do parts of Steps until ``stop`` is set, and finish the present ones. While the database is away it waits without a limit.

    Raises ``DatabaseError`` when the queue fails several times although the database answers.
    """
    sessions, stop = parts.service.sessions, parts.service.stop
    at_once = 0  # failures in a row, each soon after the worker started
    while not (stop and stop.is_set()):
        app = _app(PsycopgConnector(conninfo=conninfo(parts.service.settings.DATABASE_URL)))
        began = time.monotonic()
        try:
            asyncio.run(_work(app, parts, concurrency))
            return
        except (DatabaseError, ConnectorException, psycopg.Error) as error:
            at_once = at_once + 1 if time.monotonic() - began < SOON else 1
            if not _wait_for_database(sessions, stop) and at_once >= MOST_AT_ONCE:
                raise _unusable(error) from error
            _log.warning("worker.restarted", reason=str(error))


def _wait_for_database(sessions: db.Sessions, stop: Event | None) -> bool:
    """Wait until the database answers, or ``stop`` is set. Returns whether it was away."""
    away = False
    while not (stop and stop.is_set()):
        try:
            with db.reading(sessions) as session:
                session.execute(text("SELECT 1"))
            return away
        except DBAPIError as error:
            if not away:
                _log.warning("worker.database_away", reason=db.explain(error))
            away = True
        time.sleep(LOOK_FOR_DATABASE)
    return away


async def _work(app: App, parts: Parts, concurrency: int) -> None:
    stop = parts.service.stop
    async with app.open_async():
        working = asyncio.ensure_future(
            app.run_worker_async(
                queues=[QUEUE],
                concurrency=concurrency,
                install_signal_handlers=False,  # our handler sets ``stop``, which the dispatch reads as well
                delete_jobs="successful",
                fetch_job_polling_interval=1.0,
                additional_context={"parts": parts},
            )
        )
        _log.info("worker.started", concurrency=concurrency)
        while not working.done() and not (stop and stop.is_set()):
            await asyncio.sleep(_LOOK_AGAIN)
        working.cancel()
        (ended,) = await asyncio.gather(working, return_exceptions=True)
    _log.info("worker.stopped")
    if isinstance(ended, Exception):  # it ended although ``stop`` is not set
        raise _unusable(ended) from ended


def _unusable(error: Exception) -> DatabaseError:
    if isinstance(error, DatabaseError):
        return error
    return DatabaseError(
        f"The queue in the database cannot be used any more ({type(error).__name__}): {error}"
    )


# --- the Steps that a scheduler defers ---


@contextmanager
def deferring(parts: Parts) -> Iterator[Parts]:
    """Return the Parts with the large Steps split for the workers that are alive."""
    app = _app(SyncPsycopgConnector(conninfo=conninfo(parts.service.settings.DATABASE_URL)))
    with app.open():

        def among(
            act: Callable[[Parts, App], dict[str, Any]], step: str
        ) -> Callable[[Parts], dict[str, Any]]:
            return lambda p: act(p, app) if living_workers(p.service.sessions) else pipeline.STEPS[step](p)

        cut = {"gather": _gather, "summarize": _summarize, "dispatch": _dispatch}
        yield replace(parts, instead={step: among(act, step) for step, act in cut.items()})


def living_workers(sessions: db.Sessions) -> int:
    """Return the number of workers with a recent heartbeat."""
    with db.reading(sessions) as session:
        beating = text("SELECT count(*) FROM procrastinate_workers WHERE last_heartbeat > now() - :within")
        return int(session.scalar(beating, {"within": ALIVE_WITHIN}) or 0)


def prepare(sessions: db.Sessions) -> None:
    """Upgrade Procrastinate's tables to the installed version; the first process does it. Raises ``DatabaseError`` on SQLite."""
    conninfo(sessions.kw["bind"].url.render_as_string(hide_password=False))
    with sessions.begin() as session:
        if done := queue_tables.bring_up(session.connection()):
            _log.info("worker.tables_changed", done=done)


def _app(connector: Any) -> App:
    app = App(connector=connector)
    acts: dict[str, Callable[..., None]] = {
        "gather": gather_part,
        "summarize": summarize_part,
        "dispatch": dispatch_part,
    }
    for name, act in acts.items():
        app.task(name=f"{QUEUE}:{name}", queue=QUEUE, pass_context=True)(act)
    return app


def _gather(parts: Parts, app: App) -> dict[str, Any]:
    """Do the gather Step in parts, one host's Feeds together. Raises :class:`NothingToRead` as the Step itself does."""
    service, now = parts.service, parts.now
    refused = pipeline.take_up_catalogue(parts)
    due, skipped = gather.due_feeds(service.sessions, now=now)
    chunks = _chunks(((f.id, urlsplit(f.url).hostname or "") for f in due), FEEDS_AT_ONCE)
    ids = [
        app.configure_task(f"{QUEUE}:gather").defer(feeds=[*chunk], now=now.isoformat()) for chunk in chunks
    ]
    left = _wait(parts, app, ids, GATHER_WAIT)
    if left:
        gather.run(service.sessions, service.settings, now=now, fetch=parts.fetcher)
    with db.reading(service.sessions) as session:
        visited = select(func.count()).select_from(Feed).where(Feed.checked_at == now)
        reached = session.scalar(visited.where(Feed.failures == 0)) or 0
        failed = session.scalar(visited.where(Feed.failures > 0)) or 0
    if due and not reached and not skipped:
        raise NothingToRead(f"None of the {len(due)} feeds could be reached.")
    return {
        "feeds": len(due) + skipped,
        "reached": reached,
        "failed": failed,
        "skipped": skipped,
        "parts": len(ids),
        "left_by_workers": left,
        **({"catalogue_refused": refused} if refused else {}),
    }


def _summarize(parts: Parts, app: App) -> dict[str, Any]:
    """Do the summarize Step in parts; the Step itself does what the workers leave."""
    now = parts.now
    keep = pipeline.kept_summarizers(parts.service.settings)
    due = summarize.due_stories(parts.service.sessions, now=now, keep=keep)
    chunks = [due[n : n + STORIES_AT_ONCE] for n in range(0, len(due), STORIES_AT_ONCE)]
    ids = [
        app.configure_task(f"{QUEUE}:summarize").defer(stories=[*chunk], now=now.isoformat())
        for chunk in chunks
    ]
    left = _wait(parts, app, ids, SUMMARIZE_WAIT)
    rest = pipeline.STEPS["summarize"](parts)
    return {**rest, "due": len(due), "parts": len(ids), "left_by_workers": left}


def _dispatch(parts: Parts, app: App) -> dict[str, Any]:
    """Do the dispatch Step: freeze each Issue here, and let workers submit its due copies, :data:`MOST_LANES` parts at a time."""
    service = parts.service
    with db.reading(service.sessions) as session:
        days = session.scalars(
            select(Issue.issued_on)
            .where(Issue.state.in_(("approved", "dispatching")))
            .order_by(Issue.issued_on)
        ).all()
    lanes = 0
    for day in days:
        report = service.dispatch(day, limit=0)
        if report.state != "dispatching":
            continue
        share = BATCHES_AT_ONCE * _batch_size(service)
        with db.reading(service.sessions) as session:
            due = (
                select(Delivery.id)
                .join(Issue)
                .where(
                    Issue.issued_on == day, Delivery.state == "pending", Delivery.due_at <= service.clock()
                )
            )
            some = due.limit(share * MOST_LANES).subquery()
            waiting = session.scalar(select(func.count()).select_from(some)) or 0
        for lane in range(-(-waiting // share)):
            lanes += _defer_dispatch(app, day.isoformat(), lane)
    return {"issues": len(days), "deferred": lanes}


def _defer_dispatch(app: App, day: str, lane: int) -> int:
    """Defer a part unless one is queued for this lane, however many schedulers tick."""
    try:
        task = app.configure_task(f"{QUEUE}:dispatch", queueing_lock=f"dispatch:{day}:{lane}")
        task.defer(day=day, lane=lane)
    except AlreadyEnqueued:
        return 0
    return 1


def _chunks(keyed: Iterable[tuple[int, str]], size: int) -> list[list[int]]:
    """Return the numbers in chunks of about ``size``, those with the same key together."""
    same: Mapping[str, list[int]] = defaultdict(list)
    for number, key in keyed:
        same[key].append(number)
    chunks: list[list[int]] = []
    for numbers in same.values():
        if chunks and len(chunks[-1]) + len(numbers) <= size:
            chunks[-1] += numbers
        else:
            chunks.append(list(numbers))
    return chunks


def _wait(parts: Parts, app: App, ids: list[int], most: timedelta) -> int:
    """Wait until these parts are done, time is up, or no worker is alive. Returns how many were unfinished; those not started are
    cancelled."""
    sessions, stop = parts.service.sessions, parts.service.stop
    ends = time.monotonic() + most.total_seconds()
    left = _unfinished(sessions, ids)
    while left and time.monotonic() < ends and living_workers(sessions) and not (stop and stop.is_set()):
        time.sleep(_LOOK_AGAIN)
        left = _unfinished(sessions, ids)
    for number in left:
        app.job_manager.cancel_job_by_id(number, delete_job=True)
    return len(left)


def _unfinished(sessions: db.Sessions, ids: list[int]) -> list[int]:
    """Return the parts that are queued or running. A worker deletes a part that succeeded."""
    with db.reading(sessions) as session:
        unfinished = "SELECT id FROM procrastinate_jobs WHERE id = ANY(:ids) AND status IN ('todo', 'doing')"
        return list(session.scalars(text(unfinished), {"ids": ids}))
