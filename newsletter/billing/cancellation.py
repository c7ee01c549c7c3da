"""Cancels a reader's payments: at the end of the paid time, at once, or with a refund."""

from __future__ import annotations

from datetime import datetime

from newsletter import db
from newsletter.billing import subscription_ledger, subscriptions
from newsletter.billing.processors.protocol import PaymentProcessor
from newsletter.clock import Clock
from newsletter.db.models import AuditEntry, Subscription
from newsletter.errors import NotFound, Refused
from newsletter.subscribers.access import charges_on


def cancel_at_period_end(
    sessions: db.Sessions, processor: PaymentProcessor, subscriber_id: int, *, clock: Clock
) -> datetime | None:
    """Stop all further charges to this reader; returns until when the paid time lasts, None when nothing would be charged.

    Raises ``ProcessorError`` when the outcome is not known; a second call does no harm.
    """
    ends: list[datetime] = []
    for agreement_id in _charging(sessions, processor, subscriber_id):
        fact = processor.cancel_at_period_end(agreement_id, now=clock())
        with sessions.begin() as session:
            subscriptions.apply(session, processor.name, fact)
        ends.append(fact.cancel_at or fact.paid_until or fact.changed_at)
    return max(ends, default=None)


def cancel_now(
    sessions: db.Sessions, processor: PaymentProcessor, subscriber_id: int, *, clock: Clock
) -> int:
    """End every agreement that would charge this reader, at once; returns how many. Raises ``ProcessorError``."""
    charging = _charging(sessions, processor, subscriber_id)
    for agreement_id in charging:
        fact = processor.cancel_now(agreement_id, now=clock())
        with sessions.begin() as session:
            subscriptions.apply(session, processor.name, fact)
    return len(charging)


def refund(
    sessions: db.Sessions, processor: PaymentProcessor, subscription_id: int, *, by: str, clock: Clock
) -> int:
    """Refund the last payment of a Subscription; returns the amount in hundredths, 0 when it was refunded before.

    ``by`` is for the audit trail. Raises ``NotFound`` and ``ProcessorError``.
    """
    with db.reading(sessions) as session:
        kept = session.get(Subscription, subscription_id)
    if kept is None or kept.processor != processor.name:
        raise NotFound("There is no such payment with our payment processor.")
    refunded = processor.refund(kept.processor_id)
    if refunded:
        with sessions.begin() as session:
            subscription_ledger.record_refund(session, processor.name, refunded, now=clock())
            about = f"subscriber:{kept.subscriber_id}"
            detail = {"cents": refunded.cents, "subscription": subscription_id}
            session.add(
                AuditEntry(at=clock(), by=by, act="subscription.refunded", about=about, detail=detail)
            )
    subscriptions.refresh(sessions, processor, kept.processor_id, clock=clock)
    return refunded.cents if refunded else 0


def _charging(sessions: db.Sessions, processor: PaymentProcessor, subscriber_id: int) -> list[str]:
    """Return the ids of agreements that would charge this reader again. Raises ``Refused`` when another processor holds one."""
    with db.reading(sessions) as session:
        found = [
            (s.processor, s.processor_id)
            for s in subscriptions.reader_by_id(session, subscriber_id).subscriptions
            if charges_on(s)
        ]
    if others := {name for name, _ in found} - {processor.name}:
        raise Refused(f"The payment runs with {', '.join(sorted(others))}, which is not set up here.")
    return [agreement_id for _, agreement_id in found]
