"""The ledger: the only writer of Deliveries, and of the states of Notices.

No reader gets an Issue twice, and none is missing silently (DESIGN §4). Every change is a compare-and-set: it names the state it
leaves and, for a claimed row, the token of the claim. A worker whose claim has expired cannot record results. The caller commits.

Others import this module; ``audience_snapshot.py``, ``claims.py``, ``transitions.py`` and ``ledger_queries.py`` are behind it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import exists, select, update
from sqlalchemy.orm import Session

from newsletter import db, log
from newsletter.db.models import Delivery, Issue
from newsletter.delivery.approved_bytes import issue_hash, stored_templates, wrong_bytes
from newsletter.delivery.audience_snapshot import Audience, freeze
from newsletter.delivery.claims import Claimed, ClaimedRow, ClaimPosition, claim
from newsletter.delivery.ledger_queries import (
    LedgerSum,
    UncertainDelivery,
    history_of,
    sum_up,
    uncertain_deliveries,
)
from newsletter.delivery.providers.protocol import Receipt
from newsletter.delivery.states import ACCEPTED, PENDING, SUBMITTING, UNCERTAIN, WITHDRAWN
from newsletter.delivery.transitions import (
    RETRY_PAUSE,
    Recorded,
    accept_reported,
    changed,
    expire_leases,
    lease_is_over,
    missing_receipt,
    move,
    move_issue,
    record_receipts,
    release_rows,
)

__all__ = [
    "RETRY_PAUSE",
    "Audience",
    "ClaimPosition",
    "Claimed",
    "ClaimedRow",
    "LedgerSum",
    "Recorded",
    "UncertainDelivery",
    "accept",
    "accept_reported",
    "claim",
    "expire",
    "expire_everywhere",
    "expire_leases",
    "freeze",
    "history_of",
    "issue_hash",
    "mark_accepted_elsewhere",
    "mark_uncertain_elsewhere",
    "missing_receipt",
    "move",
    "move_issue",
    "record",
    "record_receipts",
    "release",
    "release_rows",
    "resolve",
    "stored_templates",
    "sum_up",
    "uncertain_deliveries",
    "withdraw_pending",
    "wrong_bytes",
]

_log = log.get("delivery")


def record(
    session: Session, claimed: Claimed, receipts: Sequence[Receipt], *, now: datetime, provider: str
) -> Recorded:
    """Record the provider's Receipts. A Delivery of the batch without a Receipt becomes uncertain."""
    by_reference = {r.reference: r for r in receipts}
    pairs = [
        (row.delivery_id, by_reference.get(row.reference) or missing_receipt(row.reference))
        for row in claimed.rows
    ]
    return record_receipts(session, Delivery, pairs, token=claimed.token, now=now, provider=provider)


def release(session: Session, claimed: Claimed) -> int:
    """Return a batch to pending, of which nothing was sent. Returns how many Deliveries were still claimed."""
    return release_rows(session, Delivery, claimed.ids, token=claimed.token)


def expire(session: Session, issue_id: int, *, now: datetime) -> int:
    """Make Deliveries uncertain whose lease has expired: their worker may have died before or after submitting. Returns how many."""
    return expire_leases(session, Delivery, (Delivery.issue_id == issue_id,), now=now)


def expire_everywhere(sessions: db.Sessions, *, now: datetime) -> int:
    """As :func:`expire` for every Issue, whatever its state and age: also one that no dispatch comes to any more. Commits."""
    with db.reading(sessions) as session:
        over = exists().where(
            Delivery.issue_id == Issue.id, Delivery.state == SUBMITTING, lease_is_over(Delivery, now)
        )
        issues = session.scalars(select(Issue.id).where(Issue.frozen_at.is_not(None), over)).all()
    expired = 0
    for issue_id in issues:
        with sessions.begin() as session:
            expired += expire(session, issue_id, now=now)
    if expired:
        _log.warning("ledger.expired", issues=len(issues), deliveries=expired)
    return expired


def withdraw_pending(session: Session, issue_id: int, *, reason: str, now: datetime) -> int:
    """Withdraw what is pending. Accepted Deliveries stay accepted; claimed ones are finished by their worker. Returns how many."""
    return changed(
        session,
        update(Delivery)
        .where(Delivery.issue_id == issue_id, Delivery.state == PENDING)
        .values(state=WITHDRAWN, reason=reason, settled_at=now),
    )


def accept(session: Session, delivery_ids: Sequence[int], *, now: datetime) -> int:
    """Accept Deliveries that are uncertain or pending: the provider reported an event of them. Returns how many."""
    values: dict[str, Any] = {"reason": None, "settled_at": now}
    return sum(
        move(session, Delivery, delivery_ids, before, ACCEPTED, **values) for before in (UNCERTAIN, PENDING)
    )


def mark_accepted_elsewhere(
    session: Session, delivery_ids: Sequence[int], *, provider: str | None, now: datetime
) -> int:
    """Accept Deliveries that were accepted in the database that a backup replaced. Returns how many were not accepted here."""
    values: dict[str, Any] = {"reason": None, "settled_at": now, "provider": provider}
    return sum(
        move(session, Delivery, delivery_ids, before, ACCEPTED, **values) for before in (UNCERTAIN, PENDING)
    )


def mark_uncertain_elsewhere(
    session: Session, delivery_ids: Sequence[int], *, provider: str | None, now: datetime
) -> int:
    """Make Deliveries uncertain that were claimed or uncertain in the database that a backup replaced. Returns how many were pending."""
    reason = "in doubt before the backup was put back"
    return move(
        session,
        Delivery,
        delivery_ids,
        PENDING,
        UNCERTAIN,
        reason=reason,
        provider=provider,
        submitted_at=now,
    )


def resolve(session: Session, delivery_ids: Sequence[int], after: str, *, reason: str, now: datetime) -> int:
    """Decide uncertain Deliveries: ``accepted`` (it arrived), ``withdrawn`` (do not send it) or ``pending`` (send once more).

    Done by an operator, or because of a provider's event. Returns how many were still uncertain.
    """
    accept_reported(session, (), now=now, ids=delivery_ids)
    if after == PENDING:
        return move(session, Delivery, delivery_ids, UNCERTAIN, PENDING, reason=None, due_at=now)
    said = None if after == ACCEPTED else reason
    return move(session, Delivery, delivery_ids, UNCERTAIN, after, reason=said, settled_at=now)
