"""Checkout: the plan's page, paying with the offline processor, returning, cancelling, and errors of the processor."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from newsletter import clock, db
from newsletter.billing import comps
from newsletter.db.models import Notice, Subscriber, Subscription
from newsletter.delivery.mail.slots import NOTICE_SLOTS, fill
from newsletter.delivery.mail.templates import notice
from newsletter.links import Links
from newsletter.settings import Settings
from newsletter.subscribers.addresses import address_hash, person_hash
from newsletter.subscribers.notice_slots import notice_slots
from newsletter.subscribers.tokens import CHECKOUT, SIGNIN, UNSUBSCRIBE, Tokens, subject_of

KEY = "a-key-for-the-tests-of-32-letters-or-more"
ADDRESS = "ann@example.com"


@pytest.fixture
def reader(sessions: db.Sessions, now: datetime) -> Subscriber:
    """Confirmed three weeks ago; their Trial is over."""
    with sessions.begin() as session:
        made = Subscriber(
            address=ADDRESS,
            address_hash=address_hash(KEY, ADDRESS),
            person_hash=person_hash(KEY, ADDRESS),
            asked_at=now - timedelta(days=21),
            confirmed_at=now - timedelta(days=21),
            trial_started_at=now - timedelta(days=21),
        )
        session.add(made)
    return made


def _link(reader: Subscriber, now: datetime, purpose: str = CHECKOUT) -> str:
    tokens = Tokens(KEY, clock=clock.fixed(now))
    return f"/checkout/for/{tokens.make(purpose, subject_of(reader.id, reader.address_hash))}"


def _press(browser: FlaskClient, path: str, button: str, **given: str) -> Any:
    """Open the page and press the button with that name=do value."""
    html = browser.get(path).text
    form = next(f for f in re.findall(r"<form.*?</form>", html, re.S) if f'value="{button}"' in f)
    fields = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]+)"', form))
    return browser.post(path, data={**fields, "do": button, **given})


def _path(url: str) -> str:
    assert url.startswith("http://127.0.0.1:8000/checkout/offline/off_")
    return url.removeprefix("http://127.0.0.1:8000")


def _kept(sessions: db.Sessions) -> Subscription | None:
    with db.reading(sessions) as session:
        return session.scalars(select(Subscription)).one_or_none()


def test_a_stranger_sees_price_and_ways_in(browser: FlaskClient) -> None:
    answer = browser.get("/checkout")
    assert answer.status_code == 200
    assert "$5 a month" in answer.text
    assert 'href="/signin"' in answer.text
    assert "<form" not in answer.text
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert browser.post("/checkout").headers["Location"] == "/signin"


def test_paying_with_the_stand_in(
    browser: FlaskClient, sessions: db.Sessions, reader: Subscriber, now: datetime
) -> None:
    assert ADDRESS not in browser.get(_link(reader, now)).text  # a mail may have been forwarded
    page = _path(browser.post(_link(reader, now)).headers["Location"])
    assert _kept(sessions) is None  # neither looking nor going there changes anything
    declined = _press(browser, page, "decline")
    assert "declined" in declined.text
    assert _kept(sessions) is None
    paid = _press(browser, page, "pay")
    assert paid.status_code == 303
    kept = _kept(sessions)
    assert kept is not None
    assert (kept.processor, kept.status, kept.subscriber_id) == ("offline", "active", reader.id)
    assert kept.paid_until == now + timedelta(days=30)
    with db.reading(sessions) as session:
        notice = session.scalars(select(Notice)).one()
    assert (notice.kind, notice.values["amount"]) == ("receipt", "$5.00")
    assert notice.values["paid_on"] == "Monday, 2 March 2026"
    back = paid.headers["Location"].removeprefix("http://127.0.0.1:8000")
    html = browser.get(back).text
    token = re.search(r'name="form_token" value="([^"]+)"', html)
    assert token
    seen = browser.post("/checkout/done", data={"form_token": token[1], "checkout": back.rpartition("=")[2]})
    assert "You have the full edition" in seen.text
    # Who pays is not led to pay a second time.
    assert browser.post(_link(reader, now)).headers["Location"] == "/checkout"


def test_what_is_left_of_the_trial_is_not_charged(
    browser: FlaskClient, sessions: db.Sessions, reader: Subscriber, now: datetime
) -> None:
    with sessions.begin() as session:
        session.get_one(Subscriber, reader.id).trial_started_at = now - timedelta(days=4)
    _press(browser, _path(browser.post(_link(reader, now)).headers["Location"]), "pay")
    kept = _kept(sessions)
    assert kept is not None
    assert (kept.status, kept.paid_until) == ("trialing", now + timedelta(days=3))
    with db.reading(sessions) as session:
        assert session.scalars(select(Notice)).all() == []  # nothing was charged, so nothing is receipted


def test_the_stand_in_can_fail_cancel_and_end(
    browser: FlaskClient, sessions: db.Sessions, reader: Subscriber, now: datetime
) -> None:
    page = _path(browser.post(_link(reader, now)).headers["Location"])
    _press(browser, page, "pay")
    _press(browser, page, "fail")
    kept = _kept(sessions)
    assert kept is not None
    assert (kept.status, kept.past_due_at) == ("past_due", now)
    _press(browser, page, "pay")
    _press(browser, page, "cancel")
    kept = _kept(sessions)
    assert kept is not None
    assert (kept.status, kept.past_due_at, kept.cancel_at) == ("active", None, now + timedelta(days=30))
    _press(browser, page, "end")
    kept = _kept(sessions)
    assert kept is not None
    assert (kept.status, kept.cancel_at) == ("canceled", now)


@pytest.mark.parametrize("page_id", ["off_0123456789abcdef01234567", "off_..%2f..%2fx", "x" * 300, "off_%00"])
def test_the_stand_in_knows_only_its_own_pages(browser: FlaskClient, page_id: str) -> None:
    assert browser.get(f"/checkout/offline/{page_id}").status_code == 404


def test_the_stand_in_is_not_there_with_stripe(make_site: Callable[..., Flask]) -> None:
    from pydantic import SecretStr

    browser = make_site(STRIPE_API_KEY=SecretStr("sk_test_x")).test_client()
    assert browser.get("/checkout/offline/off_0123456789abcdef01234567").status_code == 404


def test_its_forms_are_held_to_their_token(browser: FlaskClient, reader: Subscriber, now: datetime) -> None:
    page = _path(browser.post(_link(reader, now)).headers["Location"])
    assert browser.post(page, data={"do": "pay"}).status_code == 400
    foreign = {"Sec-Fetch-Site": "cross-site"}
    assert browser.post(page, data={"do": "pay"}, headers=foreign).status_code == 403
    assert _press(browser, page, "pay", do="something").status_code == 400


def test_the_mail_at_a_trials_end_leads_to_the_till_without_signing_in(
    browser: FlaskClient, reader: Subscriber, settings: Settings, now: datetime
) -> None:
    links = Links(settings.SITE_URL)
    told = notice("trial_ending", {"days_left": 0}, settings=settings, links=links)
    given = notice_slots(Notice(kind="trial_ending"), reader, Tokens(KEY, clock=clock.fixed(now)), links)
    values = {name: given[name] for name in NOTICE_SLOTS["trial_ending"]}
    for words, html in ((told.html, True), (told.text, False)):
        (path,) = set(
            re.findall(r"http://127.0.0.1:8000(/checkout[^\s\"<]*)", fill(words, values, html=html))
        )
        plan = browser.get(path)
        assert "Continue to payment" in plan.text
        assert ADDRESS not in plan.text
        assert "/checkout/offline/" in browser.post(path).headers["Location"]


def test_links_that_are_not_for_this(browser: FlaskClient, reader: Subscriber, now: datetime) -> None:
    for method in (browser.get, browser.post):
        assert method(_link(reader, now, SIGNIN)).status_code == 404
        assert method(_link(reader, now)[:-3]).status_code == 404
        assert method(_link(reader, now - timedelta(days=15))).status_code == 410


def test_a_comp_is_shown_and_not_charged(
    browser: FlaskClient, sessions: db.Sessions, reader: Subscriber, now: datetime
) -> None:
    with sessions.begin() as session:
        comps.give(session, reader.id, until=None, reason="a friend", by="operator:1", now=now)
    assert "a gift from us" in browser.get(_link(reader, now)).text
    assert browser.post(_link(reader, now)).headers["Location"] == "/checkout"


def test_a_processor_that_cannot_be_reached(
    make_site: Callable[..., Flask], reader: Subscriber, now: datetime
) -> None:
    from pydantic import SecretStr

    site = make_site(
        STRIPE_API_KEY=SecretStr("sk_test_x"), STRIPE_API_BASE="http://127.0.0.1:9", STRIPE_PRICE_ID="price_1"
    )
    answer = site.test_client().post(_link(reader, now))
    assert answer.status_code == 503
    assert "nothing was charged" in answer.text
    assert answer.headers["Retry-After"] == "60"


def test_forms_may_lead_to_the_processor_and_nowhere_by_script(browser: FlaskClient) -> None:
    policy = browser.get("/checkout").headers["Content-Security-Policy"]
    assert "form-action 'self' https:" in policy
    assert "script-src 'self'" in policy


# ---- signed in: who is, is asked of one function; the reader pages' own tests show that it answers rightly


@pytest.fixture
def signed_in(browser: FlaskClient, reader: Subscriber, monkeypatch: pytest.MonkeyPatch) -> FlaskClient:
    monkeypatch.setattr("newsletter.web.checkout.current_reader", lambda: reader.id)
    return browser


def _send(browser: FlaskClient, action: str) -> Any:
    """Press the button of the plan's page that leads there."""
    html = browser.get("/checkout").text
    form = next(f for f in re.findall(r"<form.*?</form>", html, re.S) if f'action="{action}"' in f)
    return browser.post(
        action, data=dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]+)"', form))
    )


def test_a_signed_in_reader_pays_looks_and_cancels(
    signed_in: FlaskClient, sessions: db.Sessions, now: datetime
) -> None:
    page = _path(_send(signed_in, "/checkout").headers["Location"])
    back = _press(signed_in, page, "pay").headers["Location"].removeprefix("http://127.0.0.1:8000")
    assert "You have the full edition" in signed_in.get(back).text
    assert "Paid until 1 April 2026" in signed_in.get("/checkout").text
    assert _path(_send(signed_in, "/checkout/portal").headers["Location"]) == page
    assert _send(signed_in, "/checkout/cancel").headers["Location"] == "/checkout"
    kept = _kept(sessions)
    assert kept is not None
    assert kept.cancel_at == now + timedelta(days=30)
    html = signed_in.get("/checkout").text
    assert "Your subscription is canceled" in html
    assert "Subscribe again" in html
    with db.reading(sessions) as session:  # cancelling is not unsubscribing
        assert session.scalars(select(Subscriber.unsubscribed_at)).one() is None


def test_a_signed_in_readers_forms_are_held_to_their_token(signed_in: FlaskClient) -> None:
    for path in ("/checkout", "/checkout/portal", "/checkout/cancel"):
        assert signed_in.post(path).status_code == 400
        assert signed_in.post(path, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403


def test_days_are_said_where_the_reader_lives(
    signed_in: FlaskClient, sessions: db.Sessions, reader: Subscriber, now: datetime
) -> None:
    with sessions.begin() as session:  # already tomorrow in Auckland
        one = session.get_one(Subscriber, reader.id)
        one.zone, one.trial_started_at = "Pacific/Auckland", now.replace(hour=15)
    assert "runs until 10 March 2026, 04:00 NZDT" in signed_in.get("/checkout").text
    page = _path(_send(signed_in, "/checkout").headers["Location"])
    _press(signed_in, page, "pay")
    token = Tokens(KEY, clock=clock.fixed(now)).make(UNSUBSCRIBE, subject_of(reader.id, reader.address_hash))
    done = signed_in.post(f"/unsubscribe/{token}", data={"payment": "cancel"})
    for html in (done.text, signed_in.get("/checkout").text):
        assert "until 10 March 2026, 04:00 NZDT" in html
    with db.reading(sessions) as session:
        told = session.scalars(select(Notice).where(Notice.kind == "cancelled")).one()
    assert told.values == {"until": "Tuesday, 10 March 2026"}


def test_a_failed_payment_leads_to_the_card(signed_in: FlaskClient) -> None:
    page = _path(_send(signed_in, "/checkout").headers["Location"])
    _press(signed_in, page, "pay")
    _press(signed_in, page, "fail")
    html = signed_in.get("/checkout").text
    assert "did not go through" in html
    assert "Card and invoices" in html


def test_no_get_changes_anything(signed_in: FlaskClient, sessions: db.Sessions) -> None:
    page = _path(_send(signed_in, "/checkout").headers["Location"])
    for path in ("/checkout", "/checkout/done?checkout=x", f"/checkout/done?checkout={page[-28:]}", page):
        signed_in.get(path)
    assert signed_in.get("/checkout/portal").status_code == 405
    assert signed_in.get("/checkout/cancel").status_code == 405
    assert _kept(sessions) is None


@pytest.mark.parametrize(
    ("pressed", "cancelled"),
    [({"payment": "cancel"}, True), ({}, False), ({"List-Unsubscribe": "One-Click"}, False)],
    ids=["both", "mail only", "a mail program"],
)
def test_leaving_offers_to_end_the_payment_in_the_same_step(
    site: Flask,
    sessions: db.Sessions,
    reader: Subscriber,
    now: datetime,
    pressed: dict[str, str],
    cancelled: bool,
) -> None:
    browser = site.test_client()
    page = _path(browser.post(_link(reader, now)).headers["Location"])
    _press(browser, page, "pay")
    leave = _link(reader, now, UNSUBSCRIBE).replace("/checkout/for/", "/unsubscribe/")
    asked = browser.get(leave).text
    assert "Unsubscribe and cancel payment" in asked
    assert ADDRESS not in asked
    done = site.test_client().post(leave, data=pressed)
    assert done.status_code == 200
    kept = _kept(sessions)
    assert kept is not None
    assert (kept.cancel_at is not None) is cancelled
    assert ("You will not be charged again" in done.text) is cancelled
    assert ("Cancel payment too" in done.text) is not cancelled
    with db.reading(sessions) as session:
        assert session.scalars(select(Subscriber)).one().unsubscribed_at == now
        kinds = list(session.scalars(select(Notice.kind).order_by(Notice.id)))
    assert kinds == (["receipt", "cancelled"] if cancelled else ["receipt"])
    if not cancelled:  # a second thought costs one more press
        assert "You will not be charged again" in browser.post(leave, data={"payment": "cancel"}).text


def test_the_mail_stops_even_when_the_processor_does_not_answer(
    site: Flask, sessions: db.Sessions, reader: Subscriber, now: datetime, settings: Any
) -> None:
    browser = site.test_client()
    page = _path(browser.post(_link(reader, now)).headers["Location"])
    _press(browser, page, "pay")
    for book in site.extensions["newsletter"].processor._folder.glob("*.json"):
        book.write_text("{")
    leave = _link(reader, now, UNSUBSCRIBE).replace("/checkout/for/", "/unsubscribe/")
    done = browser.post(leave, data={"payment": "cancel"})
    assert done.status_code == 200
    assert "You’re still being charged" in done.text
    with db.reading(sessions) as session:
        assert session.scalars(select(Subscriber)).one().unsubscribed_at == now
