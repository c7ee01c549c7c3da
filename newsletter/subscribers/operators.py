"""Operators, who may open the desk: adding and removing them, and their sign-in by a link that works once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from newsletter import log
from newsletter.db import changed, insert_new
from newsletter.db.models import AuditEntry, Notice, Operator, SignIn
from newsletter.delivery import notices
from newsletter.errors import NotFound, Refused
from newsletter.links import Links
from newsletter.settings import Settings
from newsletter.subscribers import rate_limits
from newsletter.subscribers.addresses import AddressError, normalise
from newsletter.subscribers.signin import use_once
from newsletter.subscribers.tokens import DESK, MAX_AGE, ForgedToken, Tokens, fingerprint, fresh_secret

SIGNED_IN_FOR = timedelta(hours=12)
# Mails that strangers can cause to one Operator.
ONE_LINK_PER = timedelta(minutes=2)
LINKS_AN_HOUR = 6
LINKS_A_DAY = 30
_log = log.get("subscribers")
DUTIES = {
    "editor": "decides about issues",
    "manager": "decides about issues, readers and operators",
}


def minutes_valid() -> int:
    """How many minutes a sign-in link works."""
    max_age = MAX_AGE[DESK]
    assert max_age is not None
    return int(max_age.total_seconds()) // 60


def add(session: Session, address: str, *, now: datetime, by: str = "command line") -> Operator:
    """Add an Operator, or restore one that was removed; returns the one who has the address by now.

    Raises ``Refused`` when the address is not one. The caller commits.
    """
    try:
        address = normalise(address).lower()
    except AddressError as error:
        raise Refused(str(error)) from None
    new = insert_new(session, Operator, [{"address": address, "added_at": now, "duty": "manager"}])
    operator = session.scalars(select(Operator).where(Operator.address == address)).one()
    if new or operator.removed_at is not None:
        operator.removed_at = None
        session.add(
            AuditEntry(at=now, by=by, act="operator.added", about=f"operator:{operator.id}", detail={})
        )
    return operator


def remove(session: Session, address: str, *, now: datetime, by: str = "command line") -> Operator:
    """Forbid an Operator to sign in, and revoke their Sign-ins. Raises ``NotFound``, or ``Refused`` for the last manager.

    The caller commits.
    """
    operator = session.scalars(select(Operator).where(Operator.address == address.strip().lower())).first()
    if operator is None:
        raise NotFound("There is no operator with that address.")
    if operator.removed_at is None:
        _require_somebody_in_charge(session, operator)
        operator.removed_at = now
        sign_out_everywhere(session, operator, now=now)
        session.add(
            AuditEntry(at=now, by=by, act="operator.removed", about=f"operator:{operator.id}", detail={})
        )
    return operator


def give_duty(session: Session, operator: Operator, duty: str, *, now: datetime, by: str) -> None:
    """Make an Operator an editor or a manager. Raises ``Refused`` when no manager would be left. The caller commits."""
    if duty not in DUTIES:
        raise Refused("There is no such duty.")
    if duty == operator.duty:
        return
    if duty != "manager":
        _require_somebody_in_charge(session, operator)
    operator.duty = duty
    about = f"operator:{operator.id}"
    session.add(AuditEntry(at=now, by=by, act="operator.given_duty", about=about, detail={"duty": duty}))


def _require_somebody_in_charge(session: Session, operator: Operator) -> None:
    """Raise ``Refused`` when ``operator`` is the only manager: nobody could add Operators any more."""
    others = select(func.count()).select_from(Operator)
    others = others.where(
        Operator.id != operator.id, Operator.removed_at.is_(None), Operator.duty == "manager"
    )
    if operator.duty == "manager" and not session.scalar(others):
        raise Refused("There must be a manager: name another one first.")


def signin_link(operator: Operator, *, tokens: Tokens, links: Links) -> str:
    """A new address that signs this Operator in once, within :func:`minutes_valid`. The Operator must have an id (be flushed)."""
    # The salt makes two links of the same second differ, so that each works once.
    return links.desk_signin(tokens.make(DESK, f"{operator.id}.{fresh_secret()[:16]}"))


def ask_for_link(
    session: Session, address: str, *, settings: Settings, now: datetime, network: str | None = None
) -> None:
    """Queue a mail with a sign-in link if the address is an Operator's or named in ``OPERATORS``; the caller cannot tell.

    A stranger who asks in an Operator's name fills that mailbox with at most :data:`LINKS_AN_HOUR` and :data:`LINKS_A_DAY`. Each of those
    links works, and ``operator add`` on the server prints one at any time.
    """
    try:
        address = normalise(address).lower()
    except AddressError:
        return
    operator = session.scalars(select(Operator).where(Operator.address == address)).first()
    if operator is None and address in settings.operators:
        operator = add(session, address, now=now, by="settings")
    if operator is None or operator.removed_at is not None:
        return
    mine = (
        select(func.count())
        .select_from(Notice)
        .where(Notice.kind == "desk", Notice.operator_id == operator.id)
    )
    for most, window in ((LINKS_AN_HOUR, timedelta(hours=1)), (LINKS_A_DAY, timedelta(days=1))):
        if (session.scalar(mine.where(Notice.due_at > now - window)) or 0) >= most:
            _log.warning("desk.signin_limited", operator_id=operator.id)
            return
    if not rate_limits.hit(session, rate_limits.SIGNIN, network, settings=settings, now=now):
        _log.warning("desk.signin_limited", limit="network")
        return
    slot = int(now.timestamp() // ONE_LINK_PER.total_seconds())
    notices.queue(session, "desk", key=f"desk:{operator.id}:{slot}", due_at=now, operator_id=operator.id)


def on_duty(session: Session, settings: Settings, *, now: datetime) -> list[Operator]:
    """All Operators who may sign in, those named in ``OPERATORS`` included, which are added if need be. The caller commits."""
    known = {o.address: o for o in session.scalars(select(Operator).order_by(Operator.id))}
    for address in settings.operators:
        if address not in known:
            known[address] = add(session, address, now=now, by="settings")
    return [o for o in known.values() if o.removed_at is None]


def sign_in(session: Session, token: str, *, tokens: Tokens, now: datetime) -> str:
    """Use the link up and begin a Sign-in. Returns the secret for the cookie, of which only a hash is stored.

    Raises ``TokenError`` when the link is not ours, too old or used, or its Operator was removed. The caller commits.
    """
    operator = operator_in(session, token, tokens=tokens)
    use_once(session, token, now=now)
    secret = fresh_secret()
    session.add(
        SignIn(
            secret_hash=fingerprint(secret),
            operator_id=operator.id,
            began_at=now,
            expires_at=now + SIGNED_IN_FOR,
        )
    )
    session.add(AuditEntry(at=now, by=f"operator:{operator.id}", act="operator.signed_in", detail={}))
    return secret


def operator_in(session: Session, token: str, *, tokens: Tokens) -> Operator:
    """The Operator of this sign-in link, without using it up. Raises ``TokenError``."""
    number, _, _ = tokens.read(DESK, token).partition(".")
    operator = session.get(Operator, int(number)) if number.isascii() and number.isdigit() else None
    if operator is None or operator.removed_at is not None:
        raise ForgedToken("this link is not for an operator")
    return operator


def operator_of(session: Session, secret: str, *, now: datetime) -> Operator | None:
    """The Operator who is signed in with this secret; None when nobody is (any more)."""
    if not secret:
        return None
    return session.scalars(
        select(Operator)
        .join(SignIn, SignIn.operator_id == Operator.id)
        .where(
            SignIn.secret_hash == fingerprint(secret),
            SignIn.revoked_at.is_(None),
            SignIn.expires_at > now,
            Operator.removed_at.is_(None),
        )
    ).first()


def sign_out(session: Session, secret: str, *, now: datetime, by: str = "") -> None:
    """Revoke the Sign-in with this secret; ``by`` is for the audit trail. The caller commits."""
    ended = changed(
        session,
        update(SignIn)
        .where(SignIn.secret_hash == fingerprint(secret), SignIn.revoked_at.is_(None))
        .values(revoked_at=now),
    )
    if ended and by:
        session.add(AuditEntry(at=now, by=by, act="operator.signed_out", detail={}))


def open_sign_ins(session: Session, *, now: datetime) -> Sequence[SignIn]:
    """The Sign-ins of all Operators that are neither revoked nor expired, newest first."""
    return session.scalars(
        select(SignIn)
        .join(Operator, Operator.id == SignIn.operator_id)
        .where(SignIn.revoked_at.is_(None), SignIn.expires_at > now, Operator.removed_at.is_(None))
        .order_by(SignIn.began_at.desc(), SignIn.id.desc())
    ).all()


def end_sign_in(session: Session, sign_in_id: int, *, now: datetime, by: str) -> None:
    """Revoke one Sign-in of an Operator by its id. Raises ``NotFound``. The caller commits."""
    row = session.get(SignIn, sign_in_id)
    if row is None or row.operator_id is None:
        raise NotFound("There is no such sign-in.")
    if row.revoked_at is None:
        row.revoked_at = now
        about = f"operator:{row.operator_id}"
        session.add(AuditEntry(at=now, by=by, act="operator.sign_in_ended", about=about, detail={}))


def sign_out_everywhere(session: Session, operator: Operator, *, now: datetime) -> None:
    """Revoke all Sign-ins of this Operator. The caller commits."""
    session.execute(
        update(SignIn)
        .where(SignIn.operator_id == operator.id, SignIn.revoked_at.is_(None))
        .values(revoked_at=now)
    )
