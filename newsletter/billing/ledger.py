"""The books of Subscriptions: facts are added as they are heard and never changed; the months' figures are read from them."""

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
from newsletter.subscribers.subscription_events import note, trial_mark
from newsletter.subscribers.tokens import fingerprint


def note_change(
    session: Session, kept: Subscription, *, first: bool, month_cents: int | None, now: datetime
) -> None:
    """How this Subscription stands from now on. ``first``: we did not know it before. The caller commits."""
    mark = _mark(kept.processor, kept.processor_id)
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
        .where(SubscriptionEvent.agreement == mark, SubscriptionEvent.kind == "changed")
        .order_by(SubscriptionEvent.id.desc())
        .limit(1)
    )
    reader = session.get(Subscriber, kept.subscriber_id)
    note(
        session,
        f"changed:{mark}:{now.isoformat()}",
        "changed",
        # What was heard later holds later, or the line of facts would cross itself.
        at=at if before is None else max(at, before),
        received_at=now,
        processor=kept.processor,
        agreement=mark,
        trial=trial_mark(reader) if reader and reader.trial_started_at else None,
        status=kept.status,
        paid_until=kept.paid_until,
        past_due_at=kept.past_due_at,
        cancel_at=kept.cancel_at,
        month_cents=month_cents,
    )


def note_payment(
    session: Session, processor: str, agreement_id: str, paid: Payment, *, now: datetime
) -> None:
    """Money came; the same payment is noted once. The caller commits."""
    note(
        session,
        f"paid:{processor}:{fingerprint(paid.processor_id)}",
        "paid",
        at=paid.paid_at,
        received_at=now,
        processor=processor,
        agreement=_mark(processor, agreement_id),
        cents=paid.cents,
        currency=paid.currency,
    )


def note_refund(session: Session, processor: str, given: Refund, *, now: datetime) -> None:
    """Money went back; noted once, whether by our own doing or told by the processor. The caller commits."""
    note(
        session,
        f"refunded:{processor}:{fingerprint(given.processor_id)}:{given.cents_in_all}",
        "refunded",
        at=now,
        received_at=now,
        processor=processor,
        cents=given.cents,
        currency=given.currency,
    )


def note_dispute(session: Session, processor: str, case: Dispute, *, now: datetime) -> bool:
    """How a case stands; False when that was noted before. Money is booked when a bank took it and when it gave it back: the
    opening of a case that we only hear of at its end is booked then. The caller commits."""
    named = f"{processor}:{fingerprint(case.processor_id)}"
    facts: dict[str, Any] = {"received_at": now, "processor": processor, "currency": case.currency}
    if case.standing in ("won", "lost"):
        note(session, f"disputed:{named}:open", "disputed", at=case.opened_at, cents=case.cents, **facts)
    taken = {"open": case.cents, "won": case.cents}.get(case.standing, 0)
    kind = "reinstated" if case.standing == "won" else "disputed"
    at = min(case.opened_at, now) if case.standing in ("asked", "open") else now
    return note(session, f"disputed:{named}:{case.standing}", kind, at=at, cents=taken, **facts)


def months(
    session: Session, *, first: date, last: date, settings: Settings, now: datetime
) -> Sequence[Month]:
    """MRR, new, lost, trials and money of each calendar month from ``first`` to ``last``, in the newsletter's zone."""
    # Plain rows of what is reckoned with: of a quarter of a million, objects that follow each change would weigh four times as much.
    facts = session.execute(select(*_RECKONED).order_by(SubscriptionEvent.id)).all()
    return months_of(
        cast(Sequence[MoneyFact], facts),
        first=first,
        last=last,
        zone=settings.EDITION_TZ,
        month_cents=cents_in(settings.PRICE),
        now=now,
    )


_RECKONED = [getattr(SubscriptionEvent, name) for name in vars(MoneyFact) if not name.startswith("_")]


def _mark(processor: str, agreement_id: str) -> str:
    """Stands for an agreement without leading back to it."""
    return fingerprint(f"{processor}:{agreement_id}")[:32]
