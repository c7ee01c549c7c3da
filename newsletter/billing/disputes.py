"""Disputed payments: recorded in the subscription ledger and the audit trail, and reported to the Operators, once for each state."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy.orm import Session

from newsletter import formatting, log
from newsletter.billing import subscription_ledger
from newsletter.billing.processors.protocol import Dispute
from newsletter.billing.revenue import amount
from newsletter.clock import day_in
from newsletter.db.models import AuditEntry
from newsletter.delivery import notices
from newsletter.settings import Settings
from newsletter.subscribers import operators

_SAID: Final = {
    "asked": "A cardholder’s bank asks about a payment of {cents} ({reason}); nothing was taken yet.",
    "open": "A payment of {cents} is disputed ({reason}): the bank took it back, and a fee.",
    "won": "The dispute over a payment of {cents} was won: the money comes back.",
    "lost": "The dispute over a payment of {cents} was lost: the money stays with the cardholder.",
}
_log = log.get("billing")


def record(session: Session, processor: str, case: Dispute, settings: Settings, *, now: datetime) -> bool:
    """Record the state of a dispute; returns False when it was known. The caller commits.

    It names no reader: the processor's page of the case does. The reader's Subscription goes on until somebody cancels it.
    """
    if not subscription_ledger.record_dispute(session, processor, case, now=now):
        return False
    cents = amount(case.cents, case.currency)
    said = _SAID[case.standing].format(cents=cents, reason=case.reason.replace("_", " ") or "no reason given")
    if case.standing in ("asked", "open"):
        by = day_in(settings.EDITION_TZ, case.answer_by) if case.answer_by else None
        until = f" by {formatting.day(by)}" if by else ""
        said += f" Answer the bank{until} on {processor.capitalize()}’s page of {case.processor_id}, or give it up there."
    detail = {"standing": case.standing, "amount": cents, "reason": case.reason}
    about = f"dispute:{case.processor_id}"
    session.add(AuditEntry(at=now, by=processor, act="payment.disputed", about=about, detail=detail))
    for operator in operators.on_duty(session, settings, now=now):
        key = f"alert:{operator.id}:{about}:{case.standing}"
        notices.queue(session, "alert", key=key, due_at=now, operator_id=operator.id, values={"what": said})
    _log.warning("billing.disputed", processor=processor, case=case.processor_id, standing=case.standing)
    return True
