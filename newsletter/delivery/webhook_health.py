"""Whether we hear what the provider reports later: bounces, complaints, and the word that settles a doubt. Looks, and changes nothing."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, exists, func, select
from sqlalchemy.orm import Session

from newsletter.db.models import Delivery, DeliveryEvent, Issue
from newsletter.delivery import providers
from newsletter.delivery.states import ACCEPTED
from newsletter.settings import Settings

TIME_TO_BE_HEARD: Final = timedelta(minutes=30)  # of a mail that was accepted: delivered, deferred or bounced
HEARD_FROM: Final = 20  # mails; fewer say nothing
SILENT_BELOW: Final = 0.5  # of them heard of
LATELY: Final = timedelta(hours=24)
SAMPLE: Final = 500  # mails that are looked at


def unheard_because(settings: Settings) -> str | None:
    """Why bounces and complaints cannot reach us with these Settings, for the readiness page and the desk; None when they can."""
    if reason := providers.registered(settings).unheard_because(settings):
        return f"{reason} Bounces and complaints are not heard, and uncertain copies are not settled."
    return None


def silent_because(session: Session, settings: Settings, *, now: datetime) -> str | None:
    """Why the webhook is taken for silent although it is set up; None while it reports, or when too little went out to judge."""
    provider = providers.registered(settings)
    if not provider.reports_events or provider.unheard_because(settings):
        return None
    issue = session.scalars(
        select(Issue.id)
        .where(Issue.frozen_at > now - LATELY - timedelta(days=1), Issue.frozen_at <= now - TIME_TO_BE_HEARD)
        .order_by(Issue.frozen_at.desc())
        .limit(1)
    ).first()
    if issue is None:
        return None
    since, until = now - LATELY, now - TIME_TO_BE_HEARD
    judged, told = heard_of(
        session, provider.name, Delivery.issue_id == issue, Delivery.submitted_at.between(since, until)
    )
    if judged < HEARD_FROM or told >= SILENT_BELOW * judged:
        return None
    return (
        f"The webhook of {provider.title} is silent: of {judged} mails it took more than"
        f" {TIME_TO_BE_HEARD.seconds // 60} minutes ago, {judged - told} were never reported. Bounces and complaints are not heard."
        f" Check that its event webhook is on, points to {settings.SITE_URL.rstrip('/')}/webhooks/{provider.name} and is signed with"
        " the key that is set here."
    )


def heard_of(session: Session, provider: str, *which: ColumnElement[bool]) -> tuple[int, int]:
    """Of up to :data:`SAMPLE` accepted Deliveries: how many there are, and of how many the provider reported something."""
    accepted = select(Delivery.id).where(*which, Delivery.state == ACCEPTED, Delivery.provider == provider)
    some = accepted.limit(SAMPLE).subquery()
    judged = session.scalar(select(func.count()).select_from(some)) or 0
    word = exists().where(DeliveryEvent.delivery_id == some.c.id, DeliveryEvent.provider == provider)
    return judged, session.scalar(select(func.count()).select_from(some).where(word)) or 0
