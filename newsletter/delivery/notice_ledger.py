"""The ledger of Notices: the same states, compare-and-sets and Receipts as for Deliveries. The caller commits."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Select, insert, select
from sqlalchemy.orm import Session

from newsletter import db
from newsletter.db.models import Notice, Operator, Subscriber, Suppression
from newsletter.delivery import ledger, states
from newsletter.delivery.mail.messages import Template
from newsletter.delivery.providers.protocol import Receipt
from newsletter.delivery.states import ACCEPTED, PENDING, SUBMITTING, UNCERTAIN, WITHDRAWN

# A Notice is asked for by the reader, so having unsubscribed or been erased does not stop it; a dead mailbox or a complaint does.
BLOCKED_BY: Final = ("bounced", "complained", "operator")
STALE_AFTER: Final = timedelta(hours=24)  # a sign-in link or a trial's end is no news the day after


@dataclass(frozen=True)
class ClaimedNotice:
    """One claimed Notice, and the person it is for as they were at the claim. Both are read-only."""

    notice: Notice
    person: Subscriber | Operator
    template: Template | None = (
        None  # its bytes where they were approved beforehand; None: rendered when it goes
    )

    @property
    def id(self) -> int:
        return self.notice.id

    @property
    def reference(self) -> str:
        return f"notice:{self.notice.id}"


@dataclass(frozen=True)
class ClaimedNotices:
    token: str
    lease_until: datetime
    notices: tuple[ClaimedNotice, ...]
    withdrawn: int = 0


def queue(
    session: Session,
    kind: str,
    *,
    key: str,
    due_at: datetime,
    subscriber_id: int | None = None,
    operator_id: int | None = None,
    values: Mapping[str, Any] | None = None,
) -> bool:
    """Owe somebody a Notice, in the transaction of the change that causes it. False when ``key`` was queued before.

    ``values`` is what its template prints (a day, a sentence): plain JSON and nothing personal.
    """
    row = {
        "kind": kind,
        "key": key,
        "due_at": due_at,
        "subscriber_id": subscriber_id,
        "operator_id": operator_id,
        "values": dict(values or {}),
        "state": PENDING,
        "attempts": 0,
    }
    return db.insert_new(session, Notice, [row]) == 1


def queue_all(session: Session, rows: Select[Any]) -> int:
    """Owe a Notice to each row of a SELECT of (:data:`QUEUED`), in the database itself. How many."""
    return db.changed(session, insert(Notice).from_select(QUEUED, rows))


QUEUED: Final = ["kind", "key", "subscriber_id", "correction_id", "values", "due_at", "state", "attempts"]


def anything_due(session: Session, *, now: datetime) -> bool:
    """Return whether a Notice is due, or claimed by a worker whose lease has expired."""
    waits = (Notice.state == PENDING) & (Notice.due_at <= now)
    orphaned = (Notice.state == SUBMITTING) & (Notice.lease_until < now)
    return session.scalar(select(Notice.id).where(waits | orphaned).limit(1)) is not None


def claim(
    session: Session,
    *,
    limit: int,
    now: datetime,
    lease: timedelta = states.LEASE,
    corrections: bool = False,
) -> ClaimedNotices:
    """Claim due Notices. The caller commits before it submits. Notices that must not or need not be sent are withdrawn.

    ``corrections`` claims copies of Corrections, and only those, so that no sign-in link waits behind a million of them.
    """
    token = secrets.token_hex(16)
    which = Notice.correction_id.is_not(None) if corrections else Notice.correction_id.is_(None)
    ids = session.scalars(
        db.skip_locked(
            db.dialect_of(session),
            select(Notice.id)
            .where(which, Notice.state == PENDING, Notice.due_at <= now)
            .order_by(Notice.due_at, Notice.id)
            .limit(limit),
        )
    ).all()
    mine, withdrawn = [], 0
    for notice, subscriber, operator, suppressed in _people(session, ids):
        person = subscriber or operator
        if why := _not_to_send(notice, person, suppressed, now):
            withdrawn += ledger.move(session, Notice, [notice.id], PENDING, WITHDRAWN, reason=why)
        else:
            mine.append(ClaimedNotice(notice, person))
    ledger.move(
        session,
        Notice,
        [n.id for n in mine],
        PENDING,
        SUBMITTING,
        claim=token,
        lease_until=now + lease,
        submitted_at=now,
        attempts=1,
    )
    return ClaimedNotices(token, now + lease, tuple(mine), withdrawn)


def _people(session: Session, ids: Sequence[int]) -> Sequence[Any]:
    if not ids:
        return ()
    return session.execute(
        select(Notice, Subscriber, Operator, Suppression.reason)
        .outerjoin(Subscriber, Subscriber.id == Notice.subscriber_id)
        .outerjoin(Operator, (Operator.id == Notice.operator_id) & Operator.removed_at.is_(None))
        .outerjoin(Suppression, Suppression.address_hash == Subscriber.address_hash)
        .where(Notice.id.in_(ids))
        .order_by(Notice.due_at, Notice.id)
    ).all()


def _not_to_send(notice: Notice, person: Any, suppressed: str | None, now: datetime) -> str | None:
    """Return why this Notice must not or need not be sent, as a word; None when it is to be sent."""
    if person is None:
        return "gone"
    if suppressed in BLOCKED_BY or (suppressed and notice.correction_id is not None):
        return "suppressed"
    if notice.correction_id is not None and getattr(person, "unsubscribed_at", None) is not None:
        return "unsubscribed"
    if now - notice.due_at > STALE_AFTER:
        return "stale"
    return None


def record(
    session: Session, claimed: ClaimedNotices, receipts: Sequence[Receipt], *, now: datetime, provider: str
) -> ledger.Recorded:
    """Record the provider's Receipts; a Notice without one becomes uncertain."""
    by_reference = {r.reference: r for r in receipts}
    pairs = [
        (n.id, by_reference.get(n.reference) or ledger.missing_receipt(n.reference)) for n in claimed.notices
    ]
    return ledger.record_receipts(session, Notice, pairs, token=claimed.token, now=now, provider=provider)


def release(session: Session, claimed: ClaimedNotices, ids: Sequence[int], *, due_at: datetime) -> int:
    """Return Notices to pending, of which nothing was sent."""
    return ledger.release_rows(session, Notice, ids, token=claimed.token, due_at=due_at)


def expire(session: Session, *, now: datetime) -> int:
    """Make Notices uncertain whose lease has expired: their worker may have died before or after submitting. Returns how many."""
    return ledger.expire_leases(session, Notice, (), now=now)


def accept(session: Session, ids: Sequence[int]) -> int:
    """Accept uncertain Notices of which the provider reported an event. Returns how many."""
    return ledger.move(session, Notice, ids, UNCERTAIN, ACCEPTED, reason=None)
