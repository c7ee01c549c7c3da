"""Readers sign in by a mailed link that works once: no password to lose."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from newsletter import log
from newsletter.db import changed
from newsletter.db.models import Notice, SignIn, Subscriber
from newsletter.delivery import notices, states
from newsletter.settings import Settings
from newsletter.subscribers import rate_limits, signup
from newsletter.subscribers.addresses import AddressError, address_hash, normalise
from newsletter.subscribers.signup import subscriber_of
from newsletter.subscribers.tokens import LIVES, SIGNIN, Tokens, fingerprint, fresh_secret
from newsletter.subscribers.used_tokens import spend

_log = log.get("subscribers")

SIGNED_IN_FOR = timedelta(days=60)
ROTATED_AFTER = timedelta(
    days=1
)  # a secret that old is exchanged for a fresh one when its reader changes something
# How many mails strangers can cause. The links of a capped hour still work: who reads the mail is not shut out.
ONE_LINK_PER = timedelta(minutes=2)  # to one reader
LINKS_AN_HOUR = 6  # to one reader
LINKS_A_DAY = 20  # to one reader
MAILS_AN_HOUR = 2_000  # the whole site
_KIND = "signin"


def minutes_valid() -> int:
    """How long a sign-in link lives."""
    life = LIVES[SIGNIN]
    assert life is not None
    return int(life.total_seconds()) // 60


def ask_for_link(
    session: Session,
    address: str,
    *,
    settings: Settings,
    now: datetime,
    network: str | None = None,
    asked_at: datetime | None = None,
) -> None:
    """Mail a sign-in link, if the address is a confirmed reader's; else what a sign-up mails: a link to become one.

    So every address gets one mail, whoever owns it learns what they need, and who does not own it learns nothing. At most
    one mail in two minutes, however often somebody asks, and no more than the caps above. The caller commits.
    """
    try:
        address = normalise(address)
    except AddressError:
        return
    hashed = address_hash(settings.hash_key, address)
    reader = session.scalars(select(Subscriber).where(Subscriber.address_hash == hashed)).first()
    asked_at = asked_at or now
    if not rate_limits.knock(session, rate_limits.SIGNIN, network, settings=settings, now=asked_at):
        _log.warning("signin.capped", cap="network")
        return
    if reader is None or reader.confirmed_at is None:
        signup.ask(
            session,
            address,
            hour=None,
            zone="",
            settings=settings,
            now=now,
            network=network,
            came_from="signin",
            asked_at=asked_at,
        )
        return
    if capped := _capped(session, reader, now=now):
        _log.warning("signin.capped", cap=capped)
        return
    slot = int(now.timestamp() // ONE_LINK_PER.total_seconds())
    notices.queue(session, _KIND, key=f"{_KIND}:{reader.id}:{slot}", due_at=now, subscriber_id=reader.id)


def _capped(session: Session, reader: Subscriber, *, now: datetime) -> str | None:
    """The cap that is reached, as a word; None when a mail may go."""
    mails = select(func.count()).select_from(Notice).where(Notice.kind == _KIND)
    mine = mails.where(Notice.subscriber_id == reader.id)
    hour_ago = now - timedelta(hours=1)
    if (session.scalar(mine.where(Notice.due_at > hour_ago)) or 0) >= LINKS_AN_HOUR:
        return "hour"
    if (session.scalar(mine.where(Notice.due_at > now - timedelta(days=1))) or 0) >= LINKS_A_DAY:
        return "day"
    # All states, named so that the index on (state, due_at) serves.
    everywhere = mails.where(Notice.state.in_(states.STATES), Notice.due_at > hour_ago)
    return "site" if (session.scalar(everywhere) or 0) >= MAILS_AN_HOUR else None


def reader_in(session: Session, token: str, *, tokens: Tokens) -> Subscriber:
    """Whose sign-in link this is; nothing is spent. Raises ``TokenError``."""
    subject, _, _ = tokens.read(SIGNIN, token).rpartition(".")
    return subscriber_of(session, subject)


def sign_in(session: Session, token: str, *, tokens: Tokens, now: datetime, instead_of: str = "") -> str:
    """Spend the link and begin a Sign-in. Returns the secret for the cookie; only its hash is kept.

    ``instead_of`` is the secret this browser had before; it ends, so that a planted one is worth nothing. Raises
    ``TokenError`` when the link is not ours, too old, spent, or its reader is gone. The caller commits.
    """
    reader = reader_in(session, token, tokens=tokens)
    spend(session, token, now=now)
    if instead_of:
        sign_out(session, instead_of, now=now)
    secret = fresh_secret()
    session.add(
        SignIn(
            secret_hash=fingerprint(secret),
            subscriber_id=reader.id,
            began_at=now,
            expires_at=now + SIGNED_IN_FOR,
        )
    )
    return secret


def reader_of(session: Session, secret: str, *, now: datetime) -> Subscriber | None:
    """Who is signed in with this cookie; None when nobody (any more)."""
    if not secret:
        return None
    return session.scalars(
        select(Subscriber)
        .join(SignIn, SignIn.subscriber_id == Subscriber.id)
        .where(
            SignIn.secret_hash == fingerprint(secret), SignIn.revoked_at.is_(None), SignIn.expires_at > now
        )
    ).first()


def rotate(session: Session, secret: str, *, now: datetime) -> str | None:
    """A fresh secret for a Sign-in whose secret is old; the old one ends. None when it is young, or nobody's. The caller commits.

    The Sign-in itself lasts no longer than before.
    """
    kept = session.scalars(
        select(SignIn).where(SignIn.secret_hash == fingerprint(secret), SignIn.subscriber_id.is_not(None))
    ).first()
    if kept is None or kept.revoked_at is not None or now - kept.began_at < ROTATED_AFTER:
        return None
    fresh = fresh_secret()
    session.add(
        SignIn(
            secret_hash=fingerprint(fresh),
            subscriber_id=kept.subscriber_id,
            began_at=now,
            expires_at=kept.expires_at,
        )
    )
    kept.revoked_at = now
    return fresh


def signed_in(session: Session, subscriber_id: int, *, now: datetime) -> list[SignIn]:
    """The Sign-ins of this reader that hold, newest first."""
    return list(
        session.scalars(
            select(SignIn)
            .where(
                SignIn.subscriber_id == subscriber_id, SignIn.revoked_at.is_(None), SignIn.expires_at > now
            )
            .order_by(SignIn.began_at.desc(), SignIn.id.desc())
        )
    )


def sign_out_one(session: Session, subscriber_id: int, number: int, *, now: datetime) -> int:
    """End one Sign-in of this reader, by its number; 0 when it is not theirs or over. The caller commits."""
    return changed(
        session,
        update(SignIn)
        .where(SignIn.id == number, SignIn.subscriber_id == subscriber_id, SignIn.revoked_at.is_(None))
        .values(revoked_at=now),
    )


def sign_out(session: Session, secret: str, *, now: datetime) -> None:
    """End the one Sign-in with this secret. The caller commits."""
    session.execute(
        update(SignIn)
        .where(SignIn.secret_hash == fingerprint(secret), SignIn.subscriber_id.is_not(None))
        .where(SignIn.revoked_at.is_(None))
        .values(revoked_at=now)
    )


def sign_out_everywhere(session: Session, subscriber_id: int, *, now: datetime) -> int:
    """End every Sign-in of this reader; how many there were. The caller commits."""
    return changed(
        session,
        update(SignIn)
        .where(SignIn.subscriber_id == subscriber_id, SignIn.revoked_at.is_(None))
        .values(revoked_at=now),
    )
