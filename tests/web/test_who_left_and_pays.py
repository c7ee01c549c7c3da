"""Pages for readers who unsubscribed: nothing there promises them mail, whatever became of their money."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask

from newsletter import db
from newsletter.db.models import Subscription
from newsletter.subscribers.tokens import CHECKOUT, SIGNIN, UNSUBSCRIBE, subject_of
from tests.subscribers.readers import make_reader, tokens_at
from tests.subscribers.test_signup import suppress

PAST_DUE = {"status": "past_due", "past_due_at": timedelta(days=-8)}
STANDINGS: dict[str, dict[str, Any] | None] = {
    "never paid": None,
    "pays": {"status": "active"},
    "cancelled": {"status": "active", "cancel_at": timedelta(days=9)},
    "card failed": PAST_DUE,
}


WHY = {"bounced": "turned our mail away", "complained": "reported as spam", "operator": "asked not to write"}


@pytest.mark.parametrize("reason", [*WHY, "unsubscribed"])
def test_who_cannot_be_mailed_is_told_so_and_why(
    make_site: Callable[..., Flask], sessions: db.Sessions, now: datetime, reason: str
) -> None:
    ann = make_reader(sessions, now, trial_started_at=now - timedelta(days=40), unsubscribed_at=now)
    suppress(sessions, ann.address, reason, now)
    browser = make_site().test_client()
    for purpose, path in ((SIGNIN, "/signin/"), (UNSUBSCRIBE, "/unsubscribe/")):
        token = tokens_at(now).make(
            purpose, subject_of(ann.id, ann.address_hash) + ".x" * (purpose == SIGNIN)
        )
        where = f"{path}{token}"
        given = re.findall(r'name="(form_token)" value="([^"]*)"', browser.get(where).text)
        said = browser.post(where if purpose == SIGNIN else f"{where}/undo", data=dict(given)).text
    assert ("We can’t email this address" in said) == (reason in WHY)
    assert WHY.get(reason, "Welcome back") in said
    for page in (browser.get("/account").text, browser.get("/checkout").text):
        assert WHY.get(reason, "") in page
        assert ("We can’t email" in page) == (reason in WHY)
        assert reason in WHY or "free edition each day" in page or "You get the shorter free edition" in page


@pytest.mark.parametrize("left", [True, False])
@pytest.mark.parametrize("standing", STANDINGS)
def test_mail_is_promised_to_those_alone_who_get_it(
    make_site: Callable[..., Flask], sessions: db.Sessions, now: datetime, standing: str, left: bool
) -> None:
    started = now - timedelta(days=40)
    ann = make_reader(sessions, now, trial_started_at=started, unsubscribed_at=now if left else None)
    facts = STANDINGS[standing]
    if facts is not None:
        moments = {k: now + v if isinstance(v, timedelta) else v for k, v in facts.items()}
        own = {"processor": "offline", "processor_id": "off_1", "started_at": started, "changed_at": now}
        with sessions.begin() as session:
            until = now + timedelta(days=9)
            session.add(Subscription(subscriber_id=ann.id, paid_until=until, **own, **moments))
    token = tokens_at(now).make(CHECKOUT, subject_of(ann.id, ann.address_hash))
    plan = make_site().test_client().get(f"/checkout/for/{token}").text
    promised = any(
        said in plan
        for said in ("you keep the free edition", "You get the free edition", "get the free edition each day")
    )
    assert promised == (not left and standing != "pays")
    if left and standing == "never paid":
        assert "You’re unsubscribed from emails" in plan
    if left and standing == "cancelled":
        assert "You can read everything on the site until" in plan
    if left and standing == "card failed":
        assert "The full edition comes back as soon as your card works again" in plan
