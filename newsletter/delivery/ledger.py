"""The ledger: the only writer of Deliveries, and of the states of Notices.

Never twice, never silently missing (DESIGN §4). Every change is a compare-and-set: it names the state it leaves and, for a line in
somebody's hands, the token of the claim. Who wakes up late finds the token gone and changes nothing. The caller commits.

This is the door; behind it stand ``freezing.py``, ``claims.py``, ``lines.py`` (the compare-and-set) and ``tally.py`` (only looks).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import update
from sqlalchemy.orm import Session

from newsletter.db.models import Delivery
from newsletter.delivery.approved_bytes import issue_hash, stored_templates, wrong_bytes
from newsletter.delivery.audience_snapshot import Audience, freeze
from newsletter.delivery.claims import Claimed, ClaimedRow, Place, claim
from newsletter.delivery.ledger_queries import LedgerSum, UncertainOne, story_of, sum_up, uncertain_ones
from newsletter.delivery.providers.protocol import Receipt
from newsletter.delivery.states import ACCEPTED, PENDING, UNCERTAIN, WITHDRAWN
from newsletter.delivery.transitions import (
    RETRY_PAUSE,
    Recorded,
    changed,
    expire_lines,
    give_back_lines,
    move,
    move_issue,
    prove_heard,
    record_receipts,
    unheard,
)

__all__ = [
    "RETRY_PAUSE",
    "Audience",
    "Claimed",
    "ClaimedRow",
    "LedgerSum",
    "Place",
    "Recorded",
    "UncertainOne",
    "claim",
    "expire",
    "expire_lines",
    "freeze",
    "give_back",
    "give_back_lines",
    "had",
    "issue_hash",
    "may_have_had",
    "move",
    "move_issue",
    "prove",
    "prove_heard",
    "record",
    "record_receipts",
    "resolve",
    "stored_templates",
    "story_of",
    "sum_up",
    "uncertain_ones",
    "unheard",
    "withdraw_pending",
    "wrong_bytes",
]


def record(
    session: Session, claimed: Claimed, receipts: Sequence[Receipt], *, now: datetime, provider: str
) -> Recorded:
    """Write down the provider's Receipts. A Delivery of the batch without a Receipt becomes uncertain."""
    by_reference = {r.reference: r for r in receipts}
    pairs = [(row.delivery_id, by_reference.get(row.line) or unheard(row.line)) for row in claimed.rows]
    return record_receipts(session, Delivery, pairs, token=claimed.token, now=now, provider=provider)


def give_back(session: Session, claimed: Claimed) -> int:
    """The whole batch back to pending: nothing of it left us."""
    return give_back_lines(session, Delivery, claimed.ids, token=claimed.token)


def expire(session: Session, issue_id: int, *, now: datetime) -> int:
    """Deliveries whose owner's lease ran out become uncertain: the owner may have died before or after the hand-over."""
    return expire_lines(session, Delivery, (Delivery.issue_id == issue_id,), now=now)


def withdraw_pending(session: Session, issue_id: int, *, reason: str, now: datetime) -> int:
    """Withdraw whatever has not left yet. What was accepted stays accepted; what is in somebody's hands is finished."""
    return changed(
        session,
        update(Delivery)
        .where(Delivery.issue_id == issue_id, Delivery.state == PENDING)
        .values(state=WITHDRAWN, reason=reason, settled_at=now),
    )


def prove(session: Session, delivery_ids: Sequence[int], *, now: datetime) -> int:
    """The provider reported something of these, so it took them: those in doubt, or to go (once more), are accepted. How many."""
    values: dict[str, Any] = {"reason": None, "settled_at": now}
    return sum(
        move(session, Delivery, delivery_ids, before, ACCEPTED, **values) for before in (UNCERTAIN, PENDING)
    )


def had(session: Session, delivery_ids: Sequence[int], *, provider: str | None, now: datetime) -> int:
    """The database that a backup replaced knew these for accepted. How many were not so here."""
    values: dict[str, Any] = {"reason": None, "settled_at": now, "provider": provider}
    return sum(
        move(session, Delivery, delivery_ids, before, ACCEPTED, **values) for before in (UNCERTAIN, PENDING)
    )


def may_have_had(
    session: Session, delivery_ids: Sequence[int], *, provider: str | None, now: datetime
) -> int:
    """The database that a backup replaced had these in hand or in doubt: they are in doubt here. How many were yet to go."""
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
    """Decide uncertain Deliveries: ``accepted`` (it did arrive), ``withdrawn`` (leave it) or ``pending`` (send once more).

    An operator's decision, or a provider event's word that it arrived. Returns how many were still uncertain.
    """
    prove_heard(session, (), now=now, ids=delivery_ids)
    if after == PENDING:
        return move(session, Delivery, delivery_ids, UNCERTAIN, PENDING, reason=None, due_at=now)
    said = None if after == ACCEPTED else reason
    return move(session, Delivery, delivery_ids, UNCERTAIN, after, reason=said, settled_at=now)
