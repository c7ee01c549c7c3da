"""Suppressions that an Operator adds and removes."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.db import insert_new
from newsletter.db.models import AuditEntry, Subscriber, Suppression
from newsletter.errors import NotFound, Refused

BY_OPERATOR = "operator"
# Shown to the reader, who cannot lift these Suppressions; those they caused themselves they can lift.
_REASONS_SHOWN = {
    "bounced": "the mailbox turned our mail away",
    "complained": "our mail was reported as spam from that mailbox",
    BY_OPERATOR: "we were asked not to write there",
}


def suppress(session: Session, subscriber_id: int, *, reason: str, now: datetime, by: str) -> None:
    """Suppress a reader's address, so that nothing is mailed to it. Raises ``NotFound``. The caller commits."""
    reader = _reader(session, subscriber_id)
    row = {"address_hash": reader.address_hash, "reason": BY_OPERATOR, "suppressed_at": now}
    if insert_new(session, Suppression, [row]):
        _audit(session, reader, "subscriber.suppressed", now, by, reason=reason)


def release(session: Session, subscriber_id: int, *, reason: str, now: datetime, by: str) -> None:
    """Remove a Suppression that an Operator added; nothing happens when there is none. The caller commits.

    Raises ``NotFound``, and ``Refused`` when it has another reason: an Operator cannot undo a bounce or a complaint.
    """
    reader = _reader(session, subscriber_id)
    row = suppression_of(session, reader)
    if row is None:
        return
    if row.reason != BY_OPERATOR:
        raise Refused(f"The address is suppressed because it {row.reason}; that is not ours to take back.")
    session.delete(row)
    _audit(session, reader, "subscriber.released", now, by, reason=reason)


def suppression_of(session: Session, reader: Subscriber) -> Suppression | None:
    """The Suppression of this reader's address, if there is one."""
    return session.scalars(
        select(Suppression).where(Suppression.address_hash == reader.address_hash)
    ).one_or_none()


def mail_stopped(session: Session, reader: Subscriber) -> str:
    """Why no mail is sent to this reader whatever they choose, as a clause for them; empty when nothing prevents it."""
    row = suppression_of(session, reader)
    return _REASONS_SHOWN.get(row.reason, "") if row else ""


def _reader(session: Session, subscriber_id: int) -> Subscriber:
    reader = session.get(Subscriber, subscriber_id)
    if reader is None:
        raise NotFound("There is no such reader.")
    return reader


def _audit(session: Session, reader: Subscriber, act: str, now: datetime, by: str, *, reason: str) -> None:
    # By id, not by address, because the audit trail is kept after an erasure.
    about = f"subscriber:{reader.id}"
    session.add(AuditEntry(at=now, by=by, act=act, about=about, detail={"reason": reason}))
