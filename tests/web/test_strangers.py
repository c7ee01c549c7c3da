"""Forms for anonymous readers give the same answer and do the same work for every address; bots are asked twice."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event, func, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from newsletter import clock, db
from newsletter.app import create_app
from newsletter.db.models import Issue, Notice, PendingRequest, RateLimitHit, Read, Subscriber
from newsletter.settings import Settings
from newsletter.subscribers import pending_requests, rate_limits, signup
from newsletter.subscribers.tokens import CONFIRM, subject_of
from tests.subscribers.readers import make_reader, tokens_at
from tests.web.sample_site import opened

FORMS = ["/signup", "/signin"]


@pytest.fixture
def moving_site(
    settings: Settings, each_sessions: db.Sessions, now: datetime
) -> Callable[[float], FlaskClient]:
    """The site so many seconds after ``now``."""
    moment = [now]
    app = create_app(settings, sessions=each_sessions, clock=lambda: moment[0])

    def at(seconds: float) -> FlaskClient:
        moment[0] = now + timedelta(seconds=seconds)
        return app.test_client()

    return at


def form_on(client: FlaskClient, path: str) -> dict[str, str]:
    page = client.get(path).text
    return dict(re.findall(r'<input[^>]*type="hidden"[^>]*name="([^"]+)"[^>]*value="([^"]*)"', page))


def waiting(sessions: db.Sessions) -> list[PendingRequest]:
    with db.reading(sessions) as session:
        return list(session.scalars(select(PendingRequest).order_by(PendingRequest.id)))


@pytest.mark.parametrize("path", FORMS)
def test_every_address_gets_the_same_bytes_and_the_same_statements(
    moving_site: Callable[[float], FlaskClient],
    each_sessions: db.Sessions,
    settings: Settings,
    now: datetime,
    path: str,
) -> None:
    make_reader(each_sessions, now)
    make_reader(each_sessions, now, "left@example.com", unsubscribed_at=now)
    make_reader(each_sessions, now, "waiting@example.com", confirmed_at=None)
    given = form_on(moving_site(0), path)
    answers, work = set(), set()
    for address in ("ann@example.com", "left@example.com", "waiting@example.com", "new@example.com"):
        said: list[str] = []
        engine = each_sessions.kw["bind"]
        listen = lambda *args: said.append(args[2])  # noqa: E731, B023
        event.listen(engine, "before_cursor_execute", listen)
        answer = moving_site(9).post(path, data={**given, "address": address})
        event.remove(engine, "before_cursor_execute", listen)
        answers.add((answer.status_code, answer.data, tuple(sorted(answer.headers))))
        work.add(tuple(said))
    assert len(answers) == len(work) == 1
    assert [w.address for w in waiting(each_sessions)][-1] == "new@example.com"
    assert pending_requests.run(each_sessions, settings, clock=clock.fixed(now + timedelta(seconds=20))) == 4
    assert waiting(each_sessions) == []
    with db.reading(each_sessions) as session:
        mailed = session.execute(
            select(Subscriber.address, func.count(Notice.id)).join(Notice).group_by(Subscriber.address)
        ).all()
    assert {tuple(line) for line in mailed} == {
        (f"{name}@example.com", 1) for name in ("ann", "left", "waiting", "new")
    }


@pytest.mark.parametrize("path", FORMS)
def test_who_is_quicker_than_people_is_asked_once_more_and_loses_nothing(
    moving_site: Callable[[float], FlaskClient], each_sessions: db.Sessions, path: str
) -> None:
    given = {**form_on(moving_site(0), path), "address": "ann@example.com"}
    for bad in (given["made"], "", "19c9", f"ffffffffff.{'0' * 24}", given["made"][:-1], "é.x"):
        again = moving_site(0.5).post(path, data={**given, "made": bad})
        assert (again.status_code, len(waiting(each_sessions))) == (422, 0)
        assert "Please try once more" in again.text
        assert 'value="ann@example.com"' in again.text
    shown = dict(re.findall(r'<input[^>]*type="hidden"[^>]*name="([^"]+)"[^>]*value="([^"]*)"', again.text))
    assert moving_site(4).post(path, data={**shown, "address": "ann@example.com"}).status_code == 200
    assert len(waiting(each_sessions)) == 1


@pytest.mark.parametrize("path", FORMS)
@pytest.mark.parametrize(
    "address",
    ["", "ann", "a\x00b@example.com", "ann@example.com\r\nBcc: bob@example.com", "a" * 300 + "@x.yz"],
)
def test_what_is_no_address_is_said_and_kept_nowhere(
    moving_site: Callable[[float], FlaskClient], each_sessions: db.Sessions, path: str, address: str
) -> None:
    given = form_on(moving_site(0), path)
    answer = moving_site(9).post(path, data={**given, "address": address, "zone": "x\x00y", "hour": "\x00"})
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text
    assert waiting(each_sessions) == []


def test_odd_zones_and_hours_are_not_kept(
    moving_site: Callable[[float], FlaskClient], each_sessions: db.Sessions
) -> None:
    given = form_on(moving_site(0), "/signup")
    for zone in ("x\x00y", "Mars/Olympus", "a" * 9000, "Europe/Berlin"):
        data = {**given, "address": "ann@example.com", "zone": zone, "hour": "٣", "came_from": "<script>"}
        assert moving_site(9).post("/signup", data=data).status_code == 200
    assert {(w.zone, w.hour, w.came_from) for w in waiting(each_sessions)} == {
        ("", 6, "other"),
        ("Europe/Berlin", 6, "other"),
    }


def test_the_trap_catches_in_silence(
    moving_site: Callable[[float], FlaskClient], each_sessions: db.Sessions
) -> None:
    given = form_on(moving_site(0), "/signup")
    good = moving_site(9).post("/signup", data={**given, "address": "ann@example.com"})
    trapped = moving_site(9).post("/signup", data={**given, "address": "bob@example.com", "website": "x"})
    assert (trapped.status_code, trapped.data) == (good.status_code, good.data)
    assert [w.address for w in waiting(each_sessions)] == ["ann@example.com"]


def test_the_pages_around_a_sign_up_tell_of_the_one_reminder(
    moving_site: Callable[[float], FlaskClient], each_sessions: db.Sessions, now: datetime
) -> None:
    given = form_on(moving_site(0), "/signup")
    asked = moving_site(9).post("/signup", data={**given, "address": "new@example.com"}).text
    assert "we’ll remind you once, after two days, and not again" in asked
    waits = make_reader(each_sessions, now, "waiting@example.com", confirmed_at=None)
    token = tokens_at(now).make(CONFIRM, subject_of(waits.id, waits.address_hash))
    page = moving_site(0).get(f"/confirm/{token}").text
    assert "We won’t send anything unless you confirm, except one reminder two days after the sign-up" in page


def test_a_request_that_fails_stays_pending_and_stops_no_other(
    each_sessions: db.Sessions, settings: Settings, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("ann", "bob", "cy"):
        pending_requests.store(
            each_sessions, pending_requests.SIGNUP, f"{name}@example.com", now=now, ip="203.0.113.9"
        )
    real = signup.ask

    def broken(session: Session, request: signup.FormRequest, **given: Any) -> None:
        real(session, request, **given)
        if request.address.startswith("bob"):  # after its rows are written: they must not stay
            raise OperationalError("INSERT", {}, Exception("the disk is full"))

    monkeypatch.setattr(signup, "ask", broken)
    assert pending_requests.run(each_sessions, settings, clock=clock.fixed(now)) == 2
    assert [w.address for w in waiting(each_sessions)] == ["bob@example.com"]
    with db.reading(each_sessions) as session:
        assert set(session.scalars(select(Subscriber.address))) == {"ann@example.com", "cy@example.com"}
    monkeypatch.setattr(signup, "ask", real)
    assert pending_requests.run(each_sessions, settings, clock=clock.fixed(now)) == 1


def test_cookieless_reads_are_capped_by_network_and_leave_no_row(
    site: Flask, sessions: db.Sessions, published: Issue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(rate_limits.LIMITS, rate_limits.READ, rate_limits.RateLimit(3, timedelta(days=1)))
    home = site.test_client().get("/").text
    found = re.search(r'href="(/stories/[^"#]+)"', home)
    assert found
    pages = [opened(site.test_client(use_cookies=False), found[1]) for _ in range(5)]
    assert ['id="article-' in page for page in pages] == [True, True, True, False, False]
    with db.reading(sessions) as session:
        assert session.scalar(select(func.count()).select_from(Read)) == 3
        assert "127.0.0.1" not in {k.network for k in session.scalars(select(RateLimitHit))}


def test_what_waits_is_capped_by_network_and_kind_and_sign_ins_go_first(
    each_sessions: db.Sessions, settings: Settings, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    def store(kind: str, number: int, ip: str) -> None:
        pending_requests.store(each_sessions, kind, f"{kind}{number}@example.com", now=now, ip=ip)

    monkeypatch.setattr(pending_requests, "MOST_OF_NETWORK", 3)
    monkeypatch.setattr(pending_requests, "MOST_WAITING", 5)
    monkeypatch.setattr(pending_requests, "MOST_A_RUN", 4)
    for n in range(3):
        store(pending_requests.SIGNUP, n, "203.0.113.9")
    with pytest.raises(pending_requests.TooManyRequests, match="your network"):
        store(pending_requests.SIGNUP, 3, "203.0.113.9")
    store(pending_requests.SIGNIN, 1, "203.0.113.9")
    for n in range(2):
        store(pending_requests.SIGNUP, 10 + n, f"198.51.100.{n}")
    with pytest.raises(pending_requests.TooManyRequests, match="very busy"):
        store(pending_requests.SIGNUP, 20, "198.51.100.77")
    store(pending_requests.SIGNIN, 2, "198.51.100.77")
    assert pending_requests.run(each_sessions, settings, clock=clock.fixed(now)) == 4
    assert {w.kind for w in waiting(each_sessions)} == {pending_requests.SIGNUP}
    assert len(waiting(each_sessions)) == 3
    assert pending_requests.run(each_sessions, settings, clock=clock.fixed(now)) == 3


def test_the_page_says_how_long_the_mail_takes_and_when_none_comes(
    moving_site: Callable[[float], FlaskClient], each_sessions: db.Sessions, settings: Settings,
    now: datetime, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setitem(rate_limits.LIMITS, rate_limits.SIGNUP, rate_limits.RateLimit(1, timedelta(hours=7)))
    given = form_on(moving_site(0), "/signup")
    seen = []
    for n in range(3):
        answer = moving_site(9).post("/signup", data={**given, "address": f"r{n}@example.com"})
        pending_requests.run(each_sessions, settings, clock=clock.fixed(now + timedelta(seconds=9)))
        seen.append(
            (
                answer.status_code,
                re.findall(r"the email may take up to \d+ hours|try again tomorrow", answer.text),
            )
        )
    assert seen == [(200, []), (200, ["the email may take up to 7 hours"]), (429, ["try again tomorrow"])]
