"""Why a reader got the latest Issue or did not, in one sentence, from consent, deliverability and the ledger."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter import formatting
from newsletter.db.models import Delivery, DeliveryEvent, Issue, LeftOut, Subscriber, Suppression
from newsletter.settings import Settings
from newsletter.subscribers.addresses import address_hash, normalise

_LEFT_OUT = {
    "unconfirmed": "they had not confirmed",
    "unsubscribed": "they had unsubscribed",
    "suppressed": "the address is suppressed",
    "paused": "they had paused the mail",
    "weekly-not-today": "they read weekly and it was not their day",
    "other-topics": "none of its stories was on a topic they chose",
}


@dataclass(frozen=True)
class Answer:
    """``sentence`` is for people, the rest for programs. ``state`` is the Delivery's state, "left out" or "unknown"."""

    sentence: str
    state: str
    issued_on: str | None = None
    reason: str | None = None


def why(session: Session, address: str, *, settings: Settings, now: datetime) -> Answer:
    """What became of the latest Issue for this address. Raises ``AddressError`` when the text is not an address."""
    return why_by_hash(session, address_hash(settings.hash_key, normalise(address)), now=now)


def why_by_hash(session: Session, hashed: str, *, now: datetime) -> Answer:
    """As :func:`why`, by the keyed hash of the address: it works for stored addresses that would not be accepted today."""
    reader = session.scalars(select(Subscriber).where(Subscriber.address_hash == hashed)).one_or_none()
    suppression = session.scalars(select(Suppression).where(Suppression.address_hash == hashed)).one_or_none()
    if reader is None:
        if suppression is not None:
            return Answer(f"Nothing is sent: the address is suppressed ({suppression.reason}).", "unknown")
        return Answer("Nobody with this address ever signed up.", "unknown")
    issue = session.scalars(
        select(Issue).where(Issue.frozen_at.is_not(None)).order_by(Issue.issued_on.desc()).limit(1)
    ).one_or_none()
    if issue is None:
        return Answer(f"No issue has been dispatched yet; {_current_state(reader, suppression)}.", "unknown")
    day = issue.issued_on.isoformat()
    delivery = session.scalars(
        select(Delivery).where(Delivery.issue_id == issue.id, Delivery.address_hash == hashed)
    ).one_or_none()
    if delivery is not None:
        return Answer(_about_delivery(session, delivery, day, now), delivery.state, day, delivery.reason)
    left_out = session.scalars(
        select(LeftOut).where(LeftOut.issue_id == issue.id, LeftOut.subscriber_id == reader.id)
    ).one_or_none()
    if left_out is not None:
        because = _LEFT_OUT.get(left_out.reason, left_out.reason)
        return Answer(f"Left out of the issue of {day} because {because}.", "left out", day, left_out.reason)
    return Answer(
        f"Signed up after the audience of {day} was frozen; {_current_state(reader, suppression)}.",
        "unknown",
        day,
    )


def _about_delivery(session: Session, delivery: Delivery, day: str, now: datetime) -> str:
    at = formatting.utc_minute(delivery.settled_at or delivery.submitted_at or delivery.due_at)
    match delivery.state:
        case "pending":
            when = "is due now" if delivery.due_at <= now else f"is due at {at}"
            return f"The issue of {day} {when} and has not been handed over yet."
        case "submitting":
            return (
                f"The issue of {day} is being handed over to {delivery.provider or 'the provider'} right now."
            )
        case "accepted":
            event = session.scalars(
                select(DeliveryEvent)
                .where(DeliveryEvent.delivery_id == delivery.id)
                .order_by(DeliveryEvent.happened_at.desc())
                .limit(1)
            ).one_or_none()
            later = f"; later: {event.kind}" + (f" ({event.reason})" if event.reason else "") if event else ""
            return f"{delivery.provider} accepted the issue of {day} at {at}{later}."
        case "uncertain":
            return (
                f"The issue of {day} was handed over but the answer never came ({delivery.reason}): whether it arrived is "
                "not known. It waits for the provider's own report or an operator's word."
            )
        case _:
            return f"The issue of {day}: {delivery.state} at {at} because {delivery.reason or 'no reason was given'}."


def _current_state(reader: Subscriber, suppression: Suppression | None) -> str:
    if suppression is not None:
        return f"the address is suppressed ({suppression.reason})"
    if reader.unsubscribed_at is not None:
        return "they have unsubscribed"
    if reader.confirmed_at is None:
        return "they have not confirmed"
    return f"they are confirmed and read at {reader.hour:02d}:00 {reader.zone}"
