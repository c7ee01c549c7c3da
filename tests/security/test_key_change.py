"""After a stolen SECRET_KEY is replaced its signatures are worthless except for unsubscribing, and hashed addresses are still found."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import select

from newsletter import clock, db
from newsletter.app import create_app
from newsletter.db.models import Subscriber
from newsletter.settings import Settings
from newsletter.subscribers.tokens import CHECKOUT, CONFIRM, DESK, SIGNIN, UNSUBSCRIBE
from newsletter.subscribers.why import why
from tests.subscribers.readers import KEY, link_for, make_reader


def test_after_a_change_of_keys_old_mail_still_unsubscribes_and_signs_nobody_in(
    make_settings: Callable[..., Settings], each_sessions: db.Sessions, now: datetime
) -> None:
    """A stolen key is replaced: who was suppressed under the old one still is, and its forged sign-ins are worthless."""
    old = make_settings()
    new = make_settings(
        SECRET_KEY="another-key-of-32-letters-or-more-for-tests",
        SECRET_KEYS_BEFORE=KEY,
    )
    reader = make_reader(each_sessions, now)
    before, after = (
        create_app(s, sessions=each_sessions, clock=clock.fixed(now)).test_client() for s in (old, new)
    )
    link = f"/unsubscribe/{link_for(reader, UNSUBSCRIBE, now)}"
    paths = {SIGNIN: "signin", DESK: "desk/signin", CONFIRM: "confirm", CHECKOUT: "checkout/for"}
    for purpose, path in paths.items():
        assert after.get(f"/{path}/{link_for(reader, purpose, now)}").status_code in (404, 410)
    assert (before.get(link).status_code, after.get(link).status_code) == (200, 200)
    assert after.post(link).status_code == 200
    with each_sessions() as session:
        assert "unsubscribed" in why(session, "ann@example.com", settings=new, now=now).sentence
        assert session.scalars(select(Subscriber.unsubscribed_at)).one() is not None
