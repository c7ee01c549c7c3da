"""What strangers ask for by typing an address: written down as it came, and granted a moment later by the next ``settle``.

Whether an address is known is looked up only then, so that the answer to a form says nothing of it, neither in its words
nor in its time: each form costs one row, for everybody the same.
"""

from __future__ import annotations

import threading
from contextlib import nullcontext
from datetime import datetime
from typing import Final

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from newsletter import db, log
from newsletter.clock import Clock
from newsletter.db.models import PendingRequest
from newsletter.settings import Settings
from newsletter.subscribers import operators, signin, signup
from newsletter.subscribers.addresses import normalise
from newsletter.subscribers.local_hour import known_zones
from newsletter.subscribers.rate_limits import network_of

SIGNUP: Final = "signup"
SIGNIN: Final = "signin"
AT_THE_DESK: Final = "desk"  # where a SIGNIN was asked for that means an Operator; all others mean readers
TOGETHER: Final = 20  # granted in one transaction: forms that come in meanwhile wait for its end on SQLite
_ONE_AT_A_TIME = threading.Lock()
_log = log.get("subscribers")


def keep(
    sessions: db.Sessions,
    kind: str,
    address: str,
    *,
    now: datetime,
    ip: str | None,
    hour: int | None = None,
    zone: str = "",
    came_from: str = "",
) -> None:
    """Write a PendingRequest down, at once and for good. Raises ``AddressError`` for what is no address."""
    wish = PendingRequest(
        kind=kind,
        address=normalise(address),
        hour=hour,
        zone=zone if zone in known_zones() else "",  # what else a stranger sends is not kept
        network=network_of(ip),
        came_from=came_from[:40],
        asked_at=now,
    )
    # In a rush the threads of one process take turns: SQLite's own way of waiting is to sleep, ever longer, until the write
    # lock happens to be free.
    turn = nullcontext() if db.has_server(sessions.kw["bind"]) else _ONE_AT_A_TIME
    with turn, sessions.begin() as session:
        session.add(wish)


def run(
    sessions: db.Sessions, settings: Settings, *, clock: Clock, stop: threading.Event | None = None
) -> int:
    """Grant what waits, oldest first; how many. Each goes with the transaction that grants it: never lost, never twice."""
    granted, last = 0, 0
    while not (stop and stop.is_set()):
        with db.reading(sessions) as session:  # most ticks end here, without the write lock
            if session.scalar(select(PendingRequest.id).where(PendingRequest.id > last).limit(1)) is None:
                return granted
        with sessions.begin() as session:
            waiting = (
                select(PendingRequest)
                .where(PendingRequest.id > last)
                .order_by(PendingRequest.id)
                .limit(TOGETHER)
            )
            wishes = session.scalars(db.skip_locked(db.dialect_of(session), waiting)).all()
            for wish in wishes:
                last = wish.id
                granted += _grant_safely(session, wish, settings, clock())
        if not wishes:
            return granted  # others have them in hand
    return granted


def _grant_safely(session: Session, wish: PendingRequest, settings: Settings, now: datetime) -> bool:
    """One that cannot be granted costs no other; it waits for the next time."""
    number = wish.id
    try:
        with session.begin_nested():
            _grant(session, wish, settings, now)
            session.delete(wish)
    except SQLAlchemyError as error:
        _log.error("wish.put_off", wish_id=number, error=type(error).__name__)
        return False
    return True


def _grant(session: Session, wish: PendingRequest, settings: Settings, now: datetime) -> None:
    if wish.kind == SIGNIN and wish.came_from == AT_THE_DESK:
        operators.ask_for_link(session, wish.address, settings=settings, now=now)
        return
    if wish.kind == SIGNIN:
        signin.ask_for_link(
            session, wish.address, settings=settings, now=now, asked_at=wish.asked_at, network=wish.network
        )
        return
    signup.ask(
        session,
        wish.address,
        hour=wish.hour,
        zone=wish.zone,
        settings=settings,
        now=now,
        asked_at=wish.asked_at,
        network=wish.network,
        came_from=wish.came_from,
    )
