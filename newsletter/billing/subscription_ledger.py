"""Records SubscriptionEvents about money, and computes the months' revenue from them. Events are only added, never changed.

Not to be confused with ``delivery.ledger``, which holds Deliveries.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, cast

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.billing.processors.protocol import CANCELED, PAST_DUE, Dispute, Payment, Refund
from newsletter.billing.revenue import MoneyFact, Month, cents_in, months_of
from newsletter.db.models import Subscriber, Subscription, SubscriptionEvent
from newsletter.settings import Settings
from newsletter.subscribers.subscription_events import record, trial_id
from newsletter.subscribers.tokens import fingerprint


def record_change(
    session: Session, kept: Subscription, *, first: bool, month_cents: int | None, now: datetime
) -> None:
    """Record the state of a Subscription from now on. The caller commits.

    ``first`` says that it is new to us; ``month_cents`` is its price a month in hundredths, None when the processor does not say.
    """
    agreement = _agreement_hash(kept.processor, kept.processor_id)
    if first:
        at = min(kept.started_at, now)
    elif kept.status == CANCELED:
        at = min(kept.cancel_at or now, now)
    elif kept.status == PAST_DUE:
        at = min(kept.past_due_at or now, now)
    else:
        at = now
    before = session.scalar(
        select(SubscriptionEvent.at)
        .where(SubscriptionEvent.agreement == agreement, SubscriptionEvent.kind == "changed")
        .order_by(SubscriptionEvent.id.desc())
        .limit(1)
    )
    reader = session.get(Subscriber, kept.subscriber_id)
    record(
        session,
        f"changed:{agreement}:{now.isoformat()}",
        "changed",
        # An event received later must not begin earlier than the one before it.
        at=at if before is None else max(at, before),
        received_at=now,
        processor=kept.processor,
        agreement=agreement,
        trial=trial_id(reader) if reader and reader.trial_started_at else None,
        status=kept.status,
        paid_until=kept.paid_until,
        past_due_at=kept.past_due_at,
        cancel_at=kept.cancel_at,
        month_cents=month_cents,
    )


def record_payment(
    session: Session, processor: str, agreement_id: str, paid: Payment, *, now: datetime
) -> None:
    """Record that money was received, once for each payment. The caller commits."""
    record(
        session,
        f"paid:{processor}:{fingerprint(paid.processor_id)}",
        "paid",
        at=paid.paid_at,
        received_at=now,
        processor=processor,
        agreement=_agreement_hash(processor, agreement_id),
        cents=paid.cents,
        currency=paid.currency,
    )


def record_refund(session: Session, processor: str, refund: Refund, *, now: datetime) -> None:
    """Record that money was returned, once for each refund, whether we asked for it or the processor reported it. The caller commits."""
    record(
        session,
        f"refunded:{processor}:{fingerprint(refund.processor_id)}:{refund.cents_in_all}",
        "refunded",
        at=now,
        received_at=now,
        processor=processor,
        cents=refund.cents,
        currency=refund.currency,
    )


def record_dispute(session: Session, processor: str, case: Dispute, *, now: datetime) -> bool:
    """Record the state of a dispute; returns False when that was recorded before. The caller commits.

    The amount is recorded as lost when the bank takes it, and as won when the bank returns it. When only the end of a case is reported,
    its opening is recorded as well.
    """
    key = f"disputed:{processor}:{fingerprint(case.processor_id)}"
    facts: dict[str, Any] = {"received_at": now, "processor": processor, "currency": case.currency}
    if case.standing in ("won", "lost"):
        record(session, f"{key}:open", "disputed", at=case.opened_at, cents=case.cents, **facts)
    taken = {"open": case.cents, "won": case.cents}.get(case.standing, 0)
    kind = "reinstated" if case.standing == "won" else "disputed"
    at = min(case.opened_at, now) if case.standing in ("asked", "open") else now
    return record(session, f"{key}:{case.standing}", kind, at=at, cents=taken, **facts)


def months(
    session: Session, *, first: date, last: date, settings: Settings, now: datetime
) -> Sequence[Month]:
    """Return the revenue figures of each calendar month from ``first`` to ``last``, in the newsletter's zone."""
    # Plain rows of the needed columns: a quarter of a million ORM objects would need four times the memory.
    facts = session.execute(select(*_COLUMNS).order_by(SubscriptionEvent.id)).all()
    return months_of(
        cast(Sequence[MoneyFact], facts),
        first=first,
        last=last,
        zone=settings.EDITION_TZ,
        month_cents=cents_in(settings.PRICE),
        now=now,
    )


_COLUMNS = [getattr(SubscriptionEvent, name) for name in vars(MoneyFact) if not name.startswith("_")]


def _agreement_hash(processor: str, agreement_id: str) -> str:
    """A hash that stands for an agreement without naming it."""
    return fingerprint(f"{processor}:{agreement_id}")[:32]
