"""Money: what the payment processor says becomes a Subscription, and what arrived is receipted.

The processor is the one who knows. A webhook only says *look again*; how an agreement stands is always read from the
processor, outside any transaction. Of two readings the one that was begun later knows at least as much, for it was
begun after everything that caused the earlier one; so the newest ``changed_at`` wins and order and repetition of
webhooks mean nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter import db, log
from newsletter.billing import disputes, ledger
from newsletter.billing.processors.protocol import (
    ACTIVE,
    CANCELED,
    PAST_DUE,
    AgreementFact,
    NoSuchAgreement,
    Payment,
    PaymentProcessor,
    Price,
)
from newsletter.billing.revenue import amount
from newsletter.clock import Clock
from newsletter.db.models import AuditEntry, Subscriber, Subscription
from newsletter.delivery import notices
from newsletter.errors import NotFound, Refused
from newsletter.links import Links
from newsletter.settings import Settings
from newsletter.subscribers.access import COMP, Facts, Kept, charges_on, pays, trial_ends_at
from newsletter.subscribers.local_hour import local_day
from newsletter.subscribers.signup import subscriber_of
from newsletter.subscribers.tokens import GoneToken, TokenError, subject_of

TWICE = "subscription.twice"  # in the audit trail: a reader is charged for two agreements at once
FOR_NOBODY = "subscription.for_nobody"  # an agreement of a reader who is no longer kept runs on
_log = log.get("billing")


class AlreadyPaying(Refused):
    """A second agreement would charge the same reader twice."""


def begin(
    sessions: db.Sessions,
    processor: PaymentProcessor,
    subscriber_id: int,
    *,
    settings: Settings,
    links: Links,
    now: datetime,
) -> str:
    """Where to lead this reader to pay; what is left of their Trial, or of what they paid before, is not charged again.

    Raises ``NotFound``, ``AlreadyPaying`` or ``ProcessorError``. Changes nothing of ours.
    """
    with db.reading(sessions) as session:
        reader = reader_numbered(session, subscriber_id)
        agreements = tuple(reader.subscriptions)
    if any(charges_on(a) or (a.processor == COMP and pays(a, now=now)) for a in agreements):
        raise AlreadyPaying("You have the full edition already. Nothing was charged.")
    trial = trial_ends_at(Facts(reader.trial_started_at, (), timedelta(days=settings.TRIAL_DAYS)))
    free_until = max(
        (end for end in (trial, *map(_paid_end, agreements)) if end is not None and end > now), default=None
    )
    return processor.begin_checkout(
        subject_of(reader.id, reader.address_hash),
        reader.address,
        Price(settings.STRIPE_PRICE_ID, settings.PRICE),
        done_url=f"{links.checkout()}/done",
        back_url=links.checkout(),
        trial_ends_at=free_until,
        now=now,
    )


def _paid_end(agreement: Kept) -> datetime | None:
    """Until when money that came in lasts. A free beginning is not paid for and a failed month is owed: neither is given anew."""
    if agreement.status != ACTIVE or agreement.cancel_at is None or agreement.paid_until is None:
        return None
    return min(agreement.cancel_at, agreement.paid_until)


def hear(
    sessions: db.Sessions,
    processor: PaymentProcessor,
    body: bytes,
    headers: Mapping[str, str],
    *,
    settings: Settings,
    clock: Clock,
) -> int:
    """Take a webhook: read again what it names, receipt what it says was paid. How many agreements of ours it was about.

    Raises ``ForgedWebhook``; ``ProcessorUnreachable`` when it should be delivered again.
    """
    ours = 0
    for event in processor.parse_webhook(body, headers, clock()):
        if event.refund is not None:
            with sessions.begin() as session:
                ledger.note_refund(session, processor.name, event.refund, now=clock())
        if event.dispute is not None:
            with sessions.begin() as session:
                disputes.note(session, processor.name, event.dispute, settings, now=clock())
        if not event.agreement_id or read_again(sessions, processor, event.agreement_id, clock=clock) is None:
            continue
        ours += 1
        if event.payment is not None:
            with sessions.begin() as session:
                receipt(session, processor.name, event.agreement_id, event.payment, settings, now=clock())
    return ours


def read_again(
    sessions: db.Sessions, processor: PaymentProcessor, agreement_id: str, *, clock: Clock
) -> int | None:
    """Ask the processor how this agreement stands and keep the answer. Whose it is; None when not one of our readers."""
    try:
        fact = processor.read_object(agreement_id, now=clock())
    except NoSuchAgreement:
        _log.warning("bill.unknown_agreement", processor=processor.name, agreement=agreement_id)
        return None
    with sessions.begin() as session:
        kept = apply(session, processor.name, fact)
        return None if kept is None else kept.subscriber_id


def apply(session: Session, processor: str, fact: AgreementFact) -> Subscription | None:
    """Keep what the processor said, unless we know something newer. Twice is once. The caller commits.

    None when it is about nobody we keep: a reader who was erased, or somebody else's agreement in the same books.
    """
    kept = _find(session, processor, fact.processor_id)
    first = False
    if kept is None:
        try:
            reader = subscriber_of(session, fact.reference)
        except TokenError as error:
            if isinstance(error, GoneToken) and fact.status != CANCELED and fact.cancel_at is None:
                _tell(session, processor, FOR_NOBODY, f"agreement:{fact.processor_id}", fact.changed_at)
            _log.warning("bill.nobody_of_ours", processor=processor, agreement=fact.processor_id)
            return None
        row = {
            "subscriber_id": reader.id,
            "processor": processor,
            "processor_id": fact.processor_id,
            "status": fact.status,
            "started_at": fact.started_at,
            "changed_at": fact.changed_at,
        }
        first = bool(db.insert_new(session, Subscription, [row]))
        kept = _find(session, processor, fact.processor_id)
        assert kept is not None
        if first and fact.status != CANCELED and fact.cancel_at is None:
            _warn_of_two(session, kept)
    if fact.changed_at < kept.changed_at:
        return kept
    before = _standing(kept)
    owed_since = fact.past_due_at or kept.past_due_at or fact.changed_at
    kept.status, kept.started_at, kept.paid_until = fact.status, fact.started_at, fact.paid_until
    kept.past_due_at = owed_since if fact.status == PAST_DUE else None
    kept.cancel_at, kept.changed_at = fact.cancel_at, fact.changed_at
    _log.info("bill.applied", subscription_id=kept.id, status=kept.status)
    session.flush()
    if first or _standing(kept) != before:
        ledger.note_change(session, kept, first=first, month_cents=fact.month_cents, now=fact.changed_at)
    return kept


def _standing(kept: Subscription) -> tuple[object, ...]:
    return kept.status, kept.paid_until, kept.past_due_at, kept.cancel_at


def receipt(
    session: Session,
    processor: str,
    agreement_id: str,
    payment: Payment,
    settings: Settings,
    *,
    now: datetime,
) -> bool:
    """Owe the reader a receipt for money that arrived; False when they have it, or nothing was charged."""
    kept = _find(session, processor, agreement_id)
    if kept is None or payment.cents <= 0:
        return False
    ledger.note_payment(session, processor, agreement_id, payment, now=now)
    zone = reader_numbered(session, kept.subscriber_id).zone

    def day(moment: datetime) -> str:
        return local_day(moment, zone, otherwise=settings.EDITION_TZ)

    return notices.queue(
        session,
        "receipt",
        key=f"receipt:{processor}:{payment.processor_id}",
        due_at=now,
        subscriber_id=kept.subscriber_id,
        values={
            "amount": amount(payment.cents, payment.currency),
            "paid_on": day(payment.paid_at),
            "paid_until": day(payment.paid_until) if payment.paid_until else "",
        },
    )


def _find(session: Session, processor: str, agreement_id: str) -> Subscription | None:
    statement = select(Subscription).where(
        Subscription.processor == processor, Subscription.processor_id == agreement_id
    )
    # Held, so that two readings that arrive at once are compared one after the other.
    return session.scalars(
        statement.with_for_update().execution_options(populate_existing=True)
    ).one_or_none()


def _warn_of_two(session: Session, new: Subscription) -> None:
    """Two checkouts in two windows: nothing of ours can stop the second, so somebody must know."""
    others = select(Subscription).where(
        Subscription.subscriber_id == new.subscriber_id, Subscription.id != new.id
    )
    if any(charges_on(s) for s in session.scalars(others)):
        _log.error("bill.charged_twice", subscriber_id=new.subscriber_id, subscription_id=new.id)
        _tell(session, new.processor, TWICE, f"subscriber:{new.subscriber_id}", new.changed_at)


def _tell(session: Session, processor: str, act: str, about: str, now: datetime) -> None:
    """Into the audit trail, from which ``alerts`` tells the operators."""
    session.add(AuditEntry(at=now, by=processor, act=act, about=about, detail={}))


def reader_numbered(session: Session, subscriber_id: int) -> Subscriber:
    reader = session.get(Subscriber, subscriber_id)
    if reader is None:
        raise NotFound("There is no such reader.")
    return reader
