"""Comps: full Access that an Operator gives for free."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.billing import subscription_ledger
from newsletter.db import insert_new
from newsletter.db.models import AuditEntry, Subscriber, Subscription
from newsletter.errors import NotFound, Refused
from newsletter.subscribers.access import COMP


def give(
    session: Session, subscriber_id: int, *, until: datetime | None, reason: str, by: str, now: datetime
) -> Subscription:
    """Give a reader full Access, without end or ``until``; it replaces an earlier comp. The caller commits.

    Raises ``NotFound``, and ``Refused`` when ``until`` is past.
    """
    if session.get(Subscriber, subscriber_id) is None:
        raise NotFound("There is no such reader.")
    if until is not None and until <= now:
        raise Refused("A present must last: give a day to come.")
    row = {
        "subscriber_id": subscriber_id,
        "processor": COMP,
        "processor_id": _comp_id(subscriber_id),
        "status": "active",
        "started_at": now,
        "changed_at": now,
    }
    first = bool(insert_new(session, Subscription, [row]))
    kept = _find(session, subscriber_id)
    assert kept is not None
    # cancel_at is set too: paid_until has a grace for late renewals, and a comp needs none.
    kept.status, kept.paid_until, kept.cancel_at, kept.changed_at = "active", until, until, now
    detail = {"reason": reason, "until": until.isoformat() if until else None}
    _audit(session, subscriber_id, "subscription.given", detail, by=by, now=now)
    session.flush()
    subscription_ledger.record_change(session, kept, first=first, month_cents=0, now=now)
    return kept


def end(session: Session, subscriber_id: int, *, reason: str, by: str, now: datetime) -> bool:
    """End a reader's comp now; returns False when there was none. The caller commits."""
    kept = _find(session, subscriber_id)
    if kept is None or kept.status == "canceled":
        return False
    kept.status, kept.cancel_at, kept.changed_at = "canceled", now, now
    subscription_ledger.record_change(session, kept, first=False, month_cents=0, now=now)
    _audit(session, subscriber_id, "subscription.ended", {"reason": reason}, by=by, now=now)
    return True


def _comp_id(subscriber_id: int) -> str:
    return f"comp:{subscriber_id}"


def _find(session: Session, subscriber_id: int) -> Subscription | None:
    named = (Subscription.processor == COMP) & (Subscription.processor_id == _comp_id(subscriber_id))
    return session.scalars(select(Subscription).where(named).with_for_update()).one_or_none()


def _audit(
    session: Session, subscriber_id: int, act: str, detail: dict[str, Any], *, by: str, now: datetime
) -> None:
    session.add(AuditEntry(at=now, by=by, act=act, about=f"subscriber:{subscriber_id}", detail=detail))
