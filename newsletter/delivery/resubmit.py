"""Submits an uncertain batch once more when it certainly never reached the provider.

A timeout or a death leaves a batch uncertain, and the ledger never resends by itself. There is one exception, under all of these
conditions: the mail was submitted once only; at least ``QUIET_TIME`` has passed since; nearly all mails of *later* batches were
reported, so the webhook works and silence means something; no mail of the uncertain batch was reported; and the news is not
stale. A batch that misses one of them waits for an operator.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session

from newsletter import db, log
from newsletter.db.models import Delivery, DeliveryEvent, Issue
from newsletter.delivery import approval, ledger, webhook_health
from newsletter.delivery.states import PENDING, UNCERTAIN

QUIET_TIME: Final = timedelta(minutes=30)  # since the uncertain batch was submitted
LATER_REPORT_TIME: Final = timedelta(minutes=10)  # a later batch is judged only after it
MIN_LATER_JUDGED: Final = 20  # mails of later batches, at least …
MIN_LATER_REPORTED_SHARE: Final = 0.95  # … of which this share was reported

_log = log.get("delivery")


@dataclass(frozen=True)
class ResubmitReport:
    """What became of uncertain Deliveries."""

    proved: int = 0  # accepted, because an event was stored after all
    resubmitted: int = 0  # returned to pending


def run(sessions: db.Sessions, *, provider: str, now: datetime, stale_after: timedelta) -> ResubmitReport:
    """Check all uncertain Deliveries. ``provider`` is the present one: those of another provider are left to an operator."""
    ledger.expire_everywhere(sessions, now=now)
    proved = resubmitted = 0
    with db.reading(sessions) as session:
        doubtful = select(Issue.id).where(Issue.state.in_(("dispatching", "dispatched")))
        # Old Issues are skipped: past their deadline nothing is submitted any more.
        doubtful = doubtful.where(
            func.coalesce(Issue.released_at, Issue.composed_at) > now - stale_after - timedelta(days=1)
        )
        has_doubt = exists().where(Delivery.issue_id == Issue.id, Delivery.state == UNCERTAIN)
        issues = session.scalars(doubtful.where(has_doubt)).all()
    for issue_id in issues:
        with sessions.begin() as session:
            issue = session.get_one(Issue, issue_id, populate_existing=True)
            proved += ledger.accept_reported(session, (Delivery.issue_id == issue_id,), now=now)
            if now - max(filter(None, (issue.composed_at, issue.released_at))) <= stale_after:
                for handed_over_at in _quiet_batches(session, issue_id, provider, now):
                    resubmitted += _resubmit(session, issue, handed_over_at, provider, now)
    if proved or resubmitted:
        _log.info("resubmit.done", proved=proved, resubmitted=resubmitted)
    return ResubmitReport(proved, resubmitted)


def _quiet_batches(session: Session, issue_id: int, provider: str, now: datetime) -> list[datetime]:
    """The moments at which the old enough uncertain batches were submitted; all Deliveries of a claim have the same one."""
    statement = select(Delivery.submitted_at).where(
        Delivery.issue_id == issue_id,
        Delivery.state == UNCERTAIN,
        Delivery.provider == provider,
        Delivery.attempts == 1,
        Delivery.submitted_at <= now - QUIET_TIME,
    )
    return [at for at in session.scalars(statement.distinct()) if at is not None]


def _resubmit(session: Session, issue: Issue, handed_over_at: datetime, provider: str, now: datetime) -> int:
    of_batch = (Delivery.issue_id == issue.id, Delivery.submitted_at == handed_over_at)
    has_event = exists().where(DeliveryEvent.delivery_id == Delivery.id)
    if session.scalar(select(Delivery.id).where(*of_batch, has_event).limit(1)) is not None:
        return 0  # the call arrived: an operator decides about the mails not reported
    if not _webhook_is_alive(session, issue.id, handed_over_at, provider, now):
        return 0
    ids = session.scalars(
        select(Delivery.id).where(*of_batch, Delivery.state == UNCERTAIN, Delivery.attempts == 1)
    ).all()
    why = f"nothing was heard of them since {handed_over_at:%H:%M} UTC, and of later ones nearly all"
    return approval.decide_uncertain(session, issue, ids, PENDING, by=approval.AUTO, now=now, reason=why)


def _webhook_is_alive(session: Session, issue_id: int, since: datetime, provider: str, now: datetime) -> bool:
    """Return whether the provider reported nearly everything that it accepted after ``since``."""
    judged, reported = webhook_health.count_reported(
        session,
        provider,
        Delivery.issue_id == issue_id,
        Delivery.submitted_at > since,
        Delivery.submitted_at <= now - LATER_REPORT_TIME,
    )
    return judged >= MIN_LATER_JUDGED and reported >= MIN_LATER_REPORTED_SHARE * judged
