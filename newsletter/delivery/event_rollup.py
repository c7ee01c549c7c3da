"""Replaces old DeliveryEvents by daily sums, which are about no single reader any more."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from newsletter import db, log
from newsletter.db.models import Delivery, DeliveryEvent, DeliveryEventSum, Issue

KEEP_EVENTS = timedelta(days=90)
ROWS_PER_TRANSACTION = 20_000  # short enough that no other process waits long
NOTICES = "notices"  # is in place of the Issue for mail that belongs to none

_log = log.get("delivery")


def run(sessions: db.Sessions, *, now: datetime, at_once: int = ROWS_PER_TRANSACTION) -> int:
    """Turn DeliveryEvents of days that ended 90 days ago into sums. Returns how many; a second run finds none.

    Each row is added to its sum and deleted in one transaction, so that a death neither loses nor doubles any.
    """
    ended = (now - KEEP_EVENTS).astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    summed = 0
    while True:
        with sessions.begin() as session:
            db.hold_lock(session, "event_rollup")
            found = _roll_up_oldest(session, ended, at_once)
        if not found:
            break
        summed += found
    if summed:
        _log.info("events.rolled_up", events=summed)
    return summed


def _roll_up_oldest(session: Session, ended: datetime, at_once: int) -> int:
    """Sum up the oldest rows. Returns how many. Ids rise with the moment of receipt, so the oldest rows come first."""
    oldest = session.execute(
        select(DeliveryEvent.id, DeliveryEvent.received_at).order_by(DeliveryEvent.id).limit(1)
    ).first()
    if oldest is None or oldest.received_at >= ended:
        return 0
    these = (DeliveryEvent.id < oldest.id + at_once, DeliveryEvent.received_at < ended)
    rows = session.execute(
        select(
            DeliveryEvent.received_at,
            Issue.issued_on,
            DeliveryEvent.provider,
            DeliveryEvent.kind,
            DeliveryEvent.bounce,
        )
        .outerjoin(Delivery, Delivery.id == DeliveryEvent.delivery_id)
        .outerjoin(Issue, Issue.id == Delivery.issue_id)
        .where(*these)
    ).all()
    counted = Counter(
        (
            row.received_at.date(),
            row.issued_on.isoformat() if row.issued_on else NOTICES,
            row.provider,
            row.kind,
            row.bounce or "",
        )
        for row in rows
    )
    for key, count in counted.items():
        _add_to_sum(session, key, count)
    return db.changed(session, delete(DeliveryEvent).where(*these))


def _add_to_sum(session: Session, key: tuple[object, ...], count: int) -> None:
    named = dict(zip(("received_on", "about", "provider", "kind", "bounce"), key, strict=True))
    db.insert_new(session, DeliveryEventSum, [{**named, "count": 0}])
    same = (getattr(DeliveryEventSum, name) == value for name, value in named.items())
    session.execute(update(DeliveryEventSum).where(*same).values(count=DeliveryEventSum.count + count))
