"""Looks up payments that should have been heard of by now: a webhook may be lost."""

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

READ_AGAIN_AFTER = timedelta(hours=12)  # since we last heard of it
MOST_READ_AGAIN = 200  # in one run: the next one goes on

_log = log.get("billing")


def run(sessions: db.Sessions, processor: PaymentProcessor, *, clock: Clock) -> int:
    """Read again what should have renewed or ended by now and was not heard of, for a webhook may be lost. How many.

    A processor that does not answer is asked again the next time; an agreement that it refuses to tell of keeps no other waiting.
    """
    now = clock()
    with db.reading(sessions) as session:
        overdue = session.scalars(
            select(Subscription.processor_id)
            .where(
                Subscription.processor == processor.name,
                Subscription.status != CANCELED,
                Subscription.changed_at < now - READ_AGAIN_AFTER,
                (Subscription.paid_until < now) | (Subscription.cancel_at < now),
            )
            .order_by(Subscription.changed_at, Subscription.id)
        ).all()
    done = 0
    for agreement_id in _turn_of(overdue, now):
        try:
            done += subscriptions.read_again(sessions, processor, agreement_id, clock=clock) is not None
        except ProcessorUnreachable as error:
            _log.warning("bill.put_off", processor=processor.name, reason=str(error))
            break
        except ProcessorError as error:
            _log.warning("bill.refused", processor=processor.name, agreement=agreement_id, reason=str(error))
    return done


def _turn_of(overdue: Sequence[str], now: datetime) -> Sequence[str]:
    """So many of them as one run reads; where there are more, each hour others, for those that are refused stay overdue."""
    if len(overdue) <= MOST_READ_AGAIN:
        return overdue
    begin = int(now.timestamp() // 3600) * MOST_READ_AGAIN % len(overdue)
    return [*overdue[begin:], *overdue[:begin]][:MOST_READ_AGAIN]
