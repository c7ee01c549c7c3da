"""What the pages show of one reader's plan, computed by ``subscribers`` and ``billing``."""

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
    """What the page shows of one reader's plan."""

    access: Access
    trial_ends_at: datetime | None  # None when no Trial runs
    agreement: Subscription | None  # with a processor, and in force
    comp: Subscription | None
    renews: bool
    grace_until: datetime | None  # until when a failed payment changes nothing; None unless one failed
    mail_stopped: str  # why no mail goes to them whatever they choose; usually empty
    gets_mail: (
        bool  # False in that case, and once they unsubscribed: then what they pay for is on the site only
    )
    zone: str  # the reader's own, in which all these moments are written


def plan_of(reader: Subscriber) -> Plan:
    """Needs the reader's Session to be open."""
    here = services()
    now, agreements = here.now(), tuple(reader.subscriptions)
    facts = Facts(reader.trial_started_at, agreements, timedelta(days=here.settings.TRIAL_DAYS))
    lasting = [a for a in agreements if pays(a, now=now) or charges_on(a)]
    ends_at = trial_ends_at(facts)
    theirs = sorted((a for a in lasting if a.processor != COMP), key=lambda a: (charges_on(a), a.id))
    owing = next((a.past_due_at for a in theirs[-1:] if a.status == "past_due"), None)
    session = object_session(reader)
    stopped = mail_stopped(session, reader) if session else ""
    return Plan(
        access=access(facts, now=now),
        trial_ends_at=ends_at if ends_at is not None and ends_at > now else None,
        agreement=theirs[-1] if theirs else None,
        comp=next((a for a in lasting if a.processor == COMP), None),
        renews=any(charges_on(a) for a in lasting),
        grace_until=owing + PAST_DUE_GRACE if owing else None,
        mail_stopped=stopped,
        gets_mail=reader.unsubscribed_at is None and not stopped,
        zone=reader.zone,
    )
