"""How much of a Story this request may see, according to the Meter and the cookies of the request.

Only :func:`count_read` counts a Read: the page's last picture asks for it once the page is shown."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from flask import Response, request
from sqlalchemy.orm import Session

from newsletter import db
from newsletter.issues import archive
from newsletter.subscribers import meter, operators, rate_limits, signup
from newsletter.subscribers.access import Access
from newsletter.subscribers.meter import Allowance
from newsletter.subscribers.tokens import METER, READING, TokenError, fresh_secret
from newsletter.web.http import cookies
from newsletter.web.reader import current_reader
from newsletter.web.services import services


@dataclass(frozen=True)
class StoryAccess:
    """What this request may see: the full Story, or its public part."""

    full: bool
    allowance: Allowance | None  # None: not metered
    signed_in: bool
    crowded: bool = False  # too many readers without a cookie came from this network today

    @property
    def uncounted(self) -> bool:
        """Whether showing the full Story is a Read that is not counted yet."""
        return self.full and self.allowance is not None and not self.allowance.opened


def story_access(story_id: int) -> StoryAccess:
    """Return what this request may see of the Story. Nobody is metered where nothing is sold; operators and readers
    with a Trial or a plan never are."""
    site = services()
    subscriber_id = _reader(story_id)
    if site.settings.is_free:
        return StoryAccess(True, None, subscriber_id is not None)
    with db.reading(site.sessions) as session:
        if operators.operator_of(session, cookies.OPERATOR.value(), now=site.now()) is not None:
            return StoryAccess(True, None, False)
        if subscriber_id is not None:
            access = meter.access_of(session, subscriber_id, settings=site.settings, now=site.now())
            if access in (Access.FULL, Access.TRIAL):
                return StoryAccess(True, None, True)
        key = meter.reader_key(subscriber_id) if subscriber_id is not None else _cookie_key()
        allowance = meter.allowance(session, key, story_id, settings=site.settings, now=site.now())
        network = rate_limits.network_of(request.remote_addr)
        crowded = key is None and not rate_limits.has_room(
            session, rate_limits.READ, network, settings=site.settings, now=site.now()
        )
    full = allowance.opens and not crowded
    return StoryAccess(full, allowance, subscriber_id is not None, crowded)


def count_read(story_id: int, response: Response) -> None:
    """Count a Read of the Story for a metered reader; a reader without a cookie gets one in ``response``.

    Nothing is counted when too many requests without a cookie came from one network.
    """
    if not story_access(story_id).uncounted:
        return
    site = services()
    subscriber_id = _reader(story_id)
    key = meter.reader_key(subscriber_id) if subscriber_id is not None else _cookie_key()
    if key is None:
        with site.sessions.begin() as session:
            network = rate_limits.network_of(request.remote_addr)
            if not rate_limits.hit(
                session, rate_limits.READ, network, settings=site.settings, now=site.now()
            ):
                return
        key = fresh_secret()
        cookies.METER.set(response, site.tokens.make(METER, key))
    meter.open_story(site.sessions, key, story_id, settings=site.settings, now=site.now())


def _reader(story_id: int) -> int | None:
    """Return the id of the signed-in reader, or of the one whose mail pass is in the address, if that mail has this Story."""
    if (signed_in := current_reader()) is not None or not (mail_pass := request.args.get("pass", "")):
        return signed_in
    site = services()
    try:
        day, _, subject = site.tokens.read(READING, mail_pass).partition(".")
        with db.reading(site.sessions) as session:
            found = signup.subscriber_of(session, subject)
            told = archive.is_placed(session, story_id, date.fromisoformat(day))
    except (TokenError, ValueError):
        return None
    return found.id if told and found.confirmed_at is not None else None


def carry_over(session: Session, subscriber_id: int) -> None:
    """Count the Reads of this browser before signing in for Subscriber ``subscriber_id``. The caller commits."""
    key = _cookie_key()
    if key is not None:
        site = services()
        meter.carry_over(session, key, subscriber_id, settings=site.settings, now=site.now())


def _cookie_key() -> str | None:
    """Return the Meter's key of a reader who is not signed in, or None without a valid cookie."""
    try:
        return services().tokens.read(METER, cookies.METER.value())
    except TokenError:
        return None
