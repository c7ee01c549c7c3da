"""Who is asking for a Story, and what the Meter says to that. Looking spends nothing."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Response, request
from sqlalchemy.orm import Session

from newsletter import db
from newsletter.subscribers import meter, operators, rate_limits
from newsletter.subscribers.access import Access
from newsletter.subscribers.meter import Allowance
from newsletter.subscribers.tokens import METER, TokenError, fresh_secret
from newsletter.web import desk_cookie
from newsletter.web.reader import current_reader
from newsletter.web.services import services

KEPT_FOR = 366 * 24 * 3600  # seconds the cookie lives, as long as its token


@dataclass(frozen=True)
class Seen:
    """What this request may see: everything, or what ``standing`` opens."""

    full: bool
    standing: Allowance | None  # None: not metered
    signed_in: bool


def cookie_name() -> str:
    """With https a name that browsers give to nobody but this very host."""
    return "__Host-meter" if services().settings.SITE_URL.startswith("https://") else "meter"


def look(story_id: int) -> Seen:
    """What this request may see of the Story."""
    here = services()
    number = _signed_in()
    with db.reading(here.sessions) as session:
        if operators.operator_of(session, desk_cookie.secret(), now=here.now()) is not None:
            return Seen(True, None, False)
        if number is not None:
            owed = meter.access_of(session, number, settings=here.settings, now=here.now())
            if owed in (Access.FULL, Access.TRIAL):
                return Seen(True, None, True)
        known = meter.reader_key(number) if number is not None else _cookie()
        stands = meter.allowance(session, known, story_id, settings=here.settings, now=here.now())
    return Seen(stands.opened, stands, number is not None)


def spend(story_id: int, answer: Response) -> bool:
    """Count the Story for whoever asks, if they are metered; who is not known yet gets a cookie in ``answer``.

    False when too many came from one network without a cookie: then nothing is counted and nothing opened.
    """
    if look(story_id).full:
        return True
    here = services()
    number = _signed_in()
    known = meter.reader_key(number) if number is not None else _cookie()
    if known is None:
        with here.sessions.begin() as session:
            network = rate_limits.network_of(request.remote_addr)
            if not rate_limits.hit(
                session, rate_limits.READ, network, settings=here.settings, now=here.now()
            ):
                return False
        known = fresh_secret()
        answer.set_cookie(
            cookie_name(),
            here.tokens.make(METER, known),
            max_age=KEPT_FOR,
            path="/",
            secure=here.settings.SITE_URL.startswith("https://"),
            httponly=True,
            samesite="Lax",
        )
    meter.open_story(here.sessions, known, story_id, settings=here.settings, now=here.now())
    return True


def carry_over(session: Session, number: int) -> None:
    """Let what this browser read before signing in count for its reader. The caller commits."""
    word = _cookie()
    if word is not None:
        here = services()
        meter.carry_over(session, word, number, settings=here.settings, now=here.now())


def _cookie() -> str | None:
    """The random word of a reader who is not signed in; None when they have none of ours."""
    try:
        return services().tokens.read(METER, request.cookies.get(cookie_name(), ""))
    except TokenError:
        return None


def _signed_in() -> int | None:
    """The Subscriber who is signed in on the site."""
    return current_reader(request)
