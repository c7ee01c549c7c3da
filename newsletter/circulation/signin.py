"""Readers sign in by a mailed link that works once: no password to lose."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from newsletter.circulation.addresses import AddressError, address_hash, normalise
from newsletter.circulation.signup import subscriber_of
from newsletter.circulation.tokens import LIVES, SIGNIN, TokenError, Tokens, fingerprint, fresh_secret
from newsletter.db import changed, insert_new
from newsletter.mailroom import notify
from newsletter.models import SignIn, SpentToken, Subscriber
from newsletter.settings import Settings

SIGNED_IN_FOR = timedelta(days=60)
ONE_LINK_PER = timedelta(minutes=2)  # asked for by mail


def minutes_valid() -> int:
    """How long a sign-in link lives."""
    life = LIVES[SIGNIN]
    assert life is not None
    return int(life.total_seconds()) // 60


def ask_for_link(session: Session, address: str, *, settings: Settings, now: datetime) -> None:
    """Mail a sign-in link, if the address is a confirmed reader's. Says nothing either way. The caller commits.

    At most one mail in two minutes, however often somebody asks.
    """
    try:
        hashed = address_hash(settings.SECRET_KEY.get_secret_value(), normalise(address))
    except AddressError:
        return
    reader = session.scalars(select(Subscriber).where(Subscriber.address_hash == hashed)).first()
    if reader is None or reader.confirmed_at is None:
        return
    slot = int(now.timestamp() // ONE_LINK_PER.total_seconds())
    notify.queue(session, "signin", key=f"signin:{reader.id}:{slot}", due_at=now, subscriber_id=reader.id)


def reader_in(session: Session, token: str, *, tokens: Tokens) -> Subscriber:
    """Whose sign-in link this is; nothing is spent. Raises ``TokenError``."""
    subject, _, _ = tokens.read(SIGNIN, token).rpartition(".")
    return subscriber_of(session, subject)


def is_spent(session: Session, token: str) -> bool:
    """Whether the link was used already."""
    return (
        session.scalar(select(SpentToken.id).where(SpentToken.token_hash == fingerprint(token))) is not None
    )


def sign_in(session: Session, token: str, *, tokens: Tokens, now: datetime, instead_of: str = "") -> str:
    """Spend the link and begin a Sign-in. Returns the secret for the cookie; only its hash is kept.

    ``instead_of`` is the secret this browser had before; it ends, so that a planted one is worth nothing. Raises
    ``TokenError`` when the link is not ours, too old, spent, or its reader is gone. The caller commits.
    """
    reader = reader_in(session, token, tokens=tokens)
    if not insert_new(session, SpentToken, [{"token_hash": fingerprint(token), "spent_at": now}]):
        raise TokenError("this link was used already")
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
