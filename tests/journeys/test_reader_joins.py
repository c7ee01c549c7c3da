"""A reader joins, gets the Issue, leaves, comes back and pays: in a real Chromium, on a phone, with scripts and without."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.client import HTTPConnection
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

import pytest
from sqlalchemy import select
from werkzeug.serving import make_server

from newsletter import clock, db
from newsletter.app import create_app
from newsletter.db.models import Subscriber, Subscription
from newsletter.feeds import sample
from newsletter.issues.service import IssueService
from newsletter.jobs import pipeline
from newsletter.settings import Settings
from newsletter.subscribers.tokens import CHECKOUT, subject_of
from newsletter.web.http import bot_timing
from newsletter.web.services import KEY
from tests.axe import violations
from tests.browsing import follow
from tests.conftest import MORNING

pytestmark = pytest.mark.browser
PHONE = {"width": 375, "height": 720}
ZONE, HOUR = "America/Chicago", "4"  # four o'clock there is MORNING: the copy is due at once
WITHOUT_SCRIPT_HOUR = "5"  # nobody tells the zone then, so the edition's own, New York, is taken
ADDRESS = "ann@example.com"
WCAG = {
    "runOnly": {
        "type": "tag",
        "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    }
}


@dataclass
class Site:
    """The site on a port of its own, with today's sample Issue approved, and the mail it keeps."""

    service: IssueService
    outbox: Path
    read: set[str] = field(default_factory=set)
    steps: int = 0

    @property
    def address(self) -> str:
        return self.service.settings.SITE_URL

    def step(self, name: str) -> None:
        """Run one Step now. A Run is recorded once a moment, so each comes a second after the last."""
        self.steps += 1
        due_at = MORNING - timedelta(minutes=1) + timedelta(seconds=self.steps)
        parts = pipeline.Parts(self.service, sample.catalogue(), sample.fetcher(MORNING), is_sample=True)
        pipeline.run_step(parts, name, due_at=due_at)

    def new_mail(self) -> EmailMessage:
        """The one mail that came since the last look."""
        (path,) = [p for p in self.outbox.glob("*.eml") if p.name not in self.read]
        self.read.add(path.name)
        mail = message_from_bytes(path.read_bytes(), policy=policy.default)
        assert isinstance(mail, EmailMessage)
        return mail

    def reader(self) -> Subscriber:
        with db.reading(self.service.sessions) as session:
            return session.scalars(select(Subscriber)).one()


@pytest.fixture
def online(
    make_settings: Callable[..., Settings], sessions: db.Sessions, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Site]:
    monkeypatch.setattr(bot_timing, "SHORTEST_FILL", timedelta(0))  # this clock stands still
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = make_settings(SITE_URL=f"http://127.0.0.1:{port}", APPROVAL="manual")
    app = create_app(settings, sessions=sessions, clock=clock.fixed(MORNING))
    site = Site(app.extensions[KEY].issues, Path(settings.OUTBOX_DIR))
    for step in ("gather", "group", "summarize", "compose", "check"):
        site.step(step)
    site.service.approve(MORNING.date(), by="test")
    server = make_server("127.0.0.1", port, app, threaded=True)
    Thread(target=server.serve_forever, daemon=True).start()
    yield site
    server.shutdown()
    server.server_close()


@pytest.fixture(params=[True, False], ids=["script", "no-script"])
def phone(chromium: Any, request: pytest.FixtureRequest) -> Iterator[Any]:
    """A phone's browser. Whatever it asks for, it asks this site only."""
    context = chromium.new_context(
        viewport=PHONE, java_script_enabled=request.param, timezone_id=ZONE, reduced_motion="reduce"
    )
    page = context.new_page()
    page.set_default_timeout(5000)
    asked: list[str] = []
    page.on("request", lambda r: asked.append(urlsplit(r.url).hostname or r.url))
    page.has_script = request.param
    yield page
    context.close()
    assert set(asked) == {"127.0.0.1"}


def _open_to_all(page: Any) -> None:
    """axe finds no fault and nothing is wider than the phone. (axe is a script itself: without scripts it cannot look.)"""
    if not page.has_script:
        return
    found = violations(page, WCAG)
    assert not [(page.url, v["id"], v["nodes"][0]["html"][:120]) for v in found]
    wider = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wider == 0, page.url


def _press(page: Any, words: str | re.Pattern[str]) -> str:
    """Press the button and look at the page it leads to; its heading."""
    follow(page, page.get_by_role("button", name=words).first)
    _open_to_all(page)
    return str(page.locator("h1").inner_text())


def _link(mail: EmailMessage, to: str) -> str:
    """The link in the mail's text that begins with ``to``."""
    part = mail.get_body(("plain",))
    assert part is not None
    found = re.search(re.escape(to) + r"[\w.%~-]+", part.get_content())
    assert found, part.get_content()
    return found[0]


def _one_click(url: str, method: str = "POST") -> int:
    """What a mail program does by RFC 8058: no cookie, no Origin, this body. The answer's status."""
    parts = urlsplit(url)
    connection = HTTPConnection(parts.hostname or "", parts.port, timeout=5)
    body = "List-Unsubscribe=One-Click" if method == "POST" else None
    connection.request(method, parts.path, body, {"Content-Type": "application/x-www-form-urlencoded"})
    status = connection.getresponse().status
    connection.close()
    return status


def test_from_the_front_page_to_a_paid_plan(phone: Any, online: Site) -> None:
    phone.goto(online.address)
    _open_to_all(phone)
    phone.get_by_label("Your email address").first.fill(ADDRESS)
    phone.get_by_label("In my inbox at").first.select_option(
        HOUR if phone.has_script else WITHOUT_SCRIPT_HOUR
    )
    assert _press(phone, re.compile("Start my 7 free days")) == "Check your email"

    online.step("settle")
    confirm = _link(online.new_mail(), f"{online.address}/confirm/")
    phone.goto(confirm)
    _open_to_all(phone)
    assert online.reader().confirmed_at is None  # looking is not confirming: scanners of mail look too
    assert _press(phone, "Confirm my subscription").startswith("Welcome to")
    joined = online.reader()
    assert joined.confirmed_at == MORNING
    phone.goto(f"{online.address}/account")  # confirming has signed this browser in
    assert phone.locator("h1").inner_text() == "Your account"
    assert joined.zone == (ZONE if phone.has_script else online.service.settings.EDITION_TZ)
    online.step("settle")
    assert online.new_mail()["To"] == ADDRESS  # the welcome

    online.step("dispatch")
    issue = online.new_mail()
    assert issue["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    leave = re.fullmatch(r"<(http[^>]+)>.*", str(issue["List-Unsubscribe"]))
    assert leave
    assert _one_click(leave[1], "GET") == 200
    assert online.reader().unsubscribed_at is None
    assert [_one_click(leave[1]), _one_click(leave[1])] == [200, 200]  # the second time too
    assert online.reader().unsubscribed_at == MORNING

    phone.goto(leave[1])
    _open_to_all(phone)
    assert phone.locator("h1").inner_text() == "You are unsubscribed"
    assert _press(phone, "Resubscribe") == "Welcome back"
    assert online.reader().unsubscribed_at is None
    phone.goto(_link(issue, f"{online.address}/unsubscribe/"))  # the link that people see
    _open_to_all(phone)
    assert _press(phone, "Unsubscribe") == "You are unsubscribed"
    assert online.reader().unsubscribed_at == MORNING
    assert _press(phone, "Resubscribe") == "Welcome back"

    token = online.service.tokens.make(CHECKOUT, subject_of(joined.id, joined.address_hash))
    phone.goto(f"{online.address}/checkout/for/{token}")
    _open_to_all(phone)
    assert "a month" in _press(phone, "Continue to payment")
    assert _press(phone, re.compile("declined")).startswith("Pay")
    assert "The card was declined." in phone.get_by_role("alert").inner_text()
    _press(phone, "Pay with a card that works")
    assert phone.locator("h1").inner_text() == "You have the full edition"
    with db.reading(online.service.sessions) as session:
        paid = session.scalars(select(Subscription)).one()
    assert (paid.subscriber_id, paid.processor, paid.status) == (joined.id, "offline", "trialing")
