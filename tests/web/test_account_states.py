"""A reader's own page as they stand: paused before, gone from the mail, paying, in a zone of an old name; and odd forms."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from pydantic import SecretStr
from sqlalchemy import select

from newsletter import db
from newsletter.db.models import Subscriber, Subscription
from newsletter.subscribers.tokens import SIGNIN, subject_of
from tests.subscribers.readers import make_reader, tokens_at

Enter = Callable[..., FlaskClient]


@pytest.fixture
def enter(make_site: Callable[..., Flask], sessions: db.Sessions, now: datetime) -> Enter:
    """A browser signed in as Ann; keyword arguments change what she is."""

    def sign_in(**changes: Any) -> FlaskClient:
        ann = make_reader(sessions, now, **changes)
        browser = make_site().test_client()
        link = tokens_at(now).make(SIGNIN, f"{subject_of(ann.id, ann.address_hash)}.salt")
        path = f"/signin/{link}"
        assert browser.post(path, data=_fields(browser.get(path).text, path)).status_code == 303
        return browser

    return sign_in


def _form(html: str, action: str) -> str:
    return next(f for f in re.findall(r"<form\b.*?</form>", html, re.S) if f'action="{action}"' in f)


def _fields(html: str, action: str) -> dict[str, str]:
    """What a browser submits when nothing in the form is touched: also what is chosen and filled in already."""
    form = _form(html, action)
    fields = {}
    for tag in re.findall(r"<input\b[^>]*>", form):
        given = dict(re.findall(r'(\w+)="([^"]*)"', tag))
        if given.get("type") != "checkbox":
            fields[given["name"]] = given.get("value", "")
    for name, options in re.findall(r'<select\b[^>]*name="(\w+)">(.*?)</select>', form, re.S):
        values = re.findall(r'<option value="([^"]*)"( selected)?>', options)
        fields[name] = next((v for v, chosen in values if chosen), values[0][0])  # a browser takes the first
    return fields


def _save(browser: FlaskClient, **changes: str) -> int:
    fields = {**_fields(browser.get("/account").text, "/account"), **changes}
    return int(browser.post("/account", data=fields).status_code)


def _kept(sessions: db.Sessions) -> Subscriber:
    with db.reading(sessions) as session:
        return session.scalars(select(Subscriber)).one()


@pytest.mark.parametrize("zone", ["EST5EDT", "Japan", "UTC", "America/Argentina/Buenos_Aires"])
def test_saving_untouched_changes_nothing_whatever_the_zone(
    enter: Enter, sessions: db.Sessions, zone: str
) -> None:
    assert _save(enter(zone=zone, hour=22, cadence="weekly")) == 303
    kept = _kept(sessions)
    assert (kept.zone, kept.hour, kept.cadence, kept.paused_until) == (zone, 22, "weekly", None)


@pytest.mark.parametrize("ago", [0, 1, 40])
def test_a_pause_that_is_over_stands_in_nobodys_way(
    enter: Enter, sessions: db.Sessions, now: datetime, ago: int
) -> None:
    browser = enter(paused_until=now.date() - timedelta(days=ago))
    assert "emails are paused until" not in browser.get("/account").text
    assert _save(browser, hour="9") == 303
    assert (_kept(sessions).hour, _kept(sessions).paused_until) == (9, None)


def test_a_pause_is_said_and_ended_by_its_button(enter: Enter, sessions: db.Sessions, now: datetime) -> None:
    until = now.date() + timedelta(days=9)
    browser = enter(paused_until=until, hour=9)
    html = browser.get("/account").text
    assert "emails are paused until" in html
    assert "Wednesday, 11 March 2026" in html
    assert _save(browser) == 303
    assert _kept(sessions).paused_until == until  # saving something else does not end it
    answer = browser.post("/account/resume", data=_fields(html, "/account/resume"))
    assert answer.status_code == 303
    kept = _kept(sessions)
    assert (kept.paused_until, kept.hour) == (None, 9)
    assert "emails are paused until" not in browser.get("/account").text


def test_the_earliest_day_is_tomorrow_where_the_reader_lives(enter: Enter, sessions: db.Sessions) -> None:
    browser = enter(zone="Pacific/Kiritimati")  # there it is the 3rd already
    assert 'min="2026-03-04"' in browser.get("/account").text
    assert _save(browser, paused_until="2026-03-03") == 422
    assert _save(browser, paused_until="2026-03-04") == 303
    assert _kept(sessions).paused_until == date(2026, 3, 4)


@pytest.mark.parametrize("hour", ["9" * 5000, "-1", "1.5", "", "²", "0x5", " ", "24"])
def test_an_hour_that_is_none_is_refused(enter: Enter, sessions: db.Sessions, hour: str) -> None:
    assert _save(enter(), hour=hour) == 422
    assert _kept(sessions).hour == 6


@pytest.mark.parametrize("day", ["9" * 5000, "2026-02-30", "20 March", "0000-00-00", "9999-12-31"])
def test_a_day_that_is_none_is_refused(enter: Enter, sessions: db.Sessions, day: str) -> None:
    assert _save(enter(), paused_until=day) == 422
    assert _kept(sessions).paused_until is None


def test_who_left_the_mail_is_told_so(enter: Enter, now: datetime) -> None:
    html = enter(unsubscribed_at=now).get("/account").text
    assert "You’re unsubscribed, so we’re not emailing you" in html
    assert "Resubscribe" in html
    assert "Unsubscribe from emails" not in html
    assert "You get the shorter free edition" not in html, "no edition comes"
    assert "5 stories a month are free on the site" in html


def test_who_pays_is_not_erased_while_the_payment_cannot_be_ended_and_told_why(
    enter: Enter, sessions: db.Sessions, now: datetime
) -> None:
    browser = enter()
    paid = {"processor": "offline", "processor_id": "off_1", "status": "active", "started_at": now}
    with sessions.begin() as session:
        ann = session.scalars(select(Subscriber)).one()
        until = now + timedelta(days=9)
        session.add(Subscription(subscriber_id=ann.id, paid_until=until, changed_at=now, **paid))
    html = browser.get("/account").text
    assert "You have the full edition" in html
    fields = {**_fields(html, "/account/erase"), "sure": "yes"}
    refused = browser.post("/account/erase", data=fields)
    assert refused.status_code == 422
    assert "We could not end your payment just now" in refused.text
    assert _kept(sessions).address == "ann@example.com"


def test_over_https_the_cookie_is_this_hosts_alone(
    make_site: Callable[..., Flask], sessions: db.Sessions, now: datetime
) -> None:
    ann = make_reader(sessions, now)
    browser = make_site(SITE_URL="https://news.example.com").test_client()
    path = f"/signin/{tokens_at(now).make(SIGNIN, f'{subject_of(ann.id, ann.address_hash)}.salt')}"
    here = "https://news.example.com"
    fields = _fields(browser.get(path, base_url=here).text, path)
    cookie = browser.post(path, data=fields, base_url=here).headers["Set-Cookie"]
    assert cookie.startswith("__Host-reader=")
    parts = {p.strip().partition("=")[0] for p in cookie.split(";")[1:]}
    assert {"Secure", "HttpOnly", "Path", "SameSite"} <= parts
    assert "Domain" not in parts
    assert browser.get("/account", base_url=here).status_code == 200
    # A cookie of the plain name, as a neighbouring host could plant it, is not looked at.
    secret = cookie.partition("=")[2].partition(";")[0]
    stranger = browser.application.test_client()
    stranger.set_cookie("reader", secret, domain="news.example.com")
    assert stranger.get("/account", base_url=here).status_code == 303


@pytest.mark.parametrize(("zone", "shown"), [("Asia/Tokyo", "JST"), ("Gone/Abolished", "EDT")])
def test_moments_are_told_in_the_readers_own_zone(enter: Enter, now: datetime, zone: str, shown: str) -> None:
    page = enter(zone=zone, trial_started_at=now).get("/account").text
    assert re.search(rf"Your free trial runs until 9 March 2026, \d\d:\d\d {shown}", page) is not None


def test_who_still_pays_where_nothing_is_sold_can_end_it_and_nobody_can_begin(
    make_site: Callable[..., Flask], sessions: db.Sessions, now: datetime
) -> None:
    site = make_site(PRICE="", STRIPE_API_KEY=SecretStr("sk_test_x"))
    browsers = {}
    for address in ("pays@example.com", "reads@example.com"):
        reader = make_reader(sessions, now, address)
        browsers[address] = site.test_client()
        path = f"/signin/{tokens_at(now).make(SIGNIN, f'{subject_of(reader.id, reader.address_hash)}.salt')}"
        browsers[address].post(path, data=_fields(browsers[address].get(path).text, path))
        if address.startswith("pays"):
            with sessions.begin() as session:
                agreement = Subscription(
                    subscriber_id=reader.id,
                    processor="stripe",
                    processor_id="sub_1",
                    status="active",
                    started_at=now,
                    paid_until=now + timedelta(days=9),
                    changed_at=now,
                )
                session.add(agreement)
    paying, reading = browsers.values()
    assert "You’re still paying" in paying.get("/account").text
    page = paying.get("/checkout").text
    assert "Cancel subscription" in page
    assert 'action="/checkout"' not in page
    fields = _fields(page, "/checkout/cancel")
    assert paying.post("/checkout", data=fields).status_code == 404, "no new agreement"
    assert "payment" not in reading.get("/account").text
    assert reading.get("/checkout").status_code == 404
    with sessions.begin() as session:
        session.merge(agreement).cancel_at = now + timedelta(days=9)
    assert "Your subscription is canceled" in paying.get("/checkout").text
