"""What time itself changes: Trials that end are announced, and what must not be kept is let go."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session, selectinload

from newsletter import db
from newsletter.circulation.access import pays
from newsletter.mailroom import notify
from newsletter.models import Subscriber
from newsletter.settings import Settings

ANNOUNCED_BEFORE = timedelta(days=2)  # a Trial's end
ANNOUNCED_FOR = timedelta(days=1)  # an end longer past than that is no news any more
UNCONFIRMED_KEPT = timedelta(days=30)
IP_KEPT = timedelta(days=90)


@dataclass(frozen=True)
class LapseReport:
    """What one run let go and announced."""

    trials_ending: int = 0
    trials_ended: int = 0
    unconfirmed_let_go: int = 0
    networks_forgotten: int = 0


def run(sessions: db.Sessions, settings: Settings, *, now: datetime) -> LapseReport:
    """Queue the trial notices that are due by now, and forget what is kept long enough. A second run changes nothing."""
    with sessions.begin() as session:
        trial = timedelta(days=settings.TRIAL_DAYS)
        return LapseReport(
            trials_ending=_announce(
                session, now - trial, now - trial + ANNOUNCED_BEFORE, days_left=2, now=now
            ),
            trials_ended=_announce(session, now - trial - ANNOUNCED_FOR, now - trial, days_left=0, now=now),
            unconfirmed_let_go=db.changed(
                session,
                delete(Subscriber).where(
                    Subscriber.confirmed_at.is_(None), Subscriber.asked_at < now - UNCONFIRMED_KEPT
                ),
            ),
            networks_forgotten=db.changed(
                session,
                update(Subscriber)
                .where(Subscriber.consent_ip.is_not(None), Subscriber.asked_at < now - IP_KEPT)
                .values(consent_ip=None),
            ),
        )


def _announce(session: Session, after: datetime, until: datetime, *, days_left: int, now: datetime) -> int:
    """One Notice to each reader whose Trial began in (after, until] and who wants mail and does not pay."""
    readers = session.scalars(
        select(Subscriber)
        .where(
            Subscriber.trial_started_at > after,
            Subscriber.trial_started_at <= until,
            Subscriber.confirmed_at.is_not(None),
            Subscriber.unsubscribed_at.is_(None),
        )
        .options(selectinload(Subscriber.subscriptions))
        .order_by(Subscriber.id)
    )
    return sum(
        notify.queue(
            session,
            "trial_ending",
            key=f"trial_ending:{reader.id}:{days_left}",
            due_at=now,
            subscriber_id=reader.id,
            values={"days_left": days_left},
        )
        for reader in readers
        if not any(pays(s, now=now) for s in reader.subscriptions)
    )
