"""Hands a frozen Issue over to the email provider, batch by batch: claim, commit, submit, record.

What is due and when it is late stand in the ledger, so a dispatch may die anywhere and be run again by anybody, any number at once.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from newsletter import db, log
from newsletter.clock import Clock
from newsletter.errors import NewsletterError
from newsletter.links import Links
from newsletter.mailroom import headers, ledger, tally
from newsletter.mailroom.brakes import Brakes
from newsletter.mailroom.fence import Fence
from newsletter.mailroom.ledger import Claimed, Recorded
from newsletter.mailroom.messages import Message
from newsletter.mailroom.providers.protocol import EmailProvider, Outcome, Receipt
from newsletter.mailroom.states import LEASE_RESERVE
from newsletter.models import Issue
from newsletter.settings import Settings

SlotsFor = Callable[[int, str], Mapping[str, str]]
Progress = Callable[[int, int, str], None]
Waypoint = Callable[[str], None]

_log = log.get("mailroom")


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
    """Submit what is due of a frozen Issue, until nothing is, ``limit`` is reached, or ``stop`` is set (the batch in hand is finished).

    Raises :class:`Fenced` when this database is a restored copy. ``slots_for`` gives the Slots of one reader from number and address. ``waypoint`` is told each place where dying matters.
    """
    tell = waypoint or (lambda _: None)
    report, total, done = _begin(sessions, issue_id, now())
    if report.state != "dispatching":
        return report
    with db.reading(sessions) as session:
        issue = session.get_one(Issue, issue_id)
    brakes = Brakes()
    fence = Fence(sessions, settings.FENCE_DIR)
    size = min(provider.batch_size, settings.BATCH_SIZE)
    stale_after = timedelta(hours=settings.STALE_AFTER)
    while not (stop and stop.is_set()):
        tell("before-claim")
        take = size if limit is None else min(size, limit - report.handed_over)
        if take <= 0:
            break
        with fence.claiming() as session:
            claimed = ledger.claim(
                session, issue_id, limit=take, now=now(), stale_after=stale_after, provider=provider.name
            )
        tell("claimed")
        report = replace(report, withdrawn=report.withdrawn + claimed.withdrawn, held=claimed.held)
        done += claimed.withdrawn
        if not claimed.rows:
            if claimed.withdrawn:
                continue
            break
        receipts = _submit(sessions, provider, claimed, issue, settings, links, slots_for, now, tell)
        if receipts is None:
            continue
        with sessions.begin() as session:
            recorded = ledger.record(session, claimed, receipts, now=now(), provider=provider.name)
            trouble = brakes.note(
                accepted=recorded.accepted, failed=recorded.failed, uncertain=recorded.uncertain
            )
            if trouble:
                _hold(session, issue_id, f"too much went wrong: {trouble}")
                report = replace(report, held=f"too much went wrong: {trouble}")
        tell("recorded")
        report = _with(report, recorded)
        done += recorded.accepted + recorded.failed + recorded.uncertain
        if progress:
            progress(done, total, "submitting")
        if trouble:
            break
        if recorded.retried and not (recorded.accepted or recorded.failed or recorded.uncertain):
            report = _paused(report, receipts, now())
            break
    tell("closing")
    return _finish(sessions, report, now())


def _begin(sessions: db.Sessions, issue_id: int, now: datetime) -> tuple[DispatchReport, int, int]:
    """Give up on the dead, and check the sum before the first submission. Report, Audience, settled so far."""
    with sessions.begin() as session:
        issue = session.get_one(Issue, issue_id)
        expired = ledger.expire(session, issue_id, now=now)
        if expired:
            _log.warning("dispatch.expired", issue_id=issue_id, deliveries=expired)
        held = issue.hold_reason if issue.state == "held" else None
        sums = ledger.sum_up(session, issue_id)
        if issue.state == "dispatching" and not sums.adds_up:
            held = _hold(session, issue_id, f"the ledger does not add up: {sums.in_words}")
        report = DispatchReport(issue_id, issue.state, expired=expired, held=held)
    return report, sums.audience, sums.total - sums.pending - sums.submitting


def _submit(
    sessions: db.Sessions,
    provider: EmailProvider,
    claimed: Claimed,
    issue: Issue,
    settings: Settings,
    links: Links,
    slots_for: SlotsFor,
    now: Clock,
    tell: Waypoint,
) -> list[Receipt] | None:
    """Hand one committed batch over. None when nothing left us and the batch was given back."""

    def ours() -> bool:
        """False once we were frozen for so long that others may take us for dead: do not begin what may not be ours."""
        return now() <= claimed.lease_until - LEASE_RESERVE

    try:
        messages = _messages(claimed, issue, settings, links, slots_for)
    except NewsletterError as error:
        # Our own fault and the same for every reader: nothing left us, so give back, and let an operator look.
        with sessions.begin() as session:
            ledger.give_back(session, claimed)
            _hold(session, issue.id, f"the Messages cannot be made: {error}")
        return None
    if not ours():
        with sessions.begin() as session:
            ledger.give_back(session, claimed)
        return None
    tell("submitting")
    try:
        receipts = provider.send(messages, may_begin=ours)
    except Exception as error:  # noqa: BLE001 - whatever a provider raises, the Messages may have left: that is a state
        _log.error("dispatch.provider_raised", issue_id=issue.id, error=type(error).__name__)
        reason = f"the provider broke off ({type(error).__name__})"
        receipts = [Receipt(m.reference, Outcome.UNCERTAIN, reason=reason) for m in messages]
    tell("handed-over")
    return receipts


def _messages(
    claimed: Claimed, issue: Issue, settings: Settings, links: Links, slots_for: SlotsFor
) -> list[Message]:
    messages = []
    for row in claimed.rows:
        slots = slots_for(row.subscriber_id, row.address)
        head = headers.issue_headers(
            reference=row.line,
            issued_on=issue.issued_on,
            rendition=row.rendition,
            unsubscribe_url=slots["unsubscribe_url"],
            settings=settings,
            links=links,
        )
        messages.append(Message(row.line, row.address, claimed.templates[row.rendition], slots, head))
    return messages


def _with(report: DispatchReport, recorded: Recorded) -> DispatchReport:
    return replace(
        report,
        batches=report.batches + 1,
        accepted=report.accepted + recorded.accepted,
        failed=report.failed + recorded.failed,
        uncertain=report.uncertain + recorded.uncertain,
        retried=report.retried + recorded.retried,
    )


def _paused(report: DispatchReport, receipts: list[Receipt], now: datetime) -> DispatchReport:
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
        if issue.state == "dispatching" and not tally.anything_open(session, issue.id):
            sums = ledger.sum_up(session, issue.id)
            if sums.adds_up:
                ledger.move_issue(session, issue, "dispatched", dispatched_at=now)
                _log.info(
                    "issue.dispatched", issue_id=issue.id, accepted=sums.accepted, uncertain=sums.uncertain
                )
            else:
                _hold(session, issue.id, f"the ledger does not add up: {sums.in_words}")
        held = issue.hold_reason if issue.state == "held" else None
        due = tally.next_due(session, issue.id)
        return replace(report, state=issue.state, held=held, next_due=due)
