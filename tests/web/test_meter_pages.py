"""The metered site: the first Stories open at once and are counted when they are shown; what is locked is not in the answer."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any
from xml.etree import ElementTree

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select, update
from werkzeug.serving import make_server

from newsletter import clock, db
from newsletter.app import create_app
from newsletter.db.models import Issue, Placement, Read, Rendition, Story, StoryRevision, Subscriber
from newsletter.delivery.mail import slots
from newsletter.issues import archive
from newsletter.settings import Settings
from newsletter.subscribers import rate_limits
from newsletter.subscribers.tokens import UNSUBSCRIBE
from tests.axe import violations
from tests.subscribers.readers import link_for, make_reader
from tests.web.sample_site import opened, service_with

SECRET_WORDS = 'id="article-'
LIMIT = "You’ve reached your monthly limit"


@pytest.fixture
def addresses(sessions: db.Sessions, published: Issue) -> list[str]:
    """Seven Stories' addresses, in a published Issue."""
    with db.reading(sessions) as session:
        told = select(Story.slug).where(Story.id.in_(select(StoryRevision.story_id))).order_by(Story.id)
        return [f"/stories/{slug}" for slug in session.scalars(told)][:7]


def reads(sessions: db.Sessions) -> int:
    with db.reading(sessions) as session:
        return session.scalar(select(func.count()).select_from(Read)) or 0


def long_texts(sessions: db.Sessions, address: str) -> list[str]:
    """Every sentence of the Story's words that is not in its lede or headline."""
    with db.reading(sessions) as session:
        told = session.scalars(
            select(StoryRevision)
            .join(Story, Story.id == StoryRevision.story_id)
            .where(Story.slug == address.removeprefix("/stories/"))
        ).all()[-1]
    words = dict(told.words)
    lede, headline = json.dumps(words.pop("lede")), str(words.pop("headline"))
    found = re.findall(r'"text": "([^"\\]{30,})"', json.dumps(words, ensure_ascii=False))
    return [t for t in found if t not in lede and t not in headline]


def test_locked_words_are_nowhere_in_the_answer(
    browser: FlaskClient, sessions: db.Sessions, addresses: list[str]
) -> None:
    *free, address = sorted(addresses, key=lambda a: len(long_texts(sessions, a)))
    secrets = long_texts(sessions, address)
    assert len(secrets) >= 2
    whole = browser.get(address).text
    assert [t for t in secrets if t in whole], "open at once"
    assert SECRET_WORDS in whole
    for other in free[:5]:
        opened(browser, other)
    locked = browser.get(address)
    assert not [t for t in secrets if t in locked.text]
    assert LIMIT in locked.text
    assert 'class="coverage__line"' in locked.text
    assert 'class="cite"' not in locked.text, "nothing to lead to"
    assert SECRET_WORDS not in locked.text


@pytest.mark.slow
def test_no_way_of_asking_gets_round_the_meter(
    browser: FlaskClient, sessions: db.Sessions, addresses: list[str]
) -> None:
    """Other methods, ranges, formats, names, programs and paths: who has read the month's Stories gets no other's words."""
    for address in addresses[:5]:
        opened(browser, address)
    address = addresses[5]
    secrets = long_texts(sessions, address)
    ways: list[dict[str, Any]] = [{"headers": {name: value}} for name, value in (
        ("Range", "bytes=0-"), ("Accept", "application/json"), ("Accept", "text/plain"), ("X-Requested-With", "XMLHttpRequest"),
        ("User-Agent", "Googlebot/2.1 (+http://www.google.com/bot.html)"), ("User-Agent", "curl/8"), ("Referer", "https://www.google.com/"),
        ("X-Forwarded-For", "66.249.66.1"), ("X-Original-URL", "/desk/"), ("X-HTTP-Method-Override", "POST"), ("Cache-Control", "only-if-cached"),
        ("Authorization", "Bearer x"),
    )]  # fmt: skip
    ways += [
        {"query_string": q}
        for q in ("full=1", "amp=1", "output=print", "preview=true", "meter=0", "form_token=x")
    ]
    ways += [{"method": m} for m in ("HEAD", "OPTIONS", "POST", "PUT", "PATCH")]
    for way in ways:
        answer = browser.open(address, **{"method": "GET", **way})
        assert answer.status_code < 500, way
        assert not [t for t in secrets if t in answer.text], way
    for path in (f"{address}/", f"{address}.json", f"{address}.txt", f"{address}/amp", f"/{address}", address.upper(),
                 f"{address}/picture.png", f"{address}/report", "/issues.atom", "/sitemap.xml", "/openapi.json"):  # fmt: skip
        assert not [t for t in secrets if t.encode() in browser.get(path).data], path
    assert reads(sessions) == 5
    stranger = browser.application.test_client()
    assert [t for t in secrets if t in stranger.get(address).text], "that these are the words that are locked"


def counting(page: str) -> str:
    """The address of the picture at the page's end."""
    found = re.search(r'<img src="([^"]+/shown\.svg\?seen=[^"]+)"', page)
    assert found
    return found[1]


def test_a_program_that_looks_spends_nothing(
    browser: FlaskClient, sessions: db.Sessions, addresses: list[str]
) -> None:
    """A scanner of mail fetches the page and none of its pictures; a browser that loads ahead says so."""
    for address in addresses:
        browser.head(address)
        answer = browser.get(address, headers={"User-Agent": "Slackbot"})
        assert "Set-Cookie" not in answer.headers
        ahead = browser.get(counting(answer.text), headers={"Sec-Purpose": "prefetch;prerender"})
        assert "Set-Cookie" not in ahead.headers
    assert reads(sessions) == 0


def test_only_our_own_page_counts(browser: FlaskClient, sessions: db.Sessions, addresses: list[str]) -> None:
    dot = counting(browser.get(addresses[0]).text)
    for address, headers in (
        (dot, {"Sec-Fetch-Site": "cross-site"}),
        (f"{addresses[0]}/shown.svg", {}),
        (f"{addresses[0]}/shown.svg?seen=x", {}),
        (f"{addresses[1]}/shown.svg{dot[dot.index('?') :]}", {}),
    ):
        assert browser.get(address, headers=headers).status_code == 200
    assert reads(sessions) == 0
    answer = browser.get(dot, headers={"Sec-Fetch-Site": "same-origin"})
    assert (answer.mimetype, reads(sessions)) == ("image/svg+xml", 1)
    browser.get(dot)
    assert reads(sessions) == 1, "once"


def test_a_crowded_network_is_asked_to_sign_in(browser: FlaskClient, addresses: list[str]) -> None:
    """Without a cookie nobody can be told from the next: after 40 first Reads of a day the page is not open at once."""
    for _ in range(rate_limits.LIMITS[rate_limits.READ].most):
        opened(browser.application.test_client(), addresses[0])
    late = browser.application.test_client().get(addresses[0]).text
    assert "Sign in to read on" in late
    assert SECRET_WORDS not in late
    other = browser.application.test_client()
    assert SECRET_WORDS in other.get(addresses[0], environ_base={"REMOTE_ADDR": "203.0.113.9"}).text


def test_the_sixth_story_stays_locked_and_the_first_open(
    browser: FlaskClient, sessions: db.Sessions, addresses: list[str]
) -> None:
    pages = [opened(browser, address) for address in addresses[:5]]
    assert all(SECRET_WORDS in page for page in pages)
    browser.get(
        counting(browser.application.test_client().get(addresses[5]).text)
    )  # a picture of another's page
    page = browser.get(addresses[5]).text
    assert LIMIT in page
    assert SECRET_WORDS not in page
    assert 'href="/signin"' in page
    assert "Start my 7 free days" in page
    assert SECRET_WORDS in browser.get(addresses[0]).text
    assert reads(sessions) == 5


def test_no_cache_keeps_a_story_and_the_cookie_is_ours(browser: FlaskClient, addresses: list[str]) -> None:
    for page in (browser.get(addresses[0]), browser.get(addresses[1])):
        assert page.headers["Cache-Control"] == "private, no-store"
    opened(browser, addresses[0])
    cookie = browser.get_cookie("meter")
    assert cookie is not None
    assert cookie.http_only
    assert cookie.same_site == "Lax"


def test_search_engines_are_told_that_it_is_paid_for(browser: FlaskClient, addresses: list[str]) -> None:
    said = re.search(r'ld\+json">(.+?)</script>', browser.get(addresses[0]).text)
    assert said
    assert json.loads(said[1])["isAccessibleForFree"] is False


def test_programs_find_their_files(browser: FlaskClient, sessions: db.Sessions, addresses: list[str]) -> None:
    assert browser.get("/feed.atom").headers["Location"] == "/issues.atom"
    assert "Disallow: /desk/" in browser.get("/robots.txt").text
    security = browser.get("/.well-known/security.txt").text
    assert "Contact: mailto:" in security
    assert "Expires: 2026-08-29T00:00:00Z" in security
    assert "/stories/" not in browser.get("/sitemap.xml").text, "a sample edition is not offered"
    with sessions.begin() as session:
        session.execute(update(Issue).values(is_sample=False))
    tree = ElementTree.fromstring(browser.get("/sitemap.xml").data)
    places = [e.text or "" for e in tree.iter("{http://www.sitemaps.org/schemas/sitemap/0.9}loc")]
    with db.reading(sessions) as session:
        placed = session.scalar(select(func.count()).select_from(Placement))
    assert sum("/stories/" in place for place in places) == placed
    assert all(place.startswith("http://127.0.0.1:8000/") for place in places)


@pytest.fixture
def served(make_site: Callable[..., Flask], addresses: list[str]) -> Iterator[str]:
    """The site at a port of its own."""
    server = make_server("127.0.0.1", 0, make_site(), threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.browser
def test_the_locked_page_on_a_phone(
    chromium: Any, served: str, addresses: list[str], request: pytest.FixtureRequest
) -> None:
    page = chromium.new_page(viewport={"width": 375, "height": 800})
    try:
        for number, address in enumerate(addresses[:6]):
            page.goto(served + address)
            if number in (0, 5):
                assert violations(page) == []
                assert page.evaluate("document.documentElement.scrollWidth") == 375
            if number < 5:
                assert page.locator(".story [id^=article-]").count() > 0
                assert page.locator(
                    f"text={'last free story' if number == 4 else f'{4 - number} free'}"
                ).count()
        assert page.locator(f"text={LIMIT}").is_visible()
    finally:
        page.close()


@pytest.fixture
def mailed(
    sessions: db.Sessions, published: Issue, settings: Settings, now: datetime
) -> tuple[Subscriber, dict[str, str]]:
    """A reader on a Trial, and the addresses of the Stories in the mail that they got, by slug."""
    reader = make_reader(sessions, now, trial_started_at=now)
    service = service_with(sessions, settings, clock.fixed(now))
    own = service.reader_slots(published.issued_on, reader.id, reader.address)
    with db.reading(sessions) as session:
        text = next(r.text for r in session.scalars(select(Rendition)) if r.kind == "full")
    links = re.findall(r"http://127\.0\.0\.1:8000(/stories/([\w-]+)\?\S+)", slots.fill(text, own, html=False))
    return reader, {slug: address for address, slug in links}


def test_a_link_in_the_mail_opens_its_story_for_its_reader(
    site: Flask, sessions: db.Sessions, mailed: tuple[Subscriber, dict[str, str]]
) -> None:
    _, links = mailed
    assert len(links) > 5
    for address in links.values():
        page = site.test_client().get(address)
        assert SECRET_WORDS in page.text
        assert "left this month" not in page.text, "on a Trial nothing is metered"
        assert "Set-Cookie" not in page.headers, "it signs nobody in"
    assert reads(sessions) == 0
    assert site.test_client().get("/account?pass=" + address.partition("=")[2]).status_code == 303


def test_a_pass_is_for_its_reader_its_mail_and_its_time(
    site: Flask, make_site: Callable[..., Flask], sessions: db.Sessions, settings: Settings, now: datetime,
    mailed: tuple[Subscriber, dict[str, str]],
) -> None:  # fmt: skip
    """Wherever the pass says nothing the page is a stranger's: metered, and with the form to sign up."""
    reader, links = mailed
    (slug, link), *_ = links.items()
    mail_pass = link.partition("=")[2]
    with sessions.begin() as session:
        placed = session.get(Issue, 1)
        assert placed is not None
        story = session.scalars(select(Story).where(Story.slug == slug)).one()
        assert archive.is_placed(session, story.id, placed.issued_on)
        assert not archive.is_placed(session, story.id, placed.issued_on - timedelta(days=1))
        assert not archive.is_placed(session, story.id + 10_000, placed.issued_on)
    unsubscribe = link_for(reader, UNSUBSCRIBE, now)
    for address in (
        f"/stories/{slug}?pass={mail_pass[:-2]}xx",
        f"/stories/{slug}?pass={unsubscribe}",
        f"/stories/{slug}?pass=",
    ):
        assert "You have 4 free stories left" in site.test_client().get(address).text
    late = create_app(settings, sessions=sessions, clock=clock.fixed(now + timedelta(days=61))).test_client()
    assert "You have 4 free stories left" in late.get(link).text
    with sessions.begin() as session:
        session.delete(session.get(Subscriber, reader.id))
    assert "You have 4 free stories left" in site.test_client().get(link).text


def test_a_metered_reader_with_a_pass_is_counted_as_that_reader(
    site: Flask, sessions: db.Sessions, mailed: tuple[Subscriber, dict[str, str]]
) -> None:
    reader, links = mailed
    with sessions.begin() as session:
        session.execute(update(Subscriber).values(trial_started_at=None))
    for link in links.values():
        opened(site.test_client(), link)
    with db.reading(sessions) as session:
        assert set(session.scalars(select(Read.reader))) == {f"subscriber:{reader.id}"}
    assert reads(sessions) == 5
    sixth = list(links.values())[5]
    assert LIMIT in site.test_client().get(sixth).text
