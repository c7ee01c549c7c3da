"""Signing in by a mailed link, and a reader's own page: settings, data, leaving. In Chromium on a phone as well."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from html import unescape
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select
from werkzeug.serving import make_server

from newsletter import db
from newsletter.app import create_app
from newsletter.db.models import Issue, Notice, SignIn, Story, StoryRevision, Subscriber, Suppression
from newsletter.delivery import notices
from newsletter.settings import Settings
from newsletter.subscribers.tokens import CONFIRM, SIGNIN, subject_of
from tests.axe import violations
from tests.browsing import follow
from tests.subscribers.readers import link_for, make_reader, tokens_at


def token(browser: FlaskClient, address: str) -> str:
    found = re.search(r'name="form_token" value="([0-9a-f]+)"', browser.get(address).text)
    assert found, address
    return found[1]


def signin_link(reader: Subscriber, now: datetime, salt: str = "one") -> str:
    """What the mail carries."""
    return f"/signin/{tokens_at(now).make(SIGNIN, subject_of(reader.id, reader.address_hash) + '.' + salt)}"


@pytest.fixture
def ann(sessions: db.Sessions, now: datetime) -> Subscriber:
    return make_reader(sessions, now)


@pytest.fixture
def inside(browser: FlaskClient, ann: Subscriber, now: datetime) -> FlaskClient:
    link = signin_link(ann, now)
    answer = browser.post(link, data={"form_token": token(browser, link)})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/account")
    return browser


def post(browser: FlaskClient, path: str, **given: Any) -> Any:
    return browser.post(path, data={"form_token": token(browser, "/account"), **given})


def fresh(sessions: db.Sessions) -> Subscriber | None:
    with db.reading(sessions) as session:
        return session.scalars(select(Subscriber)).one_or_none()


def test_looking_at_the_link_spends_nothing_and_the_button_works_once(
    browser: FlaskClient, sessions: db.Sessions, ann: Subscriber, now: datetime
) -> None:
    link = signin_link(ann, now)
    form = token(browser, link)
    assert browser.get(link).status_code == 200
    assert browser.post(link, data={}).status_code == 400
    assert browser.post(link, data={"form_token": form}).status_code == 303
    assert ann.address in browser.get("/account").text
    assert browser.get(link).status_code == 410
    again = browser.post(link, data={"form_token": form})
    assert again.status_code == 410
    with db.reading(sessions) as session:
        assert session.scalar(select(func.count()).select_from(SignIn)) == 1


def test_links_of_other_purposes_old_ones_and_forged_ones_do_not_sign_in(
    browser: FlaskClient, ann: Subscriber, now: datetime
) -> None:
    old = signin_link(ann, now - timedelta(hours=1))
    assert browser.get(old).status_code == 410
    assert browser.get(f"/signin/{link_for(ann, CONFIRM, now)}").status_code == 404
    assert browser.get("/signin/forged").status_code == 404
    assert browser.get("/account").headers["Location"] == "/signin"


def test_a_new_sign_in_ends_the_secret_the_browser_had(
    inside: FlaskClient, site: Flask, ann: Subscriber, now: datetime
) -> None:
    cookie = inside.get_cookie("reader")
    assert cookie is not None
    assert (cookie.http_only, cookie.same_site) == (True, "Lax")
    thief = site.test_client()
    thief.set_cookie("reader", cookie.value)
    assert thief.get("/account").status_code == 200
    link = signin_link(ann, now, "two")
    inside.post(link, data={"form_token": token(inside, link)})
    assert inside.get("/account").status_code == 200
    assert thief.get("/account").status_code == 303


def test_settings_are_saved_all_or_nothing(inside: FlaskClient, sessions: db.Sessions) -> None:
    good = {"hour": "21", "zone": "Asia/Kolkata", "cadence": "weekly"}
    answer = post(inside, "/account", **good, paused_until="2026-03-20")
    assert answer.status_code == 303
    saved = fresh(sessions)
    assert saved is not None
    assert (saved.hour, saved.zone, saved.cadence) == (21, "Asia/Kolkata", "weekly")
    assert str(saved.paused_until) == "2026-03-20"
    page = inside.get("/account").text
    assert '<option value="21" selected>' in page
    for wrong in (
        {"hour": "24"},
        {"hour": "<b>"},
        {"zone": "Mars/Base"},
        {"cadence": "hourly"},
        {"paused_until": "2020-01-01"},
        {"paused_until": "soon"},
    ):
        refused = post(inside, "/account", **{**good, "hour": "5", **wrong})
        assert (refused.status_code, 'role="alert"' in refused.text) == (422, True), wrong
        after = fresh(sessions)
        assert after is not None
        assert after.hour == 21
    assert post(inside, "/account", hour="5", zone="UTC", cadence="daily").status_code == 303
    after = fresh(sessions)
    assert after is not None
    assert (after.hour, after.paused_until) == (5, None)


def test_the_page_is_nobodys_to_keep_and_forms_of_others_are_refused(
    inside: FlaskClient, sessions: db.Sessions
) -> None:
    assert "no-store" in inside.get("/account").headers["Cache-Control"]
    assert "no-store" in inside.get("/account/export").headers["Cache-Control"]
    form = token(inside, "/account")
    cross = {"Sec-Fetch-Site": "cross-site"}
    for path in ("", "/signout", "/signout-everywhere", "/erase"):
        answer = inside.post(f"/account{path}", data={"form_token": form, "sure": "yes"}, headers=cross)
        assert answer.status_code == 403
        assert inside.post(f"/account{path}", data={"sure": "yes"}).status_code == 400
    assert fresh(sessions) is not None


def test_export_and_erase(
    inside: FlaskClient, sessions: db.Sessions, ann: Subscriber, settings: Settings, now: datetime
) -> None:
    with sessions.begin() as session:
        notices.queue(session, "welcome", key="w", due_at=now, subscriber_id=ann.id)
        session.flush()
        kept = settings.OUTBOX_DIR / f"notice-{session.scalars(select(Notice.id)).one()}.eml"
    kept.parent.mkdir(exist_ok=True)
    kept.write_text(f"To: {ann.address}\n")
    answer = inside.get("/account/export")
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert answer.get_json()["reader"]["address"] == ann.address
    assert post(inside, "/account/erase").status_code == 422
    assert fresh(sessions) is not None
    assert kept.exists()
    assert post(inside, "/account/erase", sure="yes").status_code == 200
    assert fresh(sessions) is None
    assert not kept.exists()
    with db.reading(sessions) as session:
        assert session.scalars(select(Suppression.reason)).all() == ["erased"]
    assert inside.get("/account").status_code == 303


@pytest.mark.parametrize(("path", "others"), [("signout", 200), ("signout-everywhere", 303)])
def test_signing_out_here_and_everywhere(
    inside: FlaskClient, site: Flask, ann: Subscriber, now: datetime, path: str, others: int
) -> None:
    elsewhere = site.test_client()
    link = signin_link(ann, now, "two")
    elsewhere.post(link, data={"form_token": token(elsewhere, link)})
    assert post(inside, f"/account/{path}").status_code == 303
    assert inside.get("/account").status_code == 303
    assert elsewhere.get("/account").status_code == others


@pytest.mark.parametrize(("days", "whole"), [(1, True), (21, False)])
def test_who_is_on_trial_reads_everything_and_who_is_not_is_metered(
    browser: FlaskClient, sessions: db.Sessions, published: Issue, now: datetime, days: int, whole: bool
) -> None:
    bob = make_reader(sessions, now, "bob@example.com", trial_started_at=now - timedelta(days=days))
    link = signin_link(bob, now)
    browser.post(link, data={"form_token": token(browser, link)})
    with db.reading(sessions) as session:
        slug = session.scalars(
            select(Story.slug).where(Story.id.in_(select(StoryRevision.story_id))).order_by(Story.id)
        ).first()
    page = unescape(browser.get(f"/stories/{slug}").text)
    assert 'id="article-' in page
    assert ("You have 4 free stories left this month" not in page) is whole


@pytest.mark.parametrize(
    ("then", "leads_to"),
    [
        ("/stories/a-story", "/stories/a-story"),
        ("/issues/2026-03-02", "/issues/2026-03-02"),
        ("//elsewhere.example/stories/x", "/account"),
        ("https://elsewhere.example/", "/account"),
        ("/stories/x\r\nSet-Cookie: a=b", "/account"),
        ("", "/account"),
    ],
)
def test_signing_in_leads_back_to_a_page_of_ours_only(
    settings: Settings, sessions: db.Sessions, ann: Subscriber, now: datetime, then: str, leads_to: str
) -> None:
    clocks = [now]
    browser = create_app(settings, sessions=sessions, clock=lambda: clocks[0]).test_client()
    form = browser.get("/signin", query_string={"then": then}).text
    fields = dict(re.findall(r'name="(\w+)" value="([^"]*)"', form))
    assert fields.get("then", "/account") == leads_to
    clocks[0] += timedelta(seconds=5)
    asked = browser.post("/signin", data={**fields, "address": ann.address, "then": then})
    assert "Check your email" in asked.text
    link = signin_link(ann, now, "back")
    answer = browser.post(link, data={"form_token": token(browser, link)})
    assert answer.headers["Location"] == leads_to
    assert browser.get("/signin", query_string={"then": then}).headers["Location"] == leads_to


@pytest.fixture
def served(make_site: Callable[..., Flask]) -> Iterator[str]:
    server = make_server("127.0.0.1", 0, make_site(), threaded=True)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.port}"
    server.shutdown()


@pytest.mark.browser
@pytest.mark.parametrize("width", [375, 1280])
def test_the_account_on_a_screen(
    chromium: Any, served: str, ann: Subscriber, now: datetime, width: int, tmp_path: Path
) -> None:
    context = chromium.new_context(viewport={"width": width, "height": 800}, java_script_enabled=True)
    page = context.new_page()
    page.goto(served + "/signin")
    assert violations(page) == []
    page.goto(served + signin_link(ann, now))
    follow(page, page.locator("main button"))
    page.select_option("#hour", "21")
    follow(page, page.get_by_role("button", name="Save"))
    assert page.url.endswith("/account?saved=yes")
    assert page.locator("#hour").input_value() == "21"
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.screenshot(path=str(tmp_path / "account.png"), full_page=True)
    follow(page, page.get_by_role("button", name="Sign out", exact=True))
    page.goto(served + "/account")
    assert page.url.endswith("/signin")
    context.close()
