"""The page after the button in the first mail: it promises what this reader gets, and nothing a second time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask

from newsletter import db
from newsletter.db.models import Issue
from newsletter.subscribers.tokens import CONFIRM
from tests.subscribers.readers import link_for, make_reader

DAY = timedelta(days=1)
FREE = "For 7 days you can read everything, free."


@pytest.mark.parametrize(
    ("was", "free", "welcome"),
    [
        ({"confirmed_at": None, "trial_started_at": None}, FREE, True),
        ({"trial_started_at": -40 * DAY, "unsubscribed_at": -9 * DAY}, "", False),
        (
            {"trial_started_at": -2 * DAY, "unsubscribed_at": -DAY},
            "Your free trial runs until 7 March 2026, 05:00 EST.",
            False,
        ),
    ],
    ids=["new", "back, the trial over", "back within the trial"],
)
def test_days_are_promised_to_those_alone_who_have_them(
    make_site: Callable[..., Flask],
    sessions: db.Sessions,
    now: datetime,
    was: dict[str, Any],
    free: str,
    welcome: bool,
) -> None:
    facts = {name: now + value if isinstance(value, timedelta) else value for name, value in was.items()}
    ann = make_reader(sessions, now, asked_at=now, **facts)
    path = f"/confirm/{link_for(ann, CONFIRM, now)}"
    done = make_site().test_client().post(path).text
    assert "Welcome to Evenhand" in done
    assert free in done
    assert ("free" in done.partition("standfirst")[2].partition("</p>")[0]) == bool(free)
    assert ("Reply “hi” to our welcome email" in done) == welcome


def test_the_address_to_remember_is_that_of_issues(
    make_site: Callable[..., Flask], sessions: db.Sessions, now: datetime
) -> None:
    ann = make_reader(sessions, now, asked_at=now, confirmed_at=None)
    site = make_site(MAIL_FROM="Evenhand <morning@example.com>", NOTICE_FROM="Evenhand <hello@example.com>")
    done = site.test_client().post(f"/confirm/{link_for(ann, CONFIRM, now)}").text
    assert "Add morning@example.com, where issues come from, to your contacts" in done
    assert "Reply" not in done


def test_confirming_signs_this_browser_in_and_nobody_else(
    make_site: Callable[..., Flask], sessions: db.Sessions, published: Issue, now: datetime
) -> None:
    """The link stays in a mail for days: who opens it later, or sends it from another site, is not signed in."""
    ann, bob = (
        make_reader(
            sessions, now, f"{name}@example.com", asked_at=now, confirmed_at=None, trial_started_at=None
        )
        for name in ("ann", "bob")
    )
    site = make_site()
    browser = site.test_client()
    path = f"/confirm/{link_for(ann, CONFIRM, now)}"
    assert browser.get("/account").status_code == 303
    done = browser.post(path, headers={"Origin": "http://127.0.0.1:8000"}).text
    assert 'href="/account">Account' in done
    assert f'href="/issues/{published.issued_on}">Read the latest issue' in done
    assert "ann@example.com" in browser.get("/account").text
    for other, way, headers in (
        (site.test_client(), path, {}),
        (site.test_client(), f"/confirm/{link_for(bob, CONFIRM, now)}", {"Sec-Fetch-Site": "cross-site"}),
    ):
        page = other.post(way, headers=headers)
        assert "Welcome to Evenhand" in page.text
        assert "Set-Cookie" not in page.headers
        assert 'href="/signin"' in page.text
