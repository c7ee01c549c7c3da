"""Sign-in by a mailed link that works once. There are no passwords.

Operators sign in the same way (see ``operators.py``); the links that were used are kept here for both.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from newsletter import log
from newsletter.db import changed, insert_new
from newsletter.db.models import Notice, SignIn, Subscriber, UsedToken
from newsletter.delivery import notices, states
from newsletter.settings import Settings
from newsletter.subscribers import rate_limits, signup
from newsletter.subscribers.addresses import AddressError, address_hash, normalise
from newsletter.subscribers.signup import FormRequest, subscriber_of
from newsletter.subscribers.tokens import MAX_AGE, SIGNIN, TokenError, Tokens, fingerprint, fresh_secret

_log = log.get("subscribers")

SIGNED_IN_FOR = timedelta(days=60)
ROTATED_AFTER = timedelta(days=1)  # a secret that old is replaced when its reader changes something
# How many mails strangers can cause. Past a limit the links mailed before still work, so that no reader is locked out.
ONE_LINK_PER = timedelta(minutes=2)  # to one reader
LINKS_AN_HOUR = 6  # to one reader
LINKS_A_DAY = 20  # to one reader
MAILS_AN_HOUR = 2_000  # of the whole site
_KIND = "signin"


def minutes_valid() -> int:
    """How many minutes a sign-in link works."""
    max_age = MAX_AGE[SIGNIN]
    assert max_age is not None
    return int(max_age.total_seconds()) // 60


def use_once(session: Session, token: str, *, now: datetime) -> None:
    """Record that a link was used; the caller has read it and it is ours. Raises ``TokenError`` when it was used before.

    The caller commits.
    """
    if not insert_new(session, UsedToken, [{"token_hash": _token_hash(token), "used_at": now}]):
        raise TokenError("this link was used already")


def is_used(session: Session, token: str) -> bool:
    """Whether the link was used already."""
    return session.scalar(select(UsedToken.id).where(UsedToken.token_hash == _token_hash(token))) is not None


def _token_hash(token: str) -> str:
    """The fingerprint of the signed part alone: one signature has several spellings in base64, and each would be another link."""
    return fingerprint(token.rpartition(".")[0])


def ask_for_link(session: Session, request: FormRequest, *, settings: Settings, now: datetime) -> None:
    """Queue a mail with a sign-in link if the address is a confirmed reader's, else the mail that a sign-up would get.

    So every address gets one mail: its owner learns what they need, and nobody else learns whether the address is known. There is at
    most one mail in :data:`ONE_LINK_PER`, and no more than the limits above. Nothing happens for a text that is no address. The
    caller commits.
    """
    try:
        address = normalise(request.address)
    except AddressError:
        return
    hashed = address_hash(settings.hash_key, address)
    reader = session.scalars(select(Subscriber).where(Subscriber.address_hash == hashed)).first()
    asked_at = request.asked_at or now
    booked = rate_limits.book(session, rate_limits.SIGNIN, request.network, settings=settings, now=asked_at)
    if booked is None:
        _log.warning("signin.limited", limit="network")
        return
    if reader is None or reader.confirmed_at is None:
        signup.ask(
            session, replace(request, hour=None, zone="", came_from="signin"), settings=settings, now=now
        )
        return
    if limit := _limit_reached(session, reader, now=now):
        _log.warning("signin.limited", limit=limit)
        return
    due_at = max(now, booked)
    slot = int(due_at.timestamp() // ONE_LINK_PER.total_seconds())
    notices.queue(session, _KIND, key=f"{_KIND}:{reader.id}:{slot}", due_at=due_at, subscriber_id=reader.id)


def _limit_reached(session: Session, reader: Subscriber, *, now: datetime) -> str | None:
    """The limit that is reached; None when a mail may be queued."""
    mails = select(func.count()).select_from(Notice).where(Notice.kind == _KIND)
    mine = mails.where(Notice.subscriber_id == reader.id)
    hour_ago = now - timedelta(hours=1)
    if (session.scalar(mine.where(Notice.due_at > hour_ago)) or 0) >= LINKS_AN_HOUR:
        return "hour"
    if (session.scalar(mine.where(Notice.due_at > now - timedelta(days=1))) or 0) >= LINKS_A_DAY:
        return "day"
    # All states are named so that the index on (state, due_at) is used.
    everywhere = mails.where(Notice.state.in_(states.STATES), Notice.due_at > hour_ago)
    return "site" if (session.scalar(everywhere) or 0) >= MAILS_AN_HOUR else None


def reader_in(session: Session, token: str, *, tokens: Tokens) -> Subscriber:
    """The reader of this sign-in link, without using it up. Raises ``TokenError``."""
    subject, _, _ = tokens.read(SIGNIN, token).rpartition(".")
    return subscriber_of(session, subject)


def sign_in(session: Session, token: str, *, tokens: Tokens, now: datetime, instead_of: str = "") -> str:
    """Use the link up and begin a Sign-in. Returns the secret for the cookie, of which only a hash is stored.

    ``instead_of`` is the secret that this browser had before: its Sign-in ends, which defeats session fixation. Raises ``TokenError``
    when the link is not ours, too old or used, or its reader was erased. The caller commits.
    """
    reader = reader_in(session, token, tokens=tokens)
    use_once(session, token, now=now)
    return begin(session, reader.id, now=now, instead_of=instead_of)


def begin(session: Session, subscriber_id: int, *, now: datetime, instead_of: str = "") -> str:
    """Begin a Sign-in of a reader who has just proved that the address is theirs, as :func:`sign_in` does. The caller commits."""
    if instead_of:
        sign_out(session, instead_of, now=now)
    secret = fresh_secret()
    session.add(
        SignIn(
            secret_hash=fingerprint(secret),
            subscriber_id=subscriber_id,
            began_at=now,
            expires_at=now + SIGNED_IN_FOR,
        )
    )
    return secret


def reader_of(session: Session, secret: str, *, now: datetime) -> Subscriber | None:
    """The reader who is signed in with this secret; None when nobody is (any more)."""
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
    """Replace a secret that is older than :data:`ROTATED_AFTER`, and return the new one; None when it is younger or unknown.

    The new Sign-in expires when the old one would have. The caller commits.
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
    """The Sign-ins of this reader that are neither revoked nor expired, newest first."""
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
    """Revoke one Sign-in of this reader by its id; returns 0 when it is not theirs or has ended. The caller commits."""
    return changed(
        session,
        update(SignIn)
        .where(SignIn.id == number, SignIn.subscriber_id == subscriber_id, SignIn.revoked_at.is_(None))
        .values(revoked_at=now),
    )


def sign_out(session: Session, secret: str, *, now: datetime) -> None:
    """Revoke the Sign-in with this secret. The caller commits."""
    session.execute(
        update(SignIn)
        .where(SignIn.secret_hash == fingerprint(secret), SignIn.subscriber_id.is_not(None))
        .where(SignIn.revoked_at.is_(None))
        .values(revoked_at=now)
    )


def sign_out_everywhere(session: Session, subscriber_id: int, *, now: datetime) -> int:
    """Revoke every Sign-in of this reader, and return how many there were. The caller commits."""
    return changed(
        session,
        update(SignIn)
        .where(SignIn.subscriber_id == subscriber_id, SignIn.revoked_at.is_(None))
        .values(revoked_at=now),
    )
