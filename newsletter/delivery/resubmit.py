"""Posts once more what certainly never left: an uncertain batch of which a webhook that is proved alive has kept silent.

A timeout or a death leaves a batch uncertain, and the ledger never resends by itself. One exception, under all of these conditions:
the mail was handed over once only; at least ``QUIET`` has passed since; of the batches that went *later* nearly all was heard of, so
that the webhook lives and silence means something; nothing was heard of any mail of the doubtful batch itself; and the news is not
stale. Whatever misses one of them waits for an operator.
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
from newsletter.delivery.states import PENDING, SUBMITTING, UNCERTAIN

QUIET: Final = timedelta(minutes=30)  # since the hand-over of the doubtful batch
TIME_TO_BE_HEARD: Final = timedelta(minutes=10)  # later batches are judged only after it
HEARD_FROM: Final = 20  # mails of later batches must have been judged …
STOPPED_LATELY: Final = timedelta(days=7)
HEARD_SHARE: Final = 0.95  # … and so many of them heard of

_log = log.get("delivery")


@dataclass(frozen=True)
class RepostReport:
    """What was found of the doubts that were left."""

    proved: int = 0  # a provider's word was there after all
    reposted: int = 0  # back to pending, once


def run(sessions: db.Sessions, *, provider: str, now: datetime, stale_after: timedelta) -> RepostReport:
    """Look at what is uncertain. ``provider`` is who takes our mail now: another one's doubts are left to the operator."""
    _give_up_on_the_dead(sessions, now)
    proved = reposted = 0
    with db.reading(sessions) as session:
        doubtful = select(Issue.id).where(Issue.state.in_(("dispatching", "dispatched")))
        # Old Issues are not looked through again at each tick: past their deadline nothing is posted any more.
        doubtful = doubtful.where(
            func.coalesce(Issue.released_at, Issue.composed_at) > now - stale_after - timedelta(days=1)
        )
        has_doubt = exists().where(Delivery.issue_id == Issue.id, Delivery.state == UNCERTAIN)
        issues = session.scalars(doubtful.where(has_doubt)).all()
    for issue_id in issues:
        with sessions.begin() as session:
            issue = session.get_one(Issue, issue_id, populate_existing=True)
            proved += ledger.prove_heard(session, (Delivery.issue_id == issue_id,), now=now)
            if now - max(filter(None, (issue.composed_at, issue.released_at))) <= stale_after:
                for handed_over_at in _quiet_batches(session, issue_id, provider, now):
                    reposted += _repost(session, issue, handed_over_at, provider, now)
    if proved or reposted:
        _log.info("repost.looked", proved=proved, reposted=reposted)
    return RepostReport(proved, reposted)


def _give_up_on_the_dead(sessions: db.Sessions, now: datetime) -> None:
    """A dispatch looks after its own Issue; of one that was held or withdrawn meanwhile nobody else would notice the dead owner."""
    with db.reading(sessions) as session:
        stopped = select(Issue.id).where(
            Issue.state.in_(("held", "withdrawn")), Issue.frozen_at > now - STOPPED_LATELY
        )
        orphaned = exists().where(
            Delivery.issue_id == Issue.id, Delivery.state == SUBMITTING, Delivery.lease_until < now
        )
        issues = session.scalars(stopped.where(orphaned)).all()
    for issue_id in issues:
        with sessions.begin() as session:
            expired = ledger.expire(session, issue_id, now=now)
        _log.warning("dispatch.expired", issue_id=issue_id, deliveries=expired)


def _quiet_batches(session: Session, issue_id: int, provider: str, now: datetime) -> list[datetime]:
    """When the doubtful batches were handed over that are old enough: the lines of one claim bear the same moment."""
    statement = select(Delivery.submitted_at).where(
        Delivery.issue_id == issue_id,
        Delivery.state == UNCERTAIN,
        Delivery.provider == provider,
        Delivery.attempts == 1,
        Delivery.submitted_at <= now - QUIET,
    )
    return [at for at in session.scalars(statement.distinct()) if at is not None]


def _repost(session: Session, issue: Issue, handed_over_at: datetime, provider: str, now: datetime) -> int:
    of_batch = (Delivery.issue_id == issue.id, Delivery.submitted_at == handed_over_at)
    heard = exists().where(DeliveryEvent.delivery_id == Delivery.id)
    if session.scalar(select(Delivery.id).where(*of_batch, heard).limit(1)) is not None:
        return 0  # the call arrived: its silent mails are the operator's to judge
    if not _alive(session, issue.id, handed_over_at, provider, now):
        return 0
    ids = session.scalars(
        select(Delivery.id).where(*of_batch, Delivery.state == UNCERTAIN, Delivery.attempts == 1)
    ).all()
    why = f"nothing was heard of them since {handed_over_at:%H:%M} UTC, and of later ones nearly all"
    return approval.decide_uncertain(session, issue, ids, PENDING, by=approval.AUTO, now=now, reason=why)


def _alive(session: Session, issue_id: int, since: datetime, provider: str, now: datetime) -> bool:
    """Whether the provider's webhook told us of nearly everything it took after ``since``."""
    judged, told = webhook_health.heard_of(
        session,
        provider,
        Delivery.issue_id == issue_id,
        Delivery.submitted_at > since,
        Delivery.submitted_at <= now - TIME_TO_BE_HEARD,
    )
    return judged >= HEARD_FROM and told >= HEARD_SHARE * judged
