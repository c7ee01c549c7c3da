"""Erases a reader, and exports everything that is stored about them.

After an erasure their Deliveries stay without a name, so that sums stay right, and a keyed hash of the address stays among the
Suppressions, so that the address is not mailed again until its owner asks for it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from newsletter import log
from newsletter.db import insert_new
from newsletter.db.models import (
    AuditEntry,
    Delivery,
    DeliveryEvent,
    Issue,
    LeftOut,
    Notice,
    PendingRequest,
    Read,
    Report,
    SignIn,
    Story,
    Subscriber,
    Subscription,
    Suppression,
)
from newsletter.delivery.providers.outbox import send as outbox_mails
from newsletter.errors import Refused
from newsletter.subscribers import bounce_reports, subscription_events
from newsletter.subscribers.access import charges_on
from newsletter.subscribers.meter import reader_key

ERASED = "[erased]"  # replaces the address in free text

_log = log.get("subscribers")


def erase(
    session: Session,
    subscriber: Subscriber,
    *,
    now: datetime,
    by: str = "reader",
    outbox: Path | None = None,
    mailbox: Path | None = None,
) -> None:
    """Delete a reader and everything that names them. The caller commits.

    ``outbox`` is the folder of the Outbox, if that is the provider; ``mailbox`` the Maildir that receives bounce reports. ``by`` is for
    the audit trail. A comp ends with the reader. Raises ``Refused`` while a payment processor would charge them again: the payment must
    be cancelled first (``billing.cancellation``).
    """
    number, address = subscriber.id, subscriber.address
    # The row is locked, so that no webhook adds a Subscription meanwhile.
    session.scalars(select(Subscriber.id).where(Subscriber.id == number).with_for_update()).one_or_none()
    agreements = session.scalars(select(Subscription).where(Subscription.subscriber_id == number)).all()
    if any(charges_on(a) for a in agreements):
        raise Refused("Cancel the payment first: otherwise it would go on after we forgot whose it is.")
    if outbox is not None:  # before the commit: if that fails, only these copies are lost
        outbox_mails.delete_mails(outbox, _mailed_to(session, number))
    if mailbox is not None:
        bounce_reports.delete_about(mailbox, address)
    row = {"address_hash": subscriber.address_hash, "reason": "erased", "suppressed_at": now}
    insert_new(session, Suppression, [row])
    # For Trials that began before this was recorded at their start.
    subscription_events.record_trial_used(session, subscriber, now=now)
    session.expunge(subscriber)
    session.execute(delete(Subscription).where(Subscription.subscriber_id == number))
    session.execute(delete(Read).where(Read.reader == reader_key(number)))
    session.execute(delete(PendingRequest).where(func.lower(PendingRequest.address) == address.lower()))
    # The foreign keys delete Notices, Sign-ins and LeftOut rows along with the reader, and set Deliveries' subscriber_id to null.
    session.execute(delete(Subscriber).where(Subscriber.id == number))
    _redact_free_text(session, number, address)
    session.add(AuditEntry(at=now, by=by, act="subscriber.erased", about=f"subscriber:{number}", detail={}))
    _log.info("subscriber.erased", subscriber_id=number)


def _mailed_to(session: Session, number: int) -> Iterator[str]:
    """The Outbox's references of every mail to this reader."""
    for kind, table in (("delivery", Delivery), ("notice", Notice)):
        for line in session.scalars(select(table.id).where(table.subscriber_id == number)):
            yield f"{kind}:{line}"


def export(session: Session, subscriber: Subscriber) -> dict[str, Any]:
    """Everything that is stored about a reader, as JSON values; moments in ISO 8601, UTC. Without secrets and their hashes."""
    number, hashed = subscriber.id, subscriber.address_hash
    suppression = session.scalars(select(Suppression).where(Suppression.address_hash == hashed)).first()
    return {
        "reader": _columns(subscriber, without={"address_hash", "person_hash"}),
        "payments": [
            _columns(s, without={"subscriber_id"})
            for s in session.scalars(
                select(Subscription).where(Subscription.subscriber_id == number).order_by(Subscription.id)
            )
        ],
        "suppression": _columns(suppression, without={"address_hash"}) if suppression else None,
        "issues": _issues(session, number),
        "left_out": [
            {"issued_on": on.isoformat(), "reason": reason}
            for on, reason in session.execute(
                select(Issue.issued_on, LeftOut.reason)
                .join(Issue, Issue.id == LeftOut.issue_id)
                .where(LeftOut.subscriber_id == number)
                .order_by(Issue.issued_on)
            )
        ],
        "notices": [
            {"kind": n.kind, "due_at": n.due_at.isoformat(), "state": n.state, "values": n.values}
            for n in session.scalars(
                select(Notice).where(Notice.subscriber_id == number).order_by(Notice.due_at, Notice.id)
            )
        ],
        "stories_read": [
            {"story": slug, "month": read.month, "read_at": read.read_at.isoformat()}
            for read, slug in session.execute(
                select(Read, Story.slug)
                .join(Story, Story.id == Read.story_id)
                .where(Read.reader == reader_key(number))
                .order_by(Read.read_at)
            )
        ],
        "signed_in": [
            _columns(s, without={"secret_hash", "operator_id", "subscriber_id"})
            for s in session.scalars(
                select(SignIn).where(SignIn.subscriber_id == number).order_by(SignIn.began_at)
            )
        ],
        "done_by_operators": [
            {"at": e.at.isoformat(), "act": e.act, "detail": e.detail} for e in _entries(session, number)
        ],
    }


def _issues(session: Session, number: int) -> list[dict[str, Any]]:
    """Each Issue owed to a reader, the state of its Delivery, and the events that the provider reported later."""
    rows = session.execute(
        select(Delivery, Issue.issued_on)
        .join(Issue, Issue.id == Delivery.issue_id)
        .where(Delivery.subscriber_id == number)
        .order_by(Issue.issued_on)
    ).all()
    events: dict[int, list[dict[str, str]]] = {}
    reported = select(DeliveryEvent).join(Delivery, Delivery.id == DeliveryEvent.delivery_id)
    for event in session.scalars(
        reported.where(Delivery.subscriber_id == number).order_by(DeliveryEvent.happened_at)
    ):
        line = {"kind": event.kind, "happened_at": event.happened_at.isoformat(), "reason": event.reason}
        events.setdefault(event.delivery_id or 0, []).append(line)
    return [
        {
            "issued_on": on.isoformat(),
            "rendition": delivery.rendition,
            "due_at": delivery.due_at.isoformat(),
            "state": delivery.state,
            "reason": delivery.reason,
            "reported_later": events.get(delivery.id, []),
        }
        for delivery, on in rows
    ]


def _columns(row: Any, *, without: Iterable[str]) -> dict[str, Any]:
    """The columns of a row as JSON values, so that a column added later is exported as well."""
    names = [c.key for c in row.__table__.columns if c.key != "id" and c.key not in without]
    return {name: _plain(getattr(row, name)) for name in names}


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value  # a datetime is a date


def _entries(session: Session, number: int) -> list[AuditEntry]:
    """The audit trail about this reader, oldest first."""
    about = AuditEntry.about == f"subscriber:{number}"
    return list(session.scalars(select(AuditEntry).where(about).order_by(AuditEntry.id)))


def _redact_free_text(session: Session, number: int, address: str) -> None:
    """Replace the address in free text of operators and readers."""
    named = re.compile(re.escape(address), re.IGNORECASE)
    for entry in _entries(session, number):
        entry.detail = _without(entry.detail, named)
    mentions = func.lower(Report.words).contains(address.lower(), autoescape=True)
    for report in session.scalars(select(Report).where(mentions)):
        report.words = named.sub(ERASED, report.words)


def _without(value: Any, named: re.Pattern[str]) -> Any:
    """A JSON value with every match of ``named`` replaced."""
    if isinstance(value, str):
        return named.sub(ERASED, value)
    if isinstance(value, dict):
        return {key: _without(inner, named) for key, inner in value.items()}
    if isinstance(value, list):
        return [_without(inner, named) for inner in value]
    return value
