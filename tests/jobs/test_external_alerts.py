"""Alerts and the heartbeat reach operators by another way than our own mail: here over HTTP, to a real server."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from sqlalchemy import select, update

from newsletter import db
from newsletter.db.models import Delivery, Issue, Notice
from newsletter.issues.service import IssueService
from newsletter.jobs import alerts, external_alerts
from tests.clocks import Hands
from tests.conftest import MORNING
from tests.delivery.mailing import frozen_issue
from tests.web.sample_site import service_with

pytestmark = pytest.mark.filterwarnings(
    "ignore:'imghdr':DeprecationWarning"
)  # apprise asks whether Python still has it


@dataclass
class Listener:
    """What was posted (alerts, as JSON) and asked (the heartbeat). ``status`` is its answer."""

    said: list[dict[str, Any]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    status: int = 200
    port: int = 0


@pytest.fixture
def listener() -> Iterator[Listener]:
    kept = Listener()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if kept.status == 200:
                kept.said.append(body)
            self._answer()

        def do_GET(self) -> None:
            kept.asked.append(self.path)
            self._answer()

        def _answer(self) -> None:
            self.send_response(kept.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    kept.port = server.server_address[1]
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield kept
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def service(
    sessions: db.Sessions,
    make_settings: Callable[..., Any],
    listener: Listener,
    monkeypatch: pytest.MonkeyPatch,
) -> IssueService:
    monkeypatch.setattr(external_alerts, "_not_before", 0.0)
    settings = make_settings(
        ALERT_URLS=f"json://127.0.0.1:{listener.port}/alerts",
        HEARTBEAT_URL=f"http://127.0.0.1:{listener.port}/beat",
        ALERT_WHEN_SENT="true",
    )
    return service_with(sessions, settings, Hands(MORNING))


def _hold(service: IssueService) -> None:
    with service.sessions.begin() as session:
        session.execute(update(Issue).values(state="held", hold_reason="too much went wrong: all of it"))


def test_an_alert_needs_no_operator_and_no_mail_and_comes_once_a_day(
    service: IssueService, listener: Listener
) -> None:
    frozen_issue(service.sessions, service.settings, 3)
    _hold(service)
    for _ in range(3):
        alerts.alert_about_state(service, MORNING)
    (said,) = [each["message"] for each in listener.said]
    assert said == "The issue of Monday, 2 March 2026 was stopped on its way: too much went wrong: all of it"
    with db.reading(service.sessions) as session:
        assert session.scalars(select(Notice)).all() == []


def test_what_was_not_heard_is_said_again_and_stops_nothing(
    service: IssueService, listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    listener.status = 503
    assert not external_alerts.send_alert(service, "x", "The relay refuses us.")
    listener.status = 200
    assert not external_alerts.send_alert(service, "x", "The relay refuses us."), "not at each tick"
    monkeypatch.setattr(external_alerts, "_not_before", 0.0)
    assert external_alerts.send_alert(service, "x", "The relay refuses us.")
    assert [each["message"] for each in listener.said] == ["The relay refuses us."]


def test_the_heart_beats_only_when_the_issue_went_out_to_everybody(
    service: IssueService, listener: Listener
) -> None:
    frozen_issue(service.sessions, service.settings, 3)
    external_alerts.report_dispatched(service, MORNING.date())
    assert (listener.asked, listener.said) == ([], [])
    with service.sessions.begin() as session:
        session.execute(update(Issue).values(state="dispatched"))
        session.execute(update(Delivery).values(state="accepted"))
    external_alerts.report_dispatched(service, MORNING.date())
    assert listener.asked == ["/beat"]
    (said,) = [each["message"] for each in listener.said]
    assert said == "The issue of Monday, 2 March 2026 went out: 3 of 3 copies were accepted."
    listener.status = 500
    external_alerts.report_dispatched(service, MORNING.date())  # nobody there: nothing is stopped
