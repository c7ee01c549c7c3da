"""Sign-ups and sign-ins requested by typing an address: stored by the form, processed moments later by the next ``settle``.

Whether an address is known is looked up only then, so that neither the text nor the time of a form's answer tells: each form inserts
one row, for everybody the same.
"""

from __future__ import annotations

import threading
from contextlib import nullcontext
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from newsletter import db, log
from newsletter.clock import Clock
from newsletter.db.models import PendingRequest
from newsletter.errors import NewsletterError
from newsletter.settings import Settings
from newsletter.subscribers import operators, rate_limits, signin, signup
from newsletter.subscribers.addresses import normalise
from newsletter.subscribers.preferences import known_zones
from newsletter.subscribers.rate_limits import network_of

SIGNUP: Final = "signup"
SIGNIN: Final = "signin"
FROM_DESK: Final = "desk"  # ``came_from`` of a SIGNIN by an Operator; every other one is a reader's
BATCH_SIZE: Final = (
    20  # requests in one transaction; on SQLite a form that comes in meanwhile waits for its end
)
MOST_A_RUN: Final = 500  # requests in one run, so that a flood keeps no Issue waiting
MOST_WAITING: Final = 20_000  # requests of one kind
MOST_OF_NETWORK: Final = 60  # of these from one network
_SQLITE_WRITER = threading.Lock()
_log = log.get("subscribers")


class TooManyRequests(NewsletterError):
    """The request was not stored. The message is for the person who sent the form."""


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
    """Commit a request of ``kind`` (SIGNUP or SIGNIN). Raises ``AddressError`` when ``address`` is not an email address, and
    :class:`TooManyRequests` when too many of its kind or of its network wait already."""
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
        waiting = select(func.count()).where(PendingRequest.kind == kind)
        if (session.scalar(waiting) or 0) >= MOST_WAITING:
            raise TooManyRequests("We’re very busy right now. Please try again in a few minutes.")
        of_network = waiting.where(PendingRequest.network == request.network)
        if request.network and (session.scalar(of_network) or 0) >= MOST_OF_NETWORK:
            raise TooManyRequests(
                "Too many requests came from your network. Please try again in a few minutes."
            )
        session.add(request)


def wait(sessions: db.Sessions, settings: Settings, kind: str, *, now: datetime, ip: str | None) -> timedelta:
    """How long the mail of a request of this network waits, whatever its address. Raises :class:`TooManyRequests` when none is sent."""
    with db.reading(sessions) as session:
        free = rate_limits.free_at(session, kind, network_of(ip), settings=settings, now=now)
    if free is None:
        raise TooManyRequests("Too many requests came from your network today. Please try again tomorrow.")
    return free - now


def run(
    sessions: db.Sessions, settings: Settings, *, clock: Clock, stop: threading.Event | None = None
) -> int:
    """Process at most :data:`MOST_A_RUN` of what is pending, sign-ins first, oldest first, and return how many were processed.

    A request is deleted in the transaction that acts on it: none is lost and none is done twice, whatever is killed.
    """
    signins = _run_kind(sessions, settings, SIGNIN, MOST_A_RUN, clock=clock, stop=stop)
    return signins + _run_kind(sessions, settings, SIGNUP, MOST_A_RUN - signins, clock=clock, stop=stop)


def _run_kind(
    sessions: db.Sessions,
    settings: Settings,
    kind: str,
    most: int,
    *,
    clock: Clock,
    stop: threading.Event | None,
) -> int:
    processed, last = 0, 0
    while processed < most and not (stop and stop.is_set()):
        after = (PendingRequest.kind == kind, PendingRequest.id > last)
        with db.reading(sessions) as session:  # most runs end here, without taking the write lock
            if session.scalar(select(PendingRequest.id).where(*after).limit(1)) is None:
                return processed
        with sessions.begin() as session:
            waiting = select(PendingRequest).where(*after).order_by(PendingRequest.id)
            batch = session.scalars(
                db.skip_locked(db.dialect_of(session), waiting.limit(min(BATCH_SIZE, most - processed)))
            ).all()
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
        operators.ask_for_link(session, request.address, settings=settings, now=now, network=request.network)
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
