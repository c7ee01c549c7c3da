"""A reader's whole life, on a clock that moves: lands, joins, reads, hits the meter, pays, changes the hour, pauses, cancels, leaves, comes back.

In a real Chromium: on a phone in the dark without scripts, and at a desk in the light with them.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from email import message_from_bytes, policy
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from sqlalchemy import select
from werkzeug.serving import make_server

from newsletter import db
from newsletter.app import create_app
from newsletter.billing import subscription_ledger
from newsletter.db.models import Read, Subscriber, Subscription
from newsletter.feeds import sample
from newsletter.issues.service import IssueService
from newsletter.jobs import pipeline
from newsletter.settings import Settings
from newsletter.web.services import KEY
from tests.axe import violations
from tests.browsing import follow
from tests.conftest import MORNING

pytestmark = pytest.mark.browser
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
DAY = timedelta(days=1)


class World:
    """The site on a port of its own, its clock, and the mail it keeps."""

    def __init__(self) -> None:
        self.now = MORNING
        self.read: set[str] = set()
        self.service: IssueService

    def later(self, by: timedelta) -> None:
        """Time passes; what is due then is done."""
        self.now += by
        for step in ("lapse", "settle"):
            self.step(step)

    def step(self, name: str) -> None:
        self.now += timedelta(seconds=2)
        parts = pipeline.Parts(self.service, sample.catalogue(), sample.fetcher(MORNING), is_sample=True)
        pipeline.run_step(parts, name, due_at=self.now)

    def mails(self) -> list[tuple[str, str]]:
        """Subject and words of what came since the last look."""
        fresh = []
        for path in sorted(Path(self.service.settings.OUTBOX_DIR).glob("*.eml")):
            if path.name not in self.read:
                self.read.add(path.name)
                mail = message_from_bytes(path.read_bytes(), policy=policy.default)
                part = mail.get_body(("plain",))
                assert part is not None
                fresh.append((str(mail["Subject"]), str(part.get_content())))
        return fresh

    def one(self, table: Any) -> Any:
        with db.reading(self.service.sessions) as session:
            return session.scalars(select(table)).one()


@pytest.fixture
def world(make_settings: Callable[..., Settings], sessions: db.Sessions) -> Iterator[World]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    made = World()
    settings = make_settings(SITE_URL=f"http://127.0.0.1:{port}", APPROVAL="manual", FREE_STORIES=2)
    app = create_app(settings, sessions=sessions, clock=lambda: made.now)
    made.service = app.extensions[KEY].issues
    for step in ("gather", "group", "summarize", "compose", "check"):
        made.step(step)
    made.service.approve(MORNING.date(), by="test")
    server = make_server("127.0.0.1", port, app, threaded=True)
    Thread(target=server.serve_forever, daemon=True).start()
    yield made
    server.shutdown()
    server.server_close()


@pytest.fixture(
    params=[(375, "dark", False), (1280, "light", True)], ids=["phone-dark-no-script", "desk-light-script"]
)
def page(chromium: Any, request: pytest.FixtureRequest, world: World) -> Iterator[Any]:
    width, scheme, script = request.param
    context = chromium.new_context(
        viewport={"width": width, "height": 800},
        color_scheme=scheme,
        java_script_enabled=script,
        reduced_motion="reduce",
        base_url=world.service.settings.SITE_URL,
    )
    made = context.new_page()
    made.set_default_timeout(8000)
    made.has_script = script
    yield made
    context.close()


def _seen(page: Any) -> str:
    """The heading of a page in which axe finds no fault and nothing is wider than the window."""
    if page.has_script:
        found = violations(page, {"runOnly": {"type": "tag", "values": WCAG}})
        assert not [(page.url, v["id"], v["nodes"][0]["html"][:120]) for v in found]
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), page.url
    return str(page.locator("h1").inner_text())


def _open(page: Any, path: str) -> str:
    page.goto(path)
    return _seen(page)


def _press(page: Any, words: str | re.Pattern[str]) -> str:
    follow(page, page.get_by_role("button", name=words, exact=isinstance(words, str)).first)
    return _seen(page)


def _link(mail: tuple[str, str], path: str) -> str:
    found = re.search(rf"http://127\.0\.0\.1:\d+({re.escape(path)}[\w.%~-]*)", mail[1])
    assert found, mail
    return found[1]


def _sign_in(page: Any, world: World) -> None:
    _open(page, "/signin")
    page.get_by_label("Your email address").fill("ann@example.com")
    world.now += timedelta(seconds=3)
    assert _press(page, "Email me a sign-in link") == "Check your email"
    world.step("settle")
    (mail,) = world.mails()
    _open(page, _link(mail, "/signin/"))
    assert _press(page, "Sign me in") == "Your account"


def test_a_whole_life(page: Any, world: World) -> None:
    # Reads one Story that is free.
    _open(page, "/issues/latest")
    stories = [a.get_attribute("href") for a in page.locator(".brief h3 a").all()]
    _open(page, stories[0])
    assert page.locator("#article-1").count() == 1

    # Lands and joins. The form comes back faster than people type, is asked for again, and loses nothing.
    _open(page, "/")
    page.get_by_label("Your email address").first.fill("ann@example.com")
    _press(page, re.compile("Start my 7 free days"))
    assert "try once more" in page.get_by_role("alert").inner_text()
    world.now += timedelta(seconds=3)
    assert _press(page, re.compile("Start my 7 free days")) == "Check your email"
    world.step("settle")
    (asked,) = world.mails()
    world.later(2 * DAY)  # forgets it, and is reminded once
    (again,) = world.mails()
    assert again[0].startswith("Still want")
    assert world.one(Subscriber).confirmed_at is None
    _open(page, _link(asked, "/confirm/"))  # the older link still works: five days are left
    assert _press(page, "Confirm my subscription").startswith("Welcome")
    world.step("settle")
    assert [m[0].split()[0] for m in world.mails()] == ["Welcome"]

    # Confirming has signed this browser in; in the trial nothing is counted.
    _open(page, "/account")
    assert "Your free trial runs until" in page.locator("main").inner_text()
    _press(page, "Sign out")
    _sign_in(page, world)
    _open(page, stories[1])
    assert page.locator("#article-1").count() == 1
    assert "left this month" not in page.locator("main").inner_text()

    # The trial ends, announced twice; then the meter, on which the Story of before already stands.
    world.later(5 * DAY + timedelta(hours=1))
    world.later(2 * DAY)
    assert ["ends in 2 days" in m[0] or "has ended" in m[0] for m in world.mails()] == [True, True]
    _open(page, stories[1])
    _open(page, stories[2])
    locked = page.locator("main").inner_text()
    assert "You’ve reached your monthly limit" in locked
    assert page.locator("#article-1").count() == 0
    assert len(_reads(world)) == 3  # the browser's one, and two of hers

    # Pays, is read to, and finds it all in the account.
    follow(page, page.get_by_role("link", name=re.compile("Read on for")))
    _press(page, "Continue to payment")
    _press(page, re.compile("^Pay"))
    assert _open(page, stories[2])
    assert page.locator("#article-1").count() == 1
    world.step("settle")
    assert [m[0] for m in world.mails()] == ["Your Evenhand receipt: $5.00"]
    _open(page, "/account")
    page.get_by_label("In my inbox at").select_option("21")
    page.get_by_label("Health").check()
    page.get_by_label("Pause until").fill((world.now + 9 * DAY).date().isoformat())
    assert _press(page, "Save") == "Your account"
    assert "Your emails are paused" in page.locator("main").inner_text()
    _press(page, "Resume now")
    reader = world.one(Subscriber)
    assert (reader.hour, reader.topics, reader.paused_until) == (21, ["Health"], None)

    # Leaves, and ends the payment in the same step; is told so.
    _open(page, "/account")
    follow(page, page.get_by_role("link", name="Unsubscribe from emails"))
    assert _press(page, "Unsubscribe and cancel payment") == "You are unsubscribed"
    assert "You will not be charged again" in page.locator("main").inner_text()
    world.step("settle")
    assert [m[0] for m in world.mails()] == ["Your Evenhand subscription is canceled"]
    assert world.one(Subscription).cancel_at is not None
    assert world.one(Subscriber).unsubscribed_at is not None

    # Comes back for the mail, and later is forgotten for good.
    assert _press(page, "Resubscribe") == "Welcome back"
    assert world.one(Subscriber).unsubscribed_at is None
    world.later(31 * DAY)
    _open(page, "/account")
    page.get_by_label(re.compile("Delete my account, settings")).check()
    _press(page, "Delete my account")
    with db.reading(world.service.sessions) as session:
        assert session.scalars(select(Subscriber)).all() == []
        (month,) = subscription_ledger.months(
            session,
            first=MORNING.date(),
            last=MORNING.date(),
            settings=world.service.settings,
            now=_end_of(MORNING),
        )
    assert (month.trials, month.converted, month.paid_cents, month.mrr_cents) == (1, 1, 500, 0)


def _reads(world: World) -> list[Read]:
    with db.reading(world.service.sessions) as session:
        return list(session.scalars(select(Read)))


def _end_of(moment: datetime) -> datetime:
    return moment + 29 * DAY
