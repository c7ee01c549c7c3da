"""What providers reported long ago is kept as daily sums: nobody needs to know of one reader's mail any more."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from newsletter import db, log
from newsletter.db.models import Delivery, DeliveryEvent, DeliveryEventSum, Issue

KEEP_EVENTS = timedelta(days=90)
AT_ONCE = 20_000  # rows a transaction: short enough that nobody waits for it
NOTICES = "notices"  # what such mail is about that belongs to no Issue

_log = log.get("delivery")


def run(sessions: db.Sessions, *, now: datetime, at_once: int = AT_ONCE) -> int:
    """Turn DeliveryEvents of days that ended 90 days ago into sums; how many. A second run finds nothing to do.

    A row is added to its sum and deleted in one transaction, so that none is counted twice or lost, whoever dies.
    """
    ended = (now - KEEP_EVENTS).astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    summed = 0
    while True:
        with sessions.begin() as session:
            db.take_turns(session, "ageing")
            found = _some(session, ended, at_once)
        if not found:
            break
        summed += found
    if summed:
        _log.info("events.summed", events=summed)
    return summed


def _some(session: Session, ended: datetime, at_once: int) -> int:
    """The oldest of them; how many. Numbers rise with the moment of receipt, so the oldest stand first."""
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
        _add(session, key, count)
    return db.changed(session, delete(DeliveryEvent).where(*these))


def _add(session: Session, key: tuple[object, ...], count: int) -> None:
    named = dict(zip(("received_on", "about", "provider", "kind", "bounce"), key, strict=True))
    db.insert_new(session, DeliveryEventSum, [{**named, "count": 0}])
    same = (getattr(DeliveryEventSum, name) == value for name, value in named.items())
    session.execute(update(DeliveryEventSum).where(*same).values(count=DeliveryEventSum.count + count))
