"""How much of a Story this request may see: the Meter, asked with the cookies of the request. Looking counts nothing."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Response, request
from sqlalchemy.orm import Session

from newsletter import db
from newsletter.subscribers import meter, operators, rate_limits
from newsletter.subscribers.access import Access
from newsletter.subscribers.meter import Allowance
from newsletter.subscribers.tokens import METER, TokenError, fresh_secret
from newsletter.web.http import cookies
from newsletter.web.reader import current_reader
from newsletter.web.services import services


@dataclass(frozen=True)
class StoryAccess:
    """What this request may see: everything, or what ``allowance`` opens."""

    full: bool
    allowance: Allowance | None  # None: not metered
    signed_in: bool


def story_access(story_id: int) -> StoryAccess:
    """What this request may see of the Story: operators and readers on a trial or a plan are not metered."""
    here = services()
    number = current_reader()
    with db.reading(here.sessions) as session:
        if operators.operator_of(session, cookies.OPERATOR.value(), now=here.now()) is not None:
            return StoryAccess(True, None, False)
        if number is not None:
            owed = meter.access_of(session, number, settings=here.settings, now=here.now())
            if owed in (Access.FULL, Access.TRIAL):
                return StoryAccess(True, None, True)
        known = meter.reader_key(number) if number is not None else _cookie_key()
        allowance = meter.allowance(session, known, story_id, settings=here.settings, now=here.now())
    return StoryAccess(allowance.opened, allowance, number is not None)


def count_read(story_id: int, response: Response) -> bool:
    """Count the Story for a metered reader; one who is not known yet gets a cookie in ``response``.

    Returns False when too many came from one network without a cookie: then nothing is counted and nothing opened.
    """
    if story_access(story_id).full:
        return True
    here = services()
    number = current_reader()
    known = meter.reader_key(number) if number is not None else _cookie_key()
    if known is None:
        with here.sessions.begin() as session:
            network = rate_limits.network_of(request.remote_addr)
            if not rate_limits.hit(
                session, rate_limits.READ, network, settings=here.settings, now=here.now()
            ):
                return False
        known = fresh_secret()
        cookies.METER.set(response, here.tokens.make(METER, known))
    meter.open_story(here.sessions, known, story_id, settings=here.settings, now=here.now())
    return True


def carry_over(session: Session, number: int) -> None:
    """Count what this browser read before signing in for Subscriber ``number``. The caller commits."""
    key = _cookie_key()
    if key is not None:
        here = services()
        meter.carry_over(session, key, number, settings=here.settings, now=here.now())


def _cookie_key() -> str | None:
    """The Meter's key for a reader who is not signed in; None without a valid cookie."""
    try:
        return services().tokens.read(METER, cookies.METER.value())
    except TokenError:
        return None
