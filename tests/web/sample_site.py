"""The sample edition, made and dispatched into a test's own database."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from html import unescape

from flask.testing import FlaskClient
from sqlalchemy import select

from newsletter import clock, db
from newsletter.cli import opening
from newsletter.clock import Clock
from newsletter.db.models import Issue
from newsletter.delivery import providers
from newsletter.issues.service import IssueService
from newsletter.jobs import pipeline
from newsletter.links import Links
from newsletter.settings import Settings
from newsletter.subscribers.tokens import Tokens

HOSTILE = '<script>alert(1)</script> {{ 7*7 }} %%unsubscribe_url%% "onload=x" </title>'


UNTIL_APPROVED = ("gather", "group", "summarize", "compose", "check", "approve")


def service_with(sessions: db.Sessions, settings: Settings, at: Clock) -> IssueService:
    """A pressroom under that clock."""
    return IssueService(
        settings=settings,
        sessions=sessions,
        clock=at,
        links=Links(settings.SITE_URL),
        tokens=Tokens(settings.signing_keys, clock=at),
        provider=providers.make(settings, now=at),
    )


def publish_sample(sessions: db.Sessions, settings: Settings, now: datetime) -> Issue:
    """Make, approve and dispatch the sample's Issue of the day, an hour before ``now``."""
    earlier = clock.fixed(now - timedelta(hours=1))
    parts = opening.open_sample(service_with(sessions, settings, earlier))
    for step in (*UNTIL_APPROVED, "dispatch"):
        pipeline.run_step(parts, step, due_at=earlier())
    with db.reading(sessions) as session:
        return session.scalars(select(Issue)).one()


def opened(browser: FlaskClient, address: str) -> str:
    """The Story's page, with its pictures loaded as a browser does."""
    page = browser.get(address).text
    if counting := re.search(r'<img src="([^"]+/shown\.svg\?seen=[^"]+)"', page):
        assert browser.get(unescape(counting[1])).status_code == 200
    return page
