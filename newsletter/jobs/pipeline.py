"""The Steps of the day in order. This module only lists them, calls the packages that do them, and records each Run."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import select, update

from newsletter import db, log
from newsletter.billing import processors, reconciliation
from newsletter.clock import TimeLimit, day_in
from newsletter.db import queue_tables
from newsletter.db.models import Issue, Outlet, Run
from newsletter.delivery import corrections, event_rollup, ledger, notices, resubmit
from newsletter.delivery.dispatch import DispatchReport
from newsletter.delivery.fence import Fence
from newsletter.errors import CatalogueError, ChangedMeanwhile, NewsletterError, NothingToRead, SettingsError
from newsletter.feeds import catalogue as outlets
from newsletter.feeds import gather, read_pages
from newsletter.feeds.catalogue import Catalogue
from newsletter.feeds.fetcher import Fetcher
from newsletter.issues import compose, reading_list
from newsletter.issues.checks import link_status
from newsletter.issues.service import IssueService, find_issue
from newsletter.jobs import lapse
from newsletter.jobs.due import DEAD_AFTER
from newsletter.settings import Settings
from newsletter.stories import embeddings, grouping, threads
from newsletter.subscribers import bounce_reports, pending_requests
from newsletter.subscribers.notice_slots import slots_for
from newsletter.subscribers.unsubscribing import spool, unsubscribe_log
from newsletter.summaries import registry, summarize
from newsletter.summaries.extractive.summarizer import Extractive
from newsletter.summaries.model import budget, recorded

_log = log.get("pipeline")

Progress = Callable[[str, int, int, str], None]  # step, done, of, what


def silent(step: str, done: int, of: int, what: str) -> None:
    """Ignore progress."""


@dataclass(frozen=True)
class Parts:
    """What the Steps need, made once by the composition root."""

    service: IssueService
    catalogue: Catalogue | None = None  # None: read from OUTLETS_FILE by gather
    fetcher: Fetcher | None = None  # None: the network
    is_sample: bool = False
    progress: Progress = silent
    day: date | None = None  # the Issue's day; None: today
    # How long one dispatch may take before the Steps after it run; None: until nothing is due.
    turn: timedelta | None = None
    # Steps that are not done in this process (see jobs/worker.py), by name.
    instead: Mapping[str, Callable[[Parts], dict[str, Any]]] = field(default_factory=dict)

    @property
    def now(self) -> datetime:
        return self.service.clock()

    def today(self) -> date:
        """The day of the Issue that these Steps are about."""
        return self.day or day_in(self.service.settings.EDITION_TZ, self.now)

    def reporting(self, step: str) -> Callable[[int, int, str], None]:
        def report(done: int, of: int, what: str = "") -> None:
            self.progress(step, done, of, what)

        return report


class AlreadyDone(Exception):
    """This Step ran for this moment already, or another process is running it."""


def gather_step(parts: Parts) -> dict[str, Any]:
    """Read the Feeds and store Articles. Raises :class:`NothingToRead` when no Feed answered."""
    service = parts.service
    refused = take_up_catalogue(parts)
    report = gather.run(
        service.sessions,
        service.settings,
        now=parts.now,
        progress=parts.reporting("gather"),
        fetch=parts.fetcher,
    )
    if not report.reached and not report.skipped:
        raise NothingToRead(f"None of the {report.feeds} feeds could be reached.")
    return asdict(report) | ({"catalogue_refused": refused} if refused else {})


def take_up_catalogue(parts: Parts) -> str:
    """Store the catalogue as its file is now. A file that was broken since the last time changes nothing: returns the reason,
    otherwise an empty string. Raises :class:`CatalogueError` when no Outlet is stored yet."""
    service = parts.service
    try:
        catalogue = parts.catalogue or outlets.load_catalogue(service.settings.OUTLETS_FILE)
    except CatalogueError as error:
        with db.reading(service.sessions) as session:
            if session.scalar(select(Outlet.id).where(Outlet.listed).limit(1)) is None:
                raise
        _log.error("gather.catalogue_refused", reason=str(error))
        return str(error)
    with service.sessions.begin() as session:
        gather.sync_catalogue(session, catalogue)
    return ""


def group_step(parts: Parts) -> dict[str, Any]:
    """Group Articles into Stories, and link each to the earlier ones of its thread."""
    report = grouping.run(
        parts.service.sessions,
        now=parts.now,
        progress=parts.reporting("group"),
        embedder=embeddings.make(parts.service.settings),
    )
    return {**asdict(report), "history": threads.run(parts.service.sessions, now=parts.now)}


def read_step(parts: Parts) -> dict[str, Any]:
    """Read the pages of the best Stories' Articles, where that is allowed and the feed gave little text."""
    service = parts.service
    if parts.fetcher is not None:  # the feeds are not read from the network, so neither are the pages
        return {"without": "the network"}
    report = read_pages.run(
        service.sessions,
        service.settings,
        reading_list.reading_list(service.sessions, now=parts.now),
        now=parts.now,
        progress=parts.reporting("read"),
    )
    return asdict(report)


def summarize_step(parts: Parts) -> dict[str, Any]:
    """Summarize Stories with the outlets' own words, cited. Text that a model wrote for an Issue is kept."""
    report = summarize.run(
        parts.service.sessions,
        Extractive(),
        now=parts.now,
        progress=parts.reporting("summarize"),
        keep=kept_summarizers(parts.service.settings),
    )
    return asdict(report)


def kept_summarizers(settings: Settings) -> tuple[str, ...]:
    """Return the summarizers whose text the summarize Step does not replace."""
    return (registry.MODEL,) if registry.has_model(settings) else ()


def _write_shortlist(parts: Parts) -> dict[str, Any]:
    """Let a model, if one is configured, write the Stories from which the Issue is picked. Where it fails, the outlets' words stay."""
    service = parts.service
    try:
        writer = (
            registry.recorded_writer(parts.now.astimezone(UTC).date())
            if _is_recorded(parts)
            else registry.model_writer(service.settings)
        )
    except SettingsError as error:
        _log.warning("compose.without_model", reason=str(error))
        return {"model": str(error)}
    if writer is None:
        return {}
    report = summarize.write(
        service.sessions,
        writer,
        compose.shortlist(service.sessions, day=parts.today(), now=parts.now),
        now=parts.now,
        at_once=service.settings.LLM_CONCURRENCY,
        progress=parts.reporting("compose"),
    )
    return {"shortlist": report.stories, "written": report.written, "fell_back": report.fell_back}


def _is_recorded(parts: Parts) -> bool:
    return parts.is_sample and registry.has_recorded(parts.service.settings)


def compose_step(parts: Parts) -> dict[str, Any]:
    """Compose today's draft Issue from Stories, and render it. Raises ``TooFewStories``."""
    written = _write_shortlist(parts)
    issue = compose.run(
        parts.service.sessions,
        day=parts.today(),
        now=parts.now,
        is_sample=parts.is_sample,
        intro=recorded.LABEL if _is_recorded(parts) else "",
    )
    parts.service.render(issue.issued_on)
    view = parts.service.view(issue.issued_on)
    return {"issued_on": issue.issued_on.isoformat(), "stories": len(view.stories), **written}


def check_step(parts: Parts) -> dict[str, Any]:
    """Run the Checks on today's Issue."""
    findings = parts.service.check(parts.today(), outside=True)
    return {level: sum(f.level == level for f in findings) for level in ("pass", "warn", "block")}


def approve_step(parts: Parts) -> dict[str, Any]:
    """``APPROVAL=auto``: approve today's Issue when no Check blocks. Raises ``Refused`` otherwise."""
    service, day = parts.service, parts.today()
    if service.settings.APPROVAL != "auto":
        return {"waiting": "for an operator"}
    with db.reading(service.sessions) as session:
        issue = find_issue(session, day)
        state, is_rendered = issue.state, bool(issue.renditions)
    if state != "draft":
        return {"already": state}  # another process was faster
    if not is_rendered:  # an edit is in progress, or its process died
        service.render(day)
        return {"waiting": "rendered anew"}
    try:
        service.approve(day, by="auto")
    except ChangedMeanwhile:
        return {"waiting": "it was changed meanwhile"}
    return {"approved": day.isoformat()}


def dispatch_step(parts: Parts) -> dict[str, Any]:
    """Submit the due copies of approved Issues to the provider."""
    with db.reading(parts.service.sessions) as session:
        days = session.scalars(
            select(Issue.issued_on)
            .where(Issue.state.in_(("approved", "dispatching")))
            .order_by(Issue.issued_on)
        ).all()
    total: Counter[str] = Counter(issues=len(days))
    said: dict[str, Any] = {}
    stop = None if parts.turn is None else TimeLimit(parts.service.clock, parts.turn, parts.service.stop)
    for day in days:
        report = parts.service.dispatch(day, progress=parts.reporting("dispatch"), stop=stop)
        total.update({name: getattr(report, name) for name in _COUNTED})
        said |= {name: value for name in _SAID if (value := getattr(report, name))}
    return {**total, **said}


def note_part(sessions: db.Sessions, report: DispatchReport, *, now: datetime) -> None:
    """Record what a worker did of a dispatch as a Run of its own, because the scheduler's Run ended when it had deferred the part."""
    detail = {name: value for name in (*_COUNTED, *_SAID) if (value := getattr(report, name))}
    if report.did_nothing and report.paused_until is None:
        return
    row = {"step": "dispatch", "due_at": now, "started_at": now, "finished_at": now, "outcome": "done"}
    with sessions.begin() as session:
        db.insert_new(session, Run, [{**row, "detail": _as_text(detail)}])


_COUNTED = ("batches", "accepted", "failed", "uncertain", "withdrawn", "retried", "expired")
_SAID = ("held", "paused_until", "paused_because", "refused_us", "next_due")


def settle_step(parts: Parts) -> dict[str, Any]:
    """Record unsubscribes from the spool, grant PendingRequests, submit pending Notices to the provider, and decide uncertain
    Deliveries about which a later event says more. Returns how many of each."""
    service = parts.service
    spool.apply_all(service.sessions, service.settings.LEAVING_DIR)
    # First, before anything that may be refused: a copy whose worker died becomes uncertain even where nothing may be sent.
    ledger.expire_everywhere(service.sessions, now=parts.now)
    corrections.follow_up(service.sessions, now=parts.now)
    granted = pending_requests.run(service.sessions, service.settings, clock=service.clock, stop=service.stop)
    report = notices.run(
        service.sessions,
        service.provider,
        settings=service.settings,
        links=service.links,
        now=service.clock,
        slots_for=slots_for(service.tokens, service.links),
        stop=service.stop,
    )
    resubmitted = resubmit.run(
        service.sessions,
        provider=service.provider.name,
        now=parts.now,
        stale_after=timedelta(hours=service.settings.STALE_AFTER),
    )
    # Last, so that a mailbox that cannot be read does not stop Notices: the Step fails and operators are alerted.
    bounces: dict[str, Any] = {}
    if (mailbox := service.settings.BOUNCE_MAILDIR) is not None:
        came = bounce_reports.run(
            service.sessions, mailbox, tokens=service.tokens, links=service.links, now=parts.now
        )
        bounces = {"reports_by_mail": came.proven, "reports_unread": came.unproven}
    return {"pending_requests_granted": granted, **asdict(report), **asdict(resubmitted), **bounces}


def lapse_step(parts: Parts) -> dict[str, Any]:
    """Announce ends of Trials, delete records past their retention, and look up payments that no webhook reported. Returns how many."""
    service = parts.service
    report = asdict(lapse.run(service.sessions, service.settings, now=parts.now))
    caught_up = reconciliation.run(service.sessions, processors.make(service.settings), clock=service.clock)
    summed = event_rollup.run(service.sessions, now=parts.now)
    links_deleted = link_status.delete_old(service.sessions, now=parts.now)
    if Fence(service.sessions, service.settings.FENCE_DIR).why_closed() is None:
        unsubscribe_log.write_rolling(service.sessions, service.settings.LEAVING_DIR, now=parts.now)
    mailbox = service.settings.BOUNCE_MAILDIR
    if mailbox is not None and (mailbox / "new").is_dir():  # when it is missing, the settle Step reports it
        bounce_reports.run(
            service.sessions,
            mailbox,
            tokens=service.tokens,
            links=service.links,
            now=parts.now,
            include_seen=True,
        )
    return {
        **report,
        "payments_read_again": caught_up,
        "events_summed": summed,
        "link_answers_deleted": links_deleted,
        "queued_parts_deleted": queue_tables.delete_ended(service.sessions, now=parts.now),
        "half_written_files_deleted": spool.clean_up(service.settings.LEAVING_DIR, now=parts.now),
        "model_answers_deleted": budget.delete_old(service.settings.LLM_DIR, now=parts.now),
    }


STEPS: Mapping[str, Callable[[Parts], dict[str, Any]]] = {
    "gather": gather_step,
    "group": group_step,
    "read": read_step,
    "summarize": summarize_step,
    "compose": compose_step,
    "check": check_step,
    "approve": approve_step,
    "dispatch": dispatch_step,
    "settle": settle_step,
    "lapse": lapse_step,
}


def run_step(parts: Parts, step: str, *, due_at: datetime, day: date | None = None) -> Run:
    """Do one Step for its moment and record the Run. ``day`` is the Issue's day; None means today.

    Raises :class:`AlreadyDone` when (step, due_at) ran before; a failed Run, or one whose process died, is taken over.
    """
    run_id = _begin(parts, step, due_at)
    try:
        act = parts.instead.get(step, STEPS[step])
        detail = act(replace(parts, day=day or parts.day))
    except NewsletterError as error:
        _finish(parts, run_id, "failed", error=str(error))
        raise
    except Exception as error:
        _finish(parts, run_id, "failed", error=type(error).__name__)
        raise
    return _finish(parts, run_id, "done", detail=detail)


def _begin(parts: Parts, step: str, due_at: datetime) -> int:
    now = parts.now
    with parts.service.sessions.begin() as session:
        row = {"step": step, "due_at": due_at, "started_at": now, "outcome": "running", "detail": {}}
        new = db.insert_new(session, Run, [row])
        run = session.scalars(select(Run).where(Run.step == step, Run.due_at == due_at)).one()
        if not new:
            # Also a Run that began in the future, by a clock that was set right since; ``due`` treats it alike.
            dead = run.outcome == "running" and abs(now - run.started_at) > DEAD_AFTER
            if run.outcome != "failed" and not dead:
                raise AlreadyDone(step)
            again = (
                update(Run)
                .where(Run.id == run.id, Run.started_at == run.started_at, Run.outcome == run.outcome)
                .values(started_at=now, outcome="running", finished_at=None, error=None)
            )
            if not db.changed(session, again):
                raise AlreadyDone(step)
        return run.id


def _finish(
    parts: Parts, run_id: int, outcome: str, *, detail: dict[str, Any] | None = None, error: str | None = None
) -> Run:
    with parts.service.sessions.begin() as session:
        run = session.get_one(Run, run_id)
        run.finished_at, run.outcome, run.error = parts.now, outcome, error
        run.detail = _as_text(detail or {})
    _log.info("step.finished", step=run.step, outcome=outcome, error=error)
    return run


def _as_text(detail: dict[str, Any]) -> dict[str, Any]:
    """Return the detail with moments as text."""
    kept: dict[str, Any] = json.loads(json.dumps(detail, default=str))
    return kept
