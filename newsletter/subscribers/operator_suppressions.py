"""Suppress an address by an operator's word, and take that word back."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.db import insert_new
from newsletter.db.models import AuditEntry, Subscriber, Suppression
from newsletter.errors import NotFound, Refused

BY_OPERATOR = "operator"
# Told to the reader, who cannot undo it by pressing a button; what was their own wish they can.
_NOT_THEIRS = {
    "bounced": "the mailbox turned our mail away",
    "complained": "our mail was reported as spam from that mailbox",
    BY_OPERATOR: "we were asked not to write there",
}


def suppress(session: Session, subscriber_id: int, *, reason: str, now: datetime, by: str) -> None:
    """Nothing is mailed to this reader's address any more. Raises NotFound. The caller commits."""
    reader = _reader(session, subscriber_id)
    row = {"address_hash": reader.address_hash, "reason": BY_OPERATOR, "suppressed_at": now}
    if insert_new(session, Suppression, [row]):
        _audit(session, reader, "subscriber.suppressed", now, by, reason=reason)


def release(session: Session, subscriber_id: int, *, reason: str, now: datetime, by: str) -> None:
    """Take an operator's suppression back. Raises Refused for any other: a bounce or a complaint is not ours to undo."""
    reader = _reader(session, subscriber_id)
    row = suppression_of(session, reader)
    if row is None:
        return
    if row.reason != BY_OPERATOR:
        raise Refused(f"The address is suppressed because it {row.reason}; that is not ours to take back.")
    session.delete(row)
    _audit(session, reader, "subscriber.released", now, by, reason=reason)


def suppression_of(session: Session, reader: Subscriber) -> Suppression | None:
    """The word against mailing this reader's address, if there is one."""
    return session.scalars(
        select(Suppression).where(Suppression.address_hash == reader.address_hash)
    ).one_or_none()


def mail_stopped(session: Session, reader: Subscriber) -> str:
    """Why no mail comes to this reader whatever they choose, in words for them; empty when nothing of the kind."""
    word = suppression_of(session, reader)
    return _NOT_THEIRS.get(word.reason, "") if word else ""


def _reader(session: Session, subscriber_id: int) -> Subscriber:
    reader = session.get(Subscriber, subscriber_id)
    if reader is None:
        raise NotFound("There is no such reader.")
    return reader


def _audit(session: Session, reader: Subscriber, act: str, now: datetime, by: str, *, reason: str) -> None:
    # By number, not by address: the trail outlives an erasure.
    about = f"subscriber:{reader.id}"
    session.add(AuditEntry(at=now, by=by, act=act, about=about, detail={"reason": reason}))
