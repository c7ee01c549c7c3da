"""Hands a frozen Issue over to the email provider, batch by batch: claim, commit, submit, record; a few batches under way at once.

What is due and when it is late stand in the ledger, so a dispatch may die anywhere and be run again by anybody, any number at once.
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
from newsletter.delivery.circuit_breaker import Brakes
from newsletter.delivery.fence import Fence
from newsletter.delivery.ledger import Claimed, Place, Recorded
from newsletter.delivery.providers.protocol import EmailProvider, Receipt
from newsletter.delivery.submitter import HandedOver, HandOver, Lanes, SlotsFor, Waypoint
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
    expired: int = 0  # became uncertain because their former owner's lease ran out
    held: str | None = None  # why the Issue is held; None unless it is
    paused_until: datetime | None = None  # the provider asked us to wait until then
    paused_because: str = ""
    next_due: datetime | None = None  # when the next pending Delivery is due; None when none is

    @property
    def handed_over(self) -> int:
        return self.accepted + self.failed + self.uncertain

    @property
    def did_nothing(self) -> bool:
        return not (self.handed_over or self.withdrawn or self.retried or self.expired)


def run(
    sessions: db.Sessions,
    provider: EmailProvider,
    *,
    issue_id: int,
    settings: Settings,
    links: Links,
    now: Clock,
    slots_for: SlotsFor,
    limit: int | None = None,
    progress: Progress | None = None,
    stop: threading.Event | None = None,
    waypoint: Waypoint | None = None,
) -> DispatchReport:
    """Submit what is due of a frozen Issue, until nothing is, ``limit`` is reached, or ``stop`` is set (what is in hand is finished).

    Raises :class:`Fenced` when this database is a restored copy. ``slots_for`` gives the Slots of one reader from number and address.
    ``waypoint`` is told each place where dying matters; "submitting" and "handed-over" from the lanes, which are threads.
    """
    tell = waypoint or (lambda _: None)
    report, total, done = _begin(sessions, issue_id, now(), counted=progress is not None)
    if report.state != "dispatching":
        return report
    with db.reading(sessions) as session:
        issue = session.get_one(Issue, issue_id)
        brakes = Brakes(ledger_queries.before_this_run(session, issue))
    claims = _Claims(sessions, provider, issue, settings, now, tell)
    hand_over = HandOver(provider, issue, settings, links, slots_for, now, tell)
    over = False  # nothing more is claimed, whatever is due

    def take_in() -> None:
        nonlocal report, done, over
        report, settled = _record(sessions, provider, lanes.finished(), report, brakes, now())
        tell("recorded")
        over = over or report.held is not None or report.paused_until is not None
        done += settled
        if progress:
            progress(done, total, "submitting")

    with Lanes(hand_over, provider.at_once) as lanes:
        try:
            while True:
                over = over or bool(stop and stop.is_set())
                left = claims.size if limit is None else limit - report.handed_over - lanes.load
                if not over and lanes.have_room and left > 0:
                    claimed = claims.next(left)
                    report = replace(
                        report, withdrawn=report.withdrawn + claimed.withdrawn, held=claimed.held
                    )
                    done += claimed.withdrawn
                    if claimed.rows:
                        lanes.begin(claimed)
                    if claimed.rows or claimed.withdrawn:
                        continue
                if lanes.are_empty:
                    break
                take_in()
        finally:  # whatever stopped us: what is on its way is written down
            while not lanes.are_empty:
                take_in()
    tell("closing")
    return _finish(sessions, report, now())


class _Claims:
    """Claims one batch after the other, from where the last one ended: of a million lines, those done are not walked again.

    When nothing is left there it looks once more from the beginning, so that what came back meanwhile is found."""

    def __init__(
        self,
        sessions: db.Sessions,
        provider: EmailProvider,
        issue: Issue,
        settings: Settings,
        now: Clock,
        tell: Waypoint,
    ) -> None:
        self.size = min(provider.batch_size, settings.BATCH_SIZE)
        self._fence = Fence(sessions, settings.FENCE_DIR)
        self._stale_after = timedelta(hours=settings.STALE_AFTER)
        self._provider, self._issue, self._now, self._tell = provider.name, issue, now, tell
        self._after: Place | None = None

    def next(self, limit: int) -> Claimed:
        """The next batch, committed. Raises :class:`Fenced`."""
        claimed = self._claim(limit)
        if claimed.last is None and claimed.held is None and self._after is not None:
            self._after = None
            claimed = self._claim(limit)
        self._after = claimed.last
        return claimed

    def _claim(self, limit: int) -> Claimed:
        self._tell("before-claim")
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
        self._tell("claimed")
        return claimed


def _record(
    sessions: db.Sessions,
    provider: EmailProvider,
    through: HandedOver,
    report: DispatchReport,
    brakes: Brakes,
    now: datetime,
) -> tuple[DispatchReport, int]:
    """Write down what came of one batch, and hold the Issue when too much went wrong. How many were settled."""
    with sessions.begin() as session:
        if not through.receipts:
            ledger.give_back(session, through.claimed)
            held = _hold(session, report.issue_id, through.fault) if through.fault else report.held
            return replace(report, held=held), 0
        recorded = ledger.record(session, through.claimed, through.receipts, now=now, provider=provider.name)
        trouble = brakes.note(
            accepted=recorded.accepted, failed=recorded.failed, uncertain=recorded.uncertain
        )
        if trouble:
            report = replace(report, held=_hold(session, report.issue_id, f"too much went wrong: {trouble}"))
    report = _with(report, recorded)
    settled = recorded.accepted + recorded.failed + recorded.uncertain
    if recorded.retried and not settled:
        report = _paused(report, through.receipts, now)
    return report, settled


def _begin(
    sessions: db.Sessions, issue_id: int, now: datetime, *, counted: bool
) -> tuple[DispatchReport, int, int]:
    """Give up on the dead, and check the sum before the first submission. Report, Audience, settled so far (if ``counted``)."""
    with sessions.begin() as session:
        issue = session.get_one(Issue, issue_id)
        expired = ledger.expire(session, issue_id, now=now)
        if expired:
            _log.warning("dispatch.expired", issue_id=issue_id, deliveries=expired)
        held = issue.hold_reason if issue.state == "held" else None
        done = 0
        # A sum walks the whole ledger: workers that go on where others are at work do without.
        if counted or not ledger_queries.anything_submitted(session, issue_id):
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
    """Nothing of the batch was taken: do not knock again before the provider's time is up."""
    wait = max((r.retry_after or 0.0) for r in receipts)
    until = now + max(ledger.RETRY_PAUSE, timedelta(seconds=wait))
    _log.warning(
        "dispatch.paused", issue_id=report.issue_id, until=until.isoformat(), reason=receipts[0].reason
    )
    return replace(report, paused_until=until, paused_because=receipts[0].reason)


def _hold(session: Any, issue_id: int, reason: str) -> str:
    issue = session.get_one(Issue, issue_id, populate_existing=True)
    if issue.state == "dispatching":
        ledger.move_issue(session, issue, "held", hold_reason=reason)
        _log.warning("issue.held", issue_id=issue_id, reason=reason)
    return reason


def _finish(sessions: db.Sessions, report: DispatchReport, now: datetime) -> DispatchReport:
    """When nobody is owed anything any more, check the sum and close the Issue. Uncertain ones stay, and stay visible."""
    with sessions.begin() as session:
        issue = session.get_one(Issue, report.issue_id)
        if issue.state == "dispatching" and not ledger_queries.anything_open(session, issue.id):
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
