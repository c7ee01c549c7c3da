"""Asks the payment processor about Subscriptions that should have renewed or ended: their webhook may be lost."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import select

from newsletter import db, log
from newsletter.billing import subscriptions
from newsletter.billing.processors.protocol import (
    CANCELED,
    PaymentProcessor,
    ProcessorError,
    ProcessorUnreachable,
)
from newsletter.clock import Clock
from newsletter.db.models import Subscription

ASK_AFTER = timedelta(hours=12)  # since the last state that we know of
MAX_ASKED = 200  # in one run; the next one continues

_log = log.get("billing")


def run(sessions: db.Sessions, processor: PaymentProcessor, *, clock: Clock) -> int:
    """Refresh the Subscriptions that should have renewed or ended by now, and return how many were refreshed.

    When the processor does not answer, the run ends and the next one tries again; an agreement that it refuses delays no other.
    """
    now = clock()
    with db.reading(sessions) as session:
        overdue = session.scalars(
            select(Subscription.processor_id)
            .where(
                Subscription.processor == processor.name,
                Subscription.status != CANCELED,
                Subscription.changed_at < now - ASK_AFTER,
                (Subscription.paid_until < now) | (Subscription.cancel_at < now),
            )
            .order_by(Subscription.changed_at, Subscription.id)
        ).all()
    done = 0
    for agreement_id in _this_runs(overdue, now):
        try:
            done += subscriptions.refresh(sessions, processor, agreement_id, clock=clock) is not None
        except ProcessorUnreachable as error:
            _log.warning("billing.postponed", processor=processor.name, reason=str(error))
            break
        except ProcessorError as error:
            _log.warning(
                "billing.refused", processor=processor.name, agreement=agreement_id, reason=str(error)
            )
    return done


def _this_runs(overdue: Sequence[str], now: datetime) -> Sequence[str]:
    """Return at most :data:`MAX_ASKED` of them, each hour others, because those that the processor refuses stay overdue."""
    if len(overdue) <= MAX_ASKED:
        return overdue
    begin = int(now.timestamp() // 3600) * MAX_ASKED % len(overdue)
    return [*overdue[begin:], *overdue[:begin]][:MAX_ASKED]
