"""Double opt-in: asking for the newsletter, and confirming it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from newsletter import log
from newsletter.db import insert_new
from newsletter.db.models import Notice, Subscriber, Suppression
from newsletter.delivery import notices, states
from newsletter.settings import Settings
from newsletter.subscribers import rate_limits, subscription_events
from newsletter.subscribers.addresses import address_hash, normalise, person_hash
from newsletter.subscribers.local_hour import known_zones
from newsletter.subscribers.tokens import CONFIRM, GoneToken, Tokens, number_in

_log = log.get("subscribers")

CONSENT_VERSION = "2026-11-23"  # changes whenever consent_words does
# List-bombing caps: how many mails strangers can cause. Those on a network are in ``knocks``.
ONE_MAIL_PER = timedelta(minutes=10)  # to one person
MAILS_A_DAY = 3  # to one person
MAILS_AN_HOUR = 2_000  # the whole site
_ASKED = "ask:"  # begins the keys of mails that anybody can cause by typing an address
_RESUMABLE = ("unsubscribed", "erased")  # Suppressions that the person's own confirming lifts


@dataclass(frozen=True)
class Confirmed:
    """What confirming found. ``first``: it was this click that did it."""

    subscriber: Subscriber
    first: bool
    trial: bool  # a Trial runs from now
    welcomed: bool = False  # a welcome is on its way


def consent_words(site_name: str) -> str:
    """What a person agrees to by signing up, word for word; stored with their consent."""
    return (
        f"I want {site_name} by email, one issue a day, and mail about my subscription. "
        "I can unsubscribe with one click in every mail."
    )


def ask(
    session: Session,
    address: str,
    *,
    hour: int | None,
    zone: str,
    settings: Settings,
    now: datetime,
    network: str | None,
    came_from: str,
    asked_at: datetime | None = None,
) -> None:
    """Somebody asks for the newsletter at ``address``. Known or unknown, the outcome looks the same: at most one mail.

    Nothing a stranger typed is echoed in that mail. Past a cap the wish is kept and no mail is queued. ``hour`` None is
    as before, or six. ``network`` is as ``knocks.network_of`` writes it; ``asked_at`` is ``now`` unless the wish waited.
    Raises ``AddressError`` for what is no address. The caller commits.
    """
    secret = settings.hash_key
    address = normalise(address)
    asked_at = asked_at or now
    hashed = address_hash(secret, address)
    insert_new(
        session,
        Subscriber,
        [
            {
                "address": address,
                "address_hash": hashed,
                "person_hash": person_hash(secret, address),
                "asked_at": asked_at,
                "consent_from": "",
                "consent_words": "",
                "consent_version": "",
                "hour": 6,
                "zone": settings.EDITION_TZ,
                "cadence": "daily",
                "imported": False,
            }
        ],
    )
    subscriber = session.scalars(select(Subscriber).where(Subscriber.address_hash == hashed)).one()
    wanted = subscriber.confirmed_at is not None and subscriber.unsubscribed_at is None
    welcome = rate_limits.knock(session, rate_limits.SIGNUP, network, settings=settings, now=asked_at)
    capped = _capped(session, subscriber, now=now) if welcome else "network"
    if not wanted:
        subscriber.asked_at = asked_at
        subscriber.consent_from = came_from[:40]
        subscriber.consent_ip = network
        subscriber.consent_words = consent_words(settings.SITE_NAME)
        subscriber.consent_version = CONSENT_VERSION
        if hour is not None:
            subscriber.hour = hour if 0 <= hour <= 23 else 6
            subscriber.zone = zone if zone in known_zones() else settings.EDITION_TZ
    if capped:
        _log.warning("signup.capped", cap=capped)
        return
    slot = int(now.timestamp() // ONE_MAIL_PER.total_seconds())
    notices.queue(
        session,
        "already" if wanted else "confirm",
        key=f"{_ASKED}{subscriber.person_hash[:32]}:{slot}",
        due_at=now,
        subscriber_id=subscriber.id,
    )


def confirm(session: Session, token: str, *, tokens: Tokens, settings: Settings, now: datetime) -> Confirmed:
    """The second step: consent is complete, a first Trial starts, the welcome is queued. Pressing twice changes nothing.

    Raises ``TokenError`` for a link that is not ours or too old. The caller commits.
    """
    subscriber = subscriber_of(session, tokens.read(CONFIRM, token))
    # All of one person's rows are held, so that two spellings confirmed at once start one Trial.
    family = session.scalars(
        select(Subscriber)
        .where(Subscriber.person_hash == subscriber.person_hash)
        .order_by(Subscriber.id)
        .with_for_update()
    ).all()
    session.refresh(subscriber)
    left_later = subscriber.unsubscribed_at is not None and subscriber.unsubscribed_at > subscriber.asked_at
    if left_later or (subscriber.confirmed_at is not None and subscriber.unsubscribed_at is None):
        return Confirmed(subscriber, first=False, trial=False)
    first = subscriber.confirmed_at is None
    subscriber.confirmed_at = now
    subscriber.unsubscribed_at = None
    lift_own_suppression(session, subscriber)
    fresh = all(s.trial_started_at is None for s in family) and not subscription_events.had_trial(
        session, subscriber
    )
    trial = fresh and settings.TRIAL_DAYS > 0
    if trial:
        subscriber.trial_started_at = now
        subscription_events.note_trial(session, subscriber, now=now)
    if first:
        notices.queue(
            session,
            "welcome",
            key=f"welcome:{subscriber.id}",
            due_at=now,
            subscriber_id=subscriber.id,
            values={"trial": trial},
        )
    _log.info("signup.confirmed", subscriber_id=subscriber.id, trial=trial)
    return Confirmed(subscriber, first=True, trial=trial, welcomed=first)


def subscriber_of(session: Session, subject: str) -> Subscriber:
    """Whom a token's subject names. Raises ``GoneToken`` when they were erased since."""
    number, beginning = number_in(subject)
    subscriber = session.get(Subscriber, number)
    if subscriber is None or not subscriber.address_hash.startswith(beginning):
        raise GoneToken("this link is for a reader who is no longer kept")
    return subscriber


def lift_own_suppression(session: Session, subscriber: Subscriber) -> None:
    """Remove a Suppression that was the person's own wish. Bounces and complaints stay."""
    row = session.scalars(
        select(Suppression).where(
            Suppression.address_hash == subscriber.address_hash, Suppression.reason.in_(_RESUMABLE)
        )
    ).first()
    if row is not None:
        session.delete(row)


def _capped(session: Session, subscriber: Subscriber, *, now: datetime) -> str | None:
    """The cap that is reached, as a word; None when a mail may go."""
    reason = session.scalar(
        select(Suppression.reason).where(Suppression.address_hash == subscriber.address_hash)
    )
    if reason is not None and reason not in _RESUMABLE:
        return "suppressed"
    to_person = session.scalar(
        select(func.count())
        .select_from(Notice)
        .join(Subscriber, Subscriber.id == Notice.subscriber_id)
        .where(
            Subscriber.person_hash == subscriber.person_hash,
            Notice.key.like(f"{_ASKED}%"),
            Notice.due_at > now - timedelta(days=1),
        )
    )
    if (to_person or 0) >= MAILS_A_DAY:
        return "person"
    hour_ago = now - timedelta(hours=1)
    everywhere = session.scalar(
        select(func.count())
        .select_from(Notice)
        # All states, named so that the index on (state, due_at) serves.
        .where(Notice.state.in_(states.STATES), Notice.due_at > hour_ago, Notice.key.like(f"{_ASKED}%"))
    )
    return "site" if (everywhere or 0) >= MAILS_AN_HOUR else None
