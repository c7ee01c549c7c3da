"""Says whether the events that a provider reports (bounces, complaints, acceptance) reach us. Read-only."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, exists, func, select
from sqlalchemy.orm import Session

from newsletter.db.models import Delivery, DeliveryEvent, Issue
from newsletter.delivery import providers
from newsletter.delivery.states import ACCEPTED
from newsletter.settings import Settings

REPORT_TIME: Final = timedelta(
    minutes=30
)  # within which a provider reports an accepted mail as delivered, deferred or bounced
MIN_JUDGED: Final = 20  # accepted mails; with fewer nothing is concluded
MIN_REPORTED_SHARE: Final = 0.5  # of them reported; below it the webhook counts as silent
LOOK_BACK: Final = timedelta(hours=24)
SAMPLE_SIZE: Final = 500  # mails that are read, at most


def unheard_because(settings: Settings) -> str | None:
    """Return why bounces and complaints cannot reach us with these Settings, for the readiness page and the desk; None when they can."""
    if reason := providers.registered(settings).unheard_because(settings):
        return f"{reason} Bounces and complaints are not heard, and uncertain copies are not settled."
    return None


def silent_because(session: Session, settings: Settings, *, now: datetime) -> str | None:
    """Return why the webhook counts as silent although it is set up; None while it reports, or when too little went out to judge."""
    provider = providers.registered(settings)
    if not provider.reports_events or provider.unheard_because(settings):
        return None
    issue = session.scalars(
        select(Issue.id)
        .where(Issue.frozen_at > now - LOOK_BACK - timedelta(days=1), Issue.frozen_at <= now - REPORT_TIME)
        .order_by(Issue.frozen_at.desc())
        .limit(1)
    ).first()
    if issue is None:
        return None
    since, until = now - LOOK_BACK, now - REPORT_TIME
    judged, reported = count_reported(
        session, provider.name, Delivery.issue_id == issue, Delivery.submitted_at.between(since, until)
    )
    if judged < MIN_JUDGED or reported >= MIN_REPORTED_SHARE * judged:
        return None
    return (
        f"The webhook of {provider.title} is silent: of {judged} mails it took more than"
        f" {REPORT_TIME.seconds // 60} minutes ago, {judged - reported} were never reported. Bounces and complaints are not heard."
        f" Check that its event webhook is on, points to {settings.SITE_URL.rstrip('/')}/webhooks/{provider.name} and is signed with"
        " the key that is set here."
    )


def count_reported(session: Session, provider: str, *which: ColumnElement[bool]) -> tuple[int, int]:
    """Of up to :data:`SAMPLE_SIZE` accepted Deliveries: how many there are, and of how many the provider reported something."""
    accepted = select(Delivery.id).where(*which, Delivery.state == ACCEPTED, Delivery.provider == provider)
    some = accepted.limit(SAMPLE_SIZE).subquery()
    judged = session.scalar(select(func.count()).select_from(some)) or 0
    word = exists().where(DeliveryEvent.delivery_id == some.c.id, DeliveryEvent.provider == provider)
    return judged, session.scalar(select(func.count()).select_from(some).where(word)) or 0
