"""A reader signs in by the link in the mail, changes the hour, pauses, resumes and signs out: in Chromium, on a phone."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from email import message_from_bytes, policy
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from sqlalchemy import select
from werkzeug.serving import make_server

from newsletter import clock, db
from newsletter.app import create_app
from newsletter.db.models import SignIn, Subscriber
from newsletter.delivery import notices
from newsletter.issues.service import IssueService
from newsletter.settings import Settings
from newsletter.subscribers import pending_requests
from newsletter.subscribers.notice_slots import slots_for
from newsletter.web.http import bot_timing
from newsletter.web.services import KEY
from tests.axe import violations
from tests.browsing import follow
from tests.conftest import MORNING
from tests.subscribers.readers import make_reader

pytestmark = pytest.mark.browser
PHONE = {"width": 375, "height": 720}
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@dataclass
class Site:
    """The site on a port of its own, and the mail it keeps."""

    service: IssueService

    def mail(self) -> str:
        """Send what is due; the words of the one mail in the outbox."""
        service = self.service
        pending_requests.run(service.sessions, service.settings, clock=service.clock)
        notices.run(
            service.sessions,
            service.provider,
            settings=service.settings,
            links=service.links,
            now=service.clock,
            slots_for=slots_for(service.tokens, service.links),
        )
        (path,) = Path(service.settings.OUTBOX_DIR).glob("*.eml")
        part = message_from_bytes(path.read_bytes(), policy=policy.default).get_body(("plain",))
        assert part is not None
        return str(part.get_content())

    def reader(self) -> Subscriber:
        with db.reading(self.service.sessions) as session:
            return session.scalars(select(Subscriber)).one()

    def signed_in(self) -> int:
        """How many Sign-ins hold."""
        with db.reading(self.service.sessions) as session:
            return len(session.scalars(select(SignIn.id).where(SignIn.revoked_at.is_(None))).all())


@pytest.fixture
def online(
    make_settings: Callable[..., Settings], sessions: db.Sessions, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Site]:
    monkeypatch.setattr(bot_timing, "SHORTEST_FILL", timedelta(0))  # this clock stands still
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    make_reader(sessions, MORNING)
    app = create_app(
        make_settings(SITE_URL=f"http://127.0.0.1:{port}"), sessions=sessions, clock=clock.fixed(MORNING)
    )
    server = make_server("127.0.0.1", port, app, threaded=True)
    Thread(target=server.serve_forever, daemon=True).start()
    yield Site(app.extensions[KEY].issues)
    server.shutdown()
    server.server_close()


@pytest.fixture(params=[True, False], ids=["script", "no-script"])
def phone(chromium: Any, request: pytest.FixtureRequest) -> Iterator[Any]:
    context = chromium.new_context(viewport=PHONE, java_script_enabled=request.param, reduced_motion="reduce")
    page = context.new_page()
    page.set_default_timeout(5000)
    page.has_script = request.param
    yield page
    context.close()


def _looked_at(page: Any) -> str:
    """The heading of a page in which axe finds no fault and nothing is wider than the phone (axe needs scripts itself)."""
    if page.has_script:
        found = violations(page, {"runOnly": {"type": "tag", "values": WCAG}})
        assert not [(page.url, v["id"], v["nodes"][0]["html"][:120]) for v in found]
        wider = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wider == 0, page.url
    return str(page.locator("h1").inner_text())


def _press(page: Any, words: str) -> str:
    follow(page, page.get_by_role("button", name=words, exact=True))
    return _looked_at(page)


def test_from_the_mailed_link_to_signing_out(phone: Any, online: Site) -> None:
    phone.goto(f"{online.service.settings.SITE_URL}/")
    follow(phone, phone.get_by_role("link", name="Your account"))
    assert _looked_at(phone) == "Sign in"
    phone.get_by_label("Your email address").fill("ann@example.com")
    assert _press(phone, "Email me a sign-in link") == "Check your email"

    link = re.search(r"http://127\.0\.0\.1:\d+/signin/[\w.-]+", online.mail())
    assert link
    phone.goto(link[0])
    assert _looked_at(phone) == "Sign in"
    assert online.signed_in() == 0  # looking is not signing in: scanners of mail look too
    assert _press(phone, "Sign me in") == "Your account"
    assert online.signed_in() == 1
    assert phone.evaluate("document.cookie") == ""  # nothing of it is for scripts

    phone.get_by_label("In my inbox at").select_option("21")
    phone.get_by_label("Pause until").fill("2026-03-20")
    assert _press(phone, "Save") == "Your account"
    assert phone.get_by_role("status").inner_text() == "Saved, starting with your next issue."
    assert "paused until Friday, 20 March 2026" in phone.locator("main").inner_text()
    reader = online.reader()
    assert (reader.hour, reader.paused_until) == (21, MORNING.date() + timedelta(days=18))
    _press(phone, "Resume now")
    reader = online.reader()
    assert (reader.hour, reader.paused_until) == (21, None)

    assert _press(phone, "Delete my account") == "Your account"  # without the tick nothing is erased
    assert "tick the box" in phone.get_by_role("alert").inner_text()
    _press(phone, "Sign out")
    assert online.signed_in() == 0
    phone.goto(f"{online.service.settings.SITE_URL}/account")
    assert _looked_at(phone) == "Sign in"
    phone.goto(link[0])
    assert _looked_at(phone) == "This link has expired"
