"""The plan of one reader as the pages show it, computed by ``subscribers`` and ``billing``."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import object_session

from newsletter.db.models import Subscriber, Subscription
from newsletter.subscribers.access import (
    COMP,
    PAST_DUE_GRACE,
    Access,
    Facts,
    access,
    charges_on,
    pays,
    trial_ends_at,
)
from newsletter.subscribers.unsubscribing.operator_suppressions import mail_stopped
from newsletter.web.services import services


@dataclass(frozen=True)
class Plan:
    """The plan of one reader: Trial, Subscription or comp, and whether mail reaches them."""

    access: Access
    trial_ends_at: datetime | None  # None without a running Trial
    agreement: Subscription | None  # with a processor, and in force
    comp: Subscription | None
    renews: bool
    grace_until: datetime | None  # access lasts until then after a failed payment; None without one
    mail_stopped: str  # why no mail can be sent to them; usually empty
    gets_mail: bool  # False in that case and after unsubscribing: then they can only read on the site
    zone: str  # the reader's own, in which the page writes all times


def plan_of(reader: Subscriber) -> Plan:
    """Return the plan of a reader, whose Session must be open."""
    site = services()
    now, agreements = site.now(), tuple(reader.subscriptions)
    facts = Facts(
        reader.trial_started_at, agreements, timedelta(days=site.settings.trial_days), site.settings.is_free
    )
    in_force = [a for a in agreements if pays(a, now=now) or charges_on(a)]
    ends_at = trial_ends_at(facts)
    from_processor = sorted((a for a in in_force if a.processor != COMP), key=lambda a: (charges_on(a), a.id))
    past_due_at = next((a.past_due_at for a in from_processor[-1:] if a.status == "past_due"), None)
    session = object_session(reader)
    stopped = mail_stopped(session, reader) if session else ""
    return Plan(
        access=access(facts, now=now),
        trial_ends_at=ends_at if ends_at is not None and ends_at > now else None,
        agreement=from_processor[-1] if from_processor else None,
        comp=next((a for a in in_force if a.processor == COMP), None),
        renews=any(charges_on(a) for a in in_force),
        grace_until=past_due_at + PAST_DUE_GRACE if past_due_at else None,
        mail_stopped=stopped,
        gets_mail=reader.unsubscribed_at is None and not stopped,
        zone=reader.zone,
    )
