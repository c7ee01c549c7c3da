"""Erasing a reader completely, and handing them everything we hold on them.

What stays: ledger lines without a name, so that their sums still add up, and a keyed hash among the Suppressions, so that
nobody mails the address again until its owner asks.
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
from newsletter.subscribers import bounces, subscription_events
from newsletter.subscribers.access import charges_on

ERASED = "[erased]"  # stands where a free text named the address

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
    """Forget this reader for good. A comp just ends. The caller commits. ``outbox``: where their mails lie, when mail is kept here;
    ``mailbox``: the Maildir where reports come back.

    Raises ``Refused`` while a payment processor would go on charging them: cancel first (``stop_paying.cancel_now`` for at once).
    """
    number, address = subscriber.id, subscriber.address
    # Held, so that no word of the processor adds a Subscription while we forget.
    session.scalars(select(Subscriber.id).where(Subscriber.id == number).with_for_update()).one_or_none()
    agreements = session.scalars(select(Subscription).where(Subscription.subscriber_id == number)).all()
    if any(charges_on(a) for a in agreements):
        raise Refused("Cancel the payment first: otherwise it would go on after we forgot whose it is.")
    if outbox is not None:  # before the commit: should that fail, copies are gone and nothing else
        outbox_mails.forget(outbox, _mailed_to(session, number))
    if mailbox is not None:
        bounces.forget(mailbox, address)
    row = {"address_hash": subscriber.address_hash, "reason": "erased", "suppressed_at": now}
    insert_new(session, Suppression, [row])
    subscription_events.note_trial_had(
        session, subscriber, now=now
    )  # of Trials begun before that was noted with them
    session.expunge(subscriber)
    session.execute(delete(Subscription).where(Subscription.subscriber_id == number))
    session.execute(delete(Read).where(Read.reader == _reader(number)))
    session.execute(
        delete(PendingRequest).where(func.lower(PendingRequest.address) == address.lower())
    )  # asked for, not yet granted
    # Notices, Sign-ins and reasons for being left out go with the reader; Deliveries only lose the name: the keys say so.
    session.execute(delete(Subscriber).where(Subscriber.id == number))
    _forget_in_words(session, number, address)
    session.add(AuditEntry(at=now, by=by, act="subscriber.erased", about=f"subscriber:{number}", detail={}))
    _log.info("subscriber.erased", subscriber_id=number)


def _mailed_to(session: Session, number: int) -> Iterator[str]:
    """Whatever was mailed to them."""
    for kind, table in (("delivery", Delivery), ("notice", Notice)):
        for line in session.scalars(select(table.id).where(table.subscriber_id == number)):
            yield f"{kind}:{line}"


def export(session: Session, subscriber: Subscriber) -> dict[str, Any]:
    """Everything we hold on this reader, as plain JSON; moments in ISO 8601, UTC. No secrets and no hashes of them."""
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
                .where(Read.reader == _reader(number))
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
    """Each Issue owed to them, what became of it, and what the provider reported later."""
    rows = session.execute(
        select(Delivery, Issue.issued_on)
        .join(Issue, Issue.id == Delivery.issue_id)
        .where(Delivery.subscriber_id == number)
        .order_by(Issue.issued_on)
    ).all()
    heard: dict[int, list[dict[str, str]]] = {}
    told = select(DeliveryEvent).join(Delivery, Delivery.id == DeliveryEvent.delivery_id)
    for one in session.scalars(
        told.where(Delivery.subscriber_id == number).order_by(DeliveryEvent.happened_at)
    ):
        line = {"kind": one.kind, "happened_at": one.happened_at.isoformat(), "reason": one.reason}
        heard.setdefault(one.delivery_id or 0, []).append(line)
    return [
        {
            "issued_on": on.isoformat(),
            "rendition": delivery.rendition,
            "due_at": delivery.due_at.isoformat(),
            "state": delivery.state,
            "reason": delivery.reason,
            "reported_later": heard.get(delivery.id, []),
        }
        for delivery, on in rows
    ]


def _columns(row: Any, *, without: Iterable[str]) -> dict[str, Any]:
    """A row's columns as JSON values: a column added later is exported without anybody's thinking of it."""
    names = [c.key for c in row.__table__.columns if c.key != "id" and c.key not in without]
    return {name: _plain(getattr(row, name)) for name in names}


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value  # a datetime is a date


def _reader(number: int) -> str:
    """How the Meter names a Subscriber."""
    return f"subscriber:{number}"


def _entries(session: Session, number: int) -> list[AuditEntry]:
    about = AuditEntry.about == f"subscriber:{number}"
    return list(session.scalars(select(AuditEntry).where(about).order_by(AuditEntry.id)))


def _forget_in_words(session: Session, number: int, address: str) -> None:
    """Free texts of operators and readers may name the address."""
    named = re.compile(re.escape(address), re.IGNORECASE)
    for entry in _entries(session, number):
        entry.detail = _without(entry.detail, named)
    speaks = func.lower(Report.words).contains(address.lower(), autoescape=True)
    for report in session.scalars(select(Report).where(speaks)):
        report.words = named.sub(ERASED, report.words)


def _without(value: Any, named: re.Pattern[str]) -> Any:
    if isinstance(value, str):
        return named.sub(ERASED, value)
    if isinstance(value, dict):
        return {key: _without(inner, named) for key, inner in value.items()}
    if isinstance(value, list):
        return [_without(inner, named) for inner in value]
    return value
