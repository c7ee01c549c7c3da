"""Submits a frozen Issue to the email provider batch by batch: claim, commit, submit, record; a few batches at the same time.

All state is in the ledger, so a dispatch may die anywhere and be run again, by any process and by several at once.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from newsletter import db, log
from newsletter.clock import Clock
from newsletter.db.models import Issue
from newsletter.delivery import ledger, ledger_queries
from newsletter.delivery.circuit_breaker import CircuitBreaker
from newsletter.delivery.fence import Fence
from newsletter.delivery.ledger import Claimed, ClaimPosition, Recorded
from newsletter.delivery.missing_mailboxes import suppress_missing
from newsletter.delivery.providers.protocol import EmailProvider, Receipt
from newsletter.delivery.submitter import BatchSubmission, SlotsFor, SubmittedBatch, Submitter, Waypoint
from newsletter.links import Links
from newsletter.settings import Settings

Progress = Callable[[int, int, str], None]

_log = log.get("delivery")


@dataclass(frozen=True)
class DispatchReport:
    """What one run of a dispatch did. ``state`` is the Issue's afterwards."""

    issue_id: int
    state: str = ""
    batches: int = 0
    accepted: int = 0
    failed: int = 0
    uncertain: int = 0
    withdrawn: int = 0  # found unsubscribed, suppressed, paused or erased at the claim
    retried: int = 0  # back to pending after a definite no for now
    expired: int = 0  # became uncertain because the lease of their worker expired
    held: str | None = None  # why the Issue is held; None unless it is
    paused_until: datetime | None = None  # the provider asked us to wait until then
    paused_because: str = ""
    refused_us: bool = False  # it refuses our key or password, so waiting alone does not help
    next_due: datetime | None = None  # when the next pending Delivery is due; None when none is

    @property
    def handed_over(self) -> int:
        return self.accepted + self.failed + self.uncertain

    @property
    def did_nothing(self) -> bool:
        return not (self.handed_over or self.withdrawn or self.retried or self.expired)


@dataclass(frozen=True)
class RunOptions:
    """The limits of one run of a dispatch, and the functions that it calls."""

    limit: int | None = None  # Deliveries to submit, at most; None: all that are due
    stop: threading.Event | None = (
        None  # once it is set no further batch is claimed; claimed ones are finished
    )
    progress: Progress | None = None  # called with settled, Audience size and what is done
    waypoint: Waypoint | None = (
        None  # called with the name of each place where dying matters, some of them in threads
    )


_ALL_THAT_IS_DUE = RunOptions()


def run(
    sessions: db.Sessions,
    provider: EmailProvider,
    *,
    issue_id: int,
    settings: Settings,
    links: Links,
    now: Clock,
    slots_for: SlotsFor,
    options: RunOptions = _ALL_THAT_IS_DUE,
) -> DispatchReport:
    """Submit what is due of a frozen Issue, until nothing is or ``options`` end it.

    ``slots_for`` gives the Slots of one reader from id and address. Raises :class:`Fenced` when this database is a restored copy.
    """
    reached = options.waypoint or (lambda _: None)
    report, total, done = _begin(sessions, issue_id, now(), counted=options.progress is not None)
    if report.state != "dispatching":
        return report
    with db.reading(sessions) as session:
        issue = session.get_one(Issue, issue_id)
        breaker = CircuitBreaker(ledger_queries.recent_outcomes(session, issue))
    claims = _Claims(sessions, provider, issue, settings, now, reached)
    submission = BatchSubmission(provider, issue, settings, links, slots_for, now, reached)
    over = False  # no further batch is claimed

    def take_in() -> None:
        nonlocal report, done, over
        report, settled = _record(sessions, provider, submitter.finished(), report, breaker, now())
        reached("recorded")
        over = over or report.held is not None or report.paused_until is not None
        done += settled
        if options.progress:
            options.progress(done, total, "submitting")

    with Submitter(submission, provider.at_once) as submitter:
        try:
            while True:
                over = over or bool(options.stop and options.stop.is_set())
                left = claims.size
                if options.limit is not None:
                    left = options.limit - report.handed_over - submitter.load
                if not over and submitter.have_room and left > 0:
                    claimed = claims.next(left)
                    withdrawn = report.withdrawn + claimed.withdrawn
                    report = replace(report, withdrawn=withdrawn, held=claimed.held)
                    done += claimed.withdrawn
                    if claimed.rows:
                        submitter.begin(claimed)
                    if claimed.rows or claimed.withdrawn:
                        continue
                if submitter.are_empty:
                    break
                take_in()
        finally:  # whatever ended the loop: record what was submitted
            while not submitter.are_empty:
                take_in()
    reached("closing")
    return _finish(sessions, report, now())


class _Claims:
    """Claims batches in order, each from where the last one ended, so that a million finished rows are not read again.

    When nothing is left it starts once more from the beginning, to find Deliveries that returned to pending meanwhile."""

    def __init__(
        self,
        sessions: db.Sessions,
        provider: EmailProvider,
        issue: Issue,
        settings: Settings,
        now: Clock,
        reached: Waypoint,
    ) -> None:
        self.size = min(provider.batch_size, settings.BATCH_SIZE)
        self._fence = Fence(sessions, settings.FENCE_DIR)
        self._stale_after = timedelta(hours=settings.STALE_AFTER)
        self._provider, self._issue, self._now, self._reached = provider.name, issue, now, reached
        self._after: ClaimPosition | None = None

    def next(self, limit: int) -> Claimed:
        """Return the next batch, committed. Raises :class:`Fenced`."""
        claimed = self._claim(limit)
        if claimed.last is None and claimed.held is None and self._after is not None:
            self._after = None
            claimed = self._claim(limit)
        self._after = claimed.last
        return claimed

    def _claim(self, limit: int) -> Claimed:
        self._reached("before-claim")
        with self._fence.claiming() as session:
            claimed = ledger.claim(
                session,
                self._issue.id,
                limit=min(limit, self.size),
                now=self._now(),
                stale_after=self._stale_after,
                provider=self._provider,
                after=self._after,
            )
        self._reached("claimed")
        return claimed


def _record(
    sessions: db.Sessions,
    provider: EmailProvider,
    submitted: SubmittedBatch,
    report: DispatchReport,
    breaker: CircuitBreaker,
    now: datetime,
) -> tuple[DispatchReport, int]:
    """Record the result of one batch, and hold the Issue when too much went wrong. Returns the new report and how many were settled."""
    with sessions.begin() as session:
        if not submitted.receipts:
            ledger.release(session, submitted.claimed)
            held = _hold(session, report.issue_id, submitted.fault) if submitted.fault else report.held
            return replace(report, held=held), 0
        recorded = ledger.record(
            session, submitted.claimed, submitted.receipts, now=now, provider=provider.name
        )
        suppress_missing(session, submitted.receipts, provider=provider.name, now=now)
        trouble = breaker.record(
            accepted=recorded.accepted, failed=recorded.failed, uncertain=recorded.uncertain
        )
        if trouble:
            report = replace(report, held=_hold(session, report.issue_id, f"too much went wrong: {trouble}"))
    report = _with(report, recorded)
    settled = recorded.accepted + recorded.failed + recorded.uncertain
    if recorded.retried and not settled:
        report = _paused(report, submitted.receipts, now)
    return report, settled


def _begin(
    sessions: db.Sessions, issue_id: int, now: datetime, *, counted: bool
) -> tuple[DispatchReport, int, int]:
    """Expire old leases, and check the sum before the first submission. Returns report, Audience size, settled so far (if ``counted``)."""
    with sessions.begin() as session:
        issue = session.get_one(Issue, issue_id)
        expired = ledger.expire(session, issue_id, now=now)
        if expired:
            _log.warning("dispatch.expired", issue_id=issue_id, deliveries=expired)
        held = issue.hold_reason if issue.state == "held" else None
        done = 0
        # A sum reads the whole ledger, so workers that join a running dispatch skip it.
        if counted or not ledger_queries.has_submitted(session, issue_id):
            sums = ledger.sum_up(session, issue_id)
            done = sums.total - sums.pending - sums.submitting
            if issue.state == "dispatching" and not sums.adds_up:
                held = _hold(session, issue_id, f"the ledger does not add up: {sums.in_words}")
        report = DispatchReport(issue_id, issue.state, expired=expired, held=held)
    return report, issue.audience_size or 0, done


def _with(report: DispatchReport, recorded: Recorded) -> DispatchReport:
    return replace(
        report,
        batches=report.batches + 1,
        accepted=report.accepted + recorded.accepted,
        failed=report.failed + recorded.failed,
        uncertain=report.uncertain + recorded.uncertain,
        retried=report.retried + recorded.retried,
    )


def _paused(report: DispatchReport, receipts: Sequence[Receipt], now: datetime) -> DispatchReport:
    """Pause the dispatch, because the provider accepted nothing of the batch, until the time that it named."""
    wait = max((r.retry_after or 0.0) for r in receipts)
    until = now + max(ledger.RETRY_PAUSE, timedelta(seconds=wait))
    _log.warning(
        "dispatch.paused", issue_id=report.issue_id, until=until.isoformat(), reason=receipts[0].reason
    )
    refused = next((r for r in receipts if r.refused_us), None)
    reason = (refused or receipts[0]).reason
    return replace(report, paused_until=until, paused_because=reason, refused_us=refused is not None)


def _hold(session: Any, issue_id: int, reason: str) -> str:
    issue = session.get_one(Issue, issue_id, populate_existing=True)
    if issue.state == "dispatching":
        ledger.move_issue(session, issue, "held", hold_reason=reason)
        _log.warning("issue.held", issue_id=issue_id, reason=reason)
    return reason


def _finish(sessions: db.Sessions, report: DispatchReport, now: datetime) -> DispatchReport:
    """Check the sum and close the Issue when nothing is pending or claimed. Uncertain Deliveries stay, and stay visible."""
    with sessions.begin() as session:
        issue = session.get_one(Issue, report.issue_id)
        if issue.state == "dispatching" and not ledger_queries.has_open(session, issue.id):
            sums = ledger.sum_up(session, issue.id)
            if sums.adds_up:
                ledger.move_issue(session, issue, "dispatched", dispatched_at=now)
                _log.info(
                    "issue.dispatched", issue_id=issue.id, accepted=sums.accepted, uncertain=sums.uncertain
                )
            else:
                _hold(session, issue.id, f"the ledger does not add up: {sums.in_words}")
        held = issue.hold_reason if issue.state == "held" else None
        due = ledger_queries.next_due(session, issue.id)
        return replace(report, state=issue.state, held=held, next_due=due)
