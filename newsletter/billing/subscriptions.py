"""Keeps Subscriptions equal to the payment processor's agreements, and queues receipts for payments.

A webhook only says which agreement changed; its state is always read from the processor, outside any transaction. Of two readings the
one that began later is at least as new. So the latest ``changed_at`` wins, and webhooks may arrive in any order and more than once.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from newsletter import db, log
from newsletter.billing import disputes, subscription_ledger
from newsletter.billing.processors.protocol import (
    ACTIVE,
    CANCELED,
    PAST_DUE,
    AgreementFact,
    NoSuchAgreement,
    Payment,
    PaymentProcessor,
    Price,
    UnreadableWebhook,
)
from newsletter.billing.revenue import amount
from newsletter.clock import Clock
from newsletter.db.models import AuditEntry, Subscriber, Subscription
from newsletter.delivery import notices
from newsletter.errors import NotFound, Refused
from newsletter.links import Links
from newsletter.settings import Settings
from newsletter.subscribers.access import COMP, ChargedAgreement, Facts, charges_on, pays, trial_ends_at
from newsletter.subscribers.preferences import local_day
from newsletter.subscribers.signup import subscriber_of
from newsletter.subscribers.tokens import GoneToken, TokenError, subject_of

# Acts in the audit trail that ``jobs.alerts`` reports to the Operators.
NOT_UNDERSTOOD = "payment.not_understood"  # a genuine webhook of a form that we do not know
CHARGED_TWICE = "subscription.twice"  # a reader is charged for two agreements at once
READER_ERASED = "subscription.for_nobody"  # an agreement of an erased reader is still charged
_log = log.get("billing")


class AlreadyPaying(Refused):
    """The reader has full Access already: a second agreement would charge them twice."""


def readers_charged(session: Session) -> int:
    """Return how many readers a processor will charge again: ``access.charges_on`` in SQL."""
    charged = (
        Subscription.processor != COMP,
        Subscription.status != CANCELED,
        Subscription.cancel_at.is_(None),
    )
    return session.scalar(select(func.count(Subscription.subscriber_id.distinct())).where(*charged)) or 0


def begin_checkout(
    sessions: db.Sessions,
    processor: PaymentProcessor,
    subscriber_id: int,
    *,
    settings: Settings,
    links: Links,
    now: datetime,
) -> str:
    """Return the URL at which this reader pays. The rest of their Trial, or of time paid before, is not charged again.

    Changes no table. Raises ``NotFound``, ``AlreadyPaying`` or ``ProcessorError``.
    """
    with db.reading(sessions) as session:
        reader = reader_by_id(session, subscriber_id)
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


def _paid_end(agreement: ChargedAgreement) -> datetime | None:
    """Return until when a cancelled agreement is paid for; None for one in its free time or past due, of which nothing is paid."""
    if agreement.status != ACTIVE or agreement.cancel_at is None or agreement.paid_until is None:
        return None
    return min(agreement.cancel_at, agreement.paid_until)


def handle_webhook(
    sessions: db.Sessions,
    processor: PaymentProcessor,
    body: bytes,
    headers: Mapping[str, str],
    *,
    settings: Settings,
    clock: Clock,
) -> int:
    """Refresh the agreements that a webhook names, and record its payments; returns how many are our readers'.

    A genuine webhook that is not understood is recorded in the audit trail, so that operators are told, and changes nothing else.
    Raises ``ForgedWebhook``, and ``ProcessorUnreachable`` when the processor should deliver it again.
    """
    ours = 0
    try:
        heard = processor.parse_webhook(body, headers, clock())
    except UnreadableWebhook as error:
        with sessions.begin() as session:
            _record_unreadable(session, processor.name, error, now=clock())
        return 0
    for event in heard:
        if event.refund is not None:
            with sessions.begin() as session:
                subscription_ledger.record_refund(session, processor.name, event.refund, now=clock())
        if event.dispute is not None:
            with sessions.begin() as session:
                disputes.record(session, processor.name, event.dispute, settings, now=clock())
        if not event.agreement_id or refresh(sessions, processor, event.agreement_id, clock=clock) is None:
            continue
        ours += 1
        if event.payment is not None:
            with sessions.begin() as session:
                receipt(session, processor.name, event.agreement_id, event.payment, settings, now=clock())
    return ours


def _record_unreadable(session: Session, processor: str, error: UnreadableWebhook, *, now: datetime) -> None:
    detail = {"type": error.kind or "none"}
    about = f"event:{error.event_id or 'without an id'}"
    session.add(AuditEntry(at=now, by=processor, act=NOT_UNDERSTOOD, about=about, detail=detail))
    _log.warning(
        "billing.event_not_understood", processor=processor, event_id=error.event_id, type=error.kind
    )


def refresh(
    sessions: db.Sessions, processor: PaymentProcessor, agreement_id: str, *, clock: Clock
) -> int | None:
    """Read the state of an agreement from the processor and store it; returns its Subscriber's id, None when it is not a reader's."""
    try:
        fact = processor.read_object(agreement_id, now=clock())
    except NoSuchAgreement:
        _log.warning("billing.unknown_agreement", processor=processor.name, agreement=agreement_id)
        return None
    with sessions.begin() as session:
        kept = apply(session, processor.name, fact)
        return None if kept is None else kept.subscriber_id


def apply(session: Session, processor: str, fact: AgreementFact) -> Subscription | None:
    """Store what the processor says of an agreement, unless something newer is stored. The caller commits.

    Returns None when the agreement belongs to no Subscriber: to an erased reader, or to another service of the same account.
    """
    kept = _find(session, processor, fact.processor_id)
    first = False
    if kept is None:
        try:
            reader = subscriber_of(session, fact.reference)
        except TokenError as error:
            if isinstance(error, GoneToken) and fact.status != CANCELED and fact.cancel_at is None:
                _add_audit_entry(
                    session, processor, READER_ERASED, f"agreement:{fact.processor_id}", fact.changed_at
                )
            _log.warning("billing.unknown_reader", processor=processor, agreement=fact.processor_id)
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
    before = _state(kept)
    owed_since = fact.past_due_at or kept.past_due_at or fact.changed_at
    kept.status, kept.started_at, kept.paid_until = fact.status, fact.started_at, fact.paid_until
    kept.past_due_at = owed_since if fact.status == PAST_DUE else None
    kept.cancel_at, kept.changed_at = fact.cancel_at, fact.changed_at
    _log.info("billing.applied", subscription_id=kept.id, status=kept.status)
    session.flush()
    if first or _state(kept) != before:
        subscription_ledger.record_change(
            session, kept, first=first, month_cents=fact.month_cents, now=fact.changed_at
        )
    return kept


def _state(kept: Subscription) -> tuple[object, ...]:
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
    """Record a payment and queue its receipt; returns False when that was done before, or nothing was charged.

    The caller commits.
    """
    kept = _find(session, processor, agreement_id)
    if kept is None or payment.cents <= 0:
        return False
    subscription_ledger.record_payment(session, processor, agreement_id, payment, now=now)
    zone = reader_by_id(session, kept.subscriber_id).zone

    def day(moment: datetime) -> str:
        return local_day(moment, zone, default=settings.EDITION_TZ)

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
    # The row is locked, so that two readings at once are compared one after the other.
    return session.scalars(
        statement.with_for_update().execution_options(populate_existing=True)
    ).one_or_none()


def _warn_of_two(session: Session, new: Subscription) -> None:
    """Report a second agreement of the same reader: two checkouts in two windows cannot be prevented, so Operators must know."""
    others = select(Subscription).where(
        Subscription.subscriber_id == new.subscriber_id, Subscription.id != new.id
    )
    if any(charges_on(s) for s in session.scalars(others)):
        _log.error("billing.charged_twice", subscriber_id=new.subscriber_id, subscription_id=new.id)
        _add_audit_entry(
            session, new.processor, CHARGED_TWICE, f"subscriber:{new.subscriber_id}", new.changed_at
        )


def _add_audit_entry(session: Session, processor: str, act: str, about: str, now: datetime) -> None:
    """Write an act into the audit trail, from which ``jobs.alerts`` informs the Operators."""
    session.add(AuditEntry(at=now, by=processor, act=act, about=about, detail={}))


def reader_by_id(session: Session, subscriber_id: int) -> Subscriber:
    """Return the Subscriber with this id. Raises ``NotFound``."""
    reader = session.get(Subscriber, subscriber_id)
    if reader is None:
        raise NotFound("There is no such reader.")
    return reader
