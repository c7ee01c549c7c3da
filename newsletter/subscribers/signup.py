"""Double opt-in: requesting the newsletter, and confirming the request."""

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
from newsletter.subscribers.preferences import known_zones
from newsletter.subscribers.tokens import CONFIRM, GoneToken, Tokens, number_in

_log = log.get("subscribers")

CONSENT_VERSION = "2026-11-23"  # changes whenever consent_words does
# Against list bombing: how many mails strangers can cause. The limits on a network are in ``rate_limits``.
ONE_MAIL_PER = timedelta(minutes=10)  # to one person
MAILS_A_DAY = 3  # to one person
MAILS_AN_HOUR = 2_000  # of the whole site
_REQUESTED = "ask:"  # prefix of the keys of Notices that anybody can cause by typing an address
_OWN_REASONS = ("unsubscribed", "erased")  # reasons of Suppressions that the person's own confirmation lifts


@dataclass(frozen=True)
class FormRequest:
    """What somebody typed into the form for signing up or in."""

    address: str
    hour: int | None = None  # local; None: the one they had, or six
    zone: str = ""  # IANA
    network: str | None = None  # from ``rate_limits.network_of``
    came_from: str = ""  # the page with the form
    asked_at: datetime | None = None  # when the form was sent; None: now


@dataclass(frozen=True)
class Confirmed:
    """The result of confirming."""

    subscriber: Subscriber
    first: bool  # this click confirmed; False when it was confirmed before
    trial: bool  # a Trial runs from now on
    welcomed: bool = False  # a welcome was queued


def consent_words(site_name: str) -> str:
    """The text that a person agrees to by signing up, exactly as shown; it is stored with their consent."""
    return (
        f"I want {site_name} by email, one issue a day, and mail about my subscription. "
        "I can unsubscribe with one click in every mail."
    )


def ask(session: Session, request: FormRequest, *, settings: Settings, now: datetime) -> None:
    """Record that somebody wants the newsletter, and queue at most one mail to them, whether the address is known or not.

    Settings and consent of who was confirmed before stay as they are until they confirm anew.

    Nothing that a stranger typed is repeated in that mail. Past a limit of the network or of the site the mail waits; past one of the
    person, or of :data:`rate_limits.LONGEST_WAIT`, the request is recorded and no mail is queued.
    Raises ``AddressError`` when the address is not one. The caller commits.
    """
    secret = settings.hash_key
    address = normalise(request.address)
    asked_at = request.asked_at or now
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
    booked = rate_limits.book(session, rate_limits.SIGNUP, request.network, settings=settings, now=asked_at)
    limit = _limit_reached(session, subscriber, now=now) if booked else "network"
    if (
        subscriber.confirmed_at is None
    ):  # what a confirmed reader agreed to, nobody changes by typing their address
        subscriber.asked_at = asked_at
        subscriber.consent_from = request.came_from[:40]
        subscriber.consent_ip = request.network
        subscriber.consent_words = consent_words(settings.SITE_NAME)
        subscriber.consent_version = CONSENT_VERSION
        if request.hour is not None:
            subscriber.hour = request.hour if 0 <= request.hour <= 23 else 6
            subscriber.zone = request.zone if request.zone in known_zones() else settings.EDITION_TZ
    if limit or booked is None:
        _log.warning("signup.limited", limit=limit)
        return
    due_at = max(now, booked) + _wait_of_site(session, now)
    slot = int(due_at.timestamp() // ONE_MAIL_PER.total_seconds())
    notices.queue(
        session,
        "already" if wanted else "confirm",
        key=f"{_REQUESTED}{subscriber.person_hash[:32]}:{slot}",
        due_at=due_at,
        subscriber_id=subscriber.id,
    )


def confirm(session: Session, token: str, *, tokens: Tokens, settings: Settings, now: datetime) -> Confirmed:
    """The second step of double opt-in: it completes the consent, starts a first Trial and queues the welcome.

    A second click changes nothing. Raises ``TokenError`` when the link is not ours or too old. The caller commits.
    """
    subscriber = subscriber_of(session, tokens.read(CONFIRM, token))
    # All rows of this person are locked, so that two spellings of an address confirmed at once start one Trial.
    same_person = session.scalars(
        select(Subscriber)
        .where(Subscriber.person_hash == subscriber.person_hash)
        .order_by(Subscriber.id)
        .with_for_update()
    ).all()
    session.refresh(subscriber)
    left_at = subscriber.unsubscribed_at
    asked_at = max(tokens.made_at(CONFIRM, token), subscriber.asked_at)
    left_later = left_at is not None and left_at.replace(microsecond=0) > asked_at
    if left_later or (subscriber.confirmed_at is not None and subscriber.unsubscribed_at is None):
        return Confirmed(subscriber, first=False, trial=False)
    first = subscriber.confirmed_at is None
    if not first:
        _come_back(subscriber, settings, now=now)
    subscriber.confirmed_at = now
    subscriber.unsubscribed_at = None
    lift_own_suppression(session, subscriber)
    fresh = all(s.trial_started_at is None for s in same_person) and not subscription_events.had_trial(
        session, subscriber
    )
    trial = fresh and settings.trial_days > 0
    if trial:
        subscriber.trial_started_at = now
        subscription_events.record_trial(session, subscriber, now=now)
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


def _come_back(subscriber: Subscriber, settings: Settings, *, now: datetime) -> None:
    """A reader who left confirms anew: the words on the page with the button are what they agree to. An old pause is over."""
    subscriber.asked_at = now
    subscriber.consent_from = "confirm"
    subscriber.consent_ip = None
    subscriber.consent_words = consent_words(settings.SITE_NAME)
    subscriber.consent_version = CONSENT_VERSION
    subscriber.paused_until = None


def subscriber_of(session: Session, subject: str) -> Subscriber:
    """The Subscriber that a token's subject names. Raises ``GoneToken`` when they were erased since."""
    number, beginning = number_in(subject)
    subscriber = session.get(Subscriber, number)
    if subscriber is None or not subscriber.address_hash.startswith(beginning):
        raise GoneToken("this link is for a reader who is no longer kept")
    return subscriber


def lift_own_suppression(session: Session, subscriber: Subscriber) -> None:
    """Delete a Suppression that the person caused by unsubscribing or erasure. Bounces and complaints stay."""
    row = session.scalars(
        select(Suppression).where(
            Suppression.address_hash == subscriber.address_hash, Suppression.reason.in_(_OWN_REASONS)
        )
    ).first()
    if row is not None:
        session.delete(row)


def _limit_reached(session: Session, subscriber: Subscriber, *, now: datetime) -> str | None:
    """The limit of a person that is reached, or "suppressed"; None when a mail may be queued."""
    reason = session.scalar(
        select(Suppression.reason).where(Suppression.address_hash == subscriber.address_hash)
    )
    if reason is not None and reason not in _OWN_REASONS:
        return "suppressed"
    to_person = session.scalar(
        select(func.count())
        .select_from(Notice)
        .join(Subscriber, Subscriber.id == Notice.subscriber_id)
        .where(
            Subscriber.person_hash == subscriber.person_hash,
            Notice.key.like(f"{_REQUESTED}%"),
            Notice.due_at > now - timedelta(days=1),
        )
    )
    if (to_person or 0) >= MAILS_A_DAY:
        return "person"
    return None


def _wait_of_site(session: Session, now: datetime) -> timedelta:
    """How long a mail waits so that the whole site sends at most :data:`MAILS_AN_HOUR` that strangers asked for."""
    hour_ago = now - timedelta(hours=1)
    everywhere = session.scalar(
        select(func.count())
        .select_from(Notice)
        # All states are named so that the index on (state, due_at) is used.
        .where(Notice.state.in_(states.STATES), Notice.due_at > hour_ago, Notice.key.like(f"{_REQUESTED}%"))
    )
    return timedelta(hours=(everywhere or 0) // MAILS_AN_HOUR)
