"""Ends what charges a reader: at the end of what is paid for, at once, or with the money given back."""

from __future__ import annotations

from datetime import datetime

from newsletter import db
from newsletter.billing import ledger, subscriptions
from newsletter.billing.processors.protocol import PaymentProcessor
from newsletter.clock import Clock
from newsletter.db.models import AuditEntry, Subscription
from newsletter.errors import NotFound, Refused
from newsletter.subscribers.access import charges_on


def cancel_at_period_end(
    sessions: db.Sessions, processor: PaymentProcessor, subscriber_id: int, *, clock: Clock
) -> datetime | None:
    """No further charge to this reader. Until when what they paid for lasts; None when nothing was running.

    Raises ``ProcessorError``: then nothing is known to have changed, and asking again does no harm.
    """
    ends: list[datetime] = []
    for agreement_id in _running(sessions, processor, subscriber_id):
        fact = processor.cancel_at_period_end(agreement_id, now=clock())
        with sessions.begin() as session:
            subscriptions.apply(session, processor.name, fact)
        ends.append(fact.cancel_at or fact.paid_until or fact.changed_at)
    return max(ends, default=None)


def cancel_now(
    sessions: db.Sessions, processor: PaymentProcessor, subscriber_id: int, *, clock: Clock
) -> int:
    """End everything that would charge this reader, at once: before erasing them. How many. Raises ``ProcessorError``."""
    running = _running(sessions, processor, subscriber_id)
    for agreement_id in running:
        fact = processor.cancel_now(agreement_id, now=clock())
        with sessions.begin() as session:
            subscriptions.apply(session, processor.name, fact)
    return len(running)


def refund(
    sessions: db.Sessions, processor: PaymentProcessor, subscription_id: int, *, by: str, clock: Clock
) -> int:
    """Give the last payment back, by an operator's word; how many cents. Twice gives back once. Raises ``NotFound``."""
    with db.reading(sessions) as session:
        kept = session.get(Subscription, subscription_id)
    if kept is None or kept.processor != processor.name:
        raise NotFound("There is no such payment with our payment processor.")
    given = processor.refund(kept.processor_id)
    if given:
        with sessions.begin() as session:
            ledger.note_refund(session, processor.name, given, now=clock())
            about = f"subscriber:{kept.subscriber_id}"
            detail = {"cents": given.cents, "subscription": subscription_id}
            session.add(
                AuditEntry(at=clock(), by=by, act="subscription.refunded", about=about, detail=detail)
            )
    subscriptions.read_again(sessions, processor, kept.processor_id, clock=clock)
    return given.cents if given else 0


def _running(sessions: db.Sessions, processor: PaymentProcessor, subscriber_id: int) -> list[str]:
    """What would go on charging this reader. Raises ``Refused`` when another processor than ours would."""
    with db.reading(sessions) as session:
        found = [
            (s.processor, s.processor_id)
            for s in subscriptions.reader_numbered(session, subscriber_id).subscriptions
            if charges_on(s)
        ]
    if others := {name for name, _ in found} - {processor.name}:
        raise Refused(f"The payment runs with {', '.join(sorted(others))}, which is not set up here.")
    return [agreement_id for _, agreement_id in found]
