"""Two invented readers for development, so that the first Issue has somebody to go to. Never in production."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import select, update

from newsletter import db
from newsletter.db.models import Subscriber
from newsletter.settings import Settings
from newsletter.subscribers.addresses import address_hash, person_hash

READERS = {"full.reader@example.com": "full", "metered.reader@example.com": "metered"}


def add_readers(sessions: db.Sessions, settings: Settings, *, now: datetime) -> int:
    """Add one reader in Trial and one metered when there are no Subscribers. Their hour is always now, so that they need not wait."""
    if settings.in_production or settings.MAIL_PROVIDER != "outbox":
        return 0
    key = settings.hash_key
    hour = now.astimezone(ZoneInfo(settings.EDITION_TZ)).hour
    with sessions.begin() as session:
        session.execute(update(Subscriber).where(Subscriber.address.in_(READERS)).values(hour=hour))
        if session.scalars(select(Subscriber.id).limit(1)).first() is not None:
            return 0
        for address, rendition in READERS.items():
            session.add(
                Subscriber(
                    address=address,
                    address_hash=address_hash(key, address),
                    person_hash=person_hash(key, address),
                    asked_at=now,
                    confirmed_at=now,
                    consent_from="development",
                    trial_started_at=now if rendition == "full" else None,
                    hour=hour,
                    zone=settings.EDITION_TZ,
                )
            )
    return len(READERS)
