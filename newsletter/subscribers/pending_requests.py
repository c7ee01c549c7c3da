"""Sign-ups and sign-ins requested by typing an address: stored by the form, processed moments later by the next ``settle``.

Whether an address is known is looked up only then, so that neither the text nor the time of a form's answer tells: each form inserts
one row, for everybody the same.
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
from newsletter.subscribers.preferences import known_zones
from newsletter.subscribers.rate_limits import network_of

SIGNUP: Final = "signup"
SIGNIN: Final = "signin"
FROM_DESK: Final = "desk"  # ``came_from`` of a SIGNIN by an Operator; every other one is a reader's
BATCH_SIZE: Final = (
    20  # requests in one transaction; on SQLite a form that comes in meanwhile waits for its end
)
_SQLITE_WRITER = threading.Lock()
_log = log.get("subscribers")


def store(
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
    """Commit a request of ``kind`` (SIGNUP or SIGNIN). Raises ``AddressError`` when ``address`` is not an email address."""
    request = PendingRequest(
        kind=kind,
        address=normalise(address),
        hour=hour,
        zone=zone if zone in known_zones() else "",  # no other text of a stranger is stored
        network=network_of(ip),
        came_from=came_from[:40],
        asked_at=now,
    )
    # Under load the threads of one process take turns here: while it waits for the write lock, SQLite sleeps for ever longer times.
    turn = nullcontext() if db.has_server(sessions.kw["bind"]) else _SQLITE_WRITER
    with turn, sessions.begin() as session:
        session.add(request)


def run(
    sessions: db.Sessions, settings: Settings, *, clock: Clock, stop: threading.Event | None = None
) -> int:
    """Process what is pending, oldest first, and return how many requests were processed.

    A request is deleted in the transaction that acts on it: none is lost and none is done twice, whatever is killed.
    """
    processed, last = 0, 0
    while not (stop and stop.is_set()):
        with db.reading(sessions) as session:  # most runs end here, without taking the write lock
            if session.scalar(select(PendingRequest.id).where(PendingRequest.id > last).limit(1)) is None:
                return processed
        with sessions.begin() as session:
            waiting = select(PendingRequest).where(PendingRequest.id > last).order_by(PendingRequest.id)
            batch = session.scalars(db.skip_locked(db.dialect_of(session), waiting.limit(BATCH_SIZE))).all()
            for request in batch:
                last = request.id
                processed += _process_safely(session, request, settings, clock())
        if not batch:
            return processed  # another process has locked the rest
    return processed


def _process_safely(session: Session, request: PendingRequest, settings: Settings, now: datetime) -> bool:
    """Process one request in a savepoint; when it fails, it stays for the next run and the others are not affected."""
    number = request.id
    try:
        with session.begin_nested():
            _process(session, request, settings, now)
            session.delete(request)
    except SQLAlchemyError as error:
        _log.error("request.failed", request_id=number, error=type(error).__name__)
        return False
    return True


def _process(session: Session, request: PendingRequest, settings: Settings, now: datetime) -> None:
    if request.kind == SIGNIN and request.came_from == FROM_DESK:
        operators.ask_for_link(session, request.address, settings=settings, now=now)
        return
    wanted = signup.FormRequest(
        request.address,
        hour=request.hour,
        zone=request.zone,
        network=request.network,
        came_from=request.came_from,
        asked_at=request.asked_at,
    )
    if request.kind == SIGNIN:
        signin.ask_for_link(session, wanted, settings=settings, now=now)
    else:
        signup.ask(session, wanted, settings=settings, now=now)
