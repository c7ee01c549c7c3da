"""The metered site: what is locked is not in the answer, looking spends nothing, and no cache keeps what is one reader's."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from typing import Any
from xml.etree import ElementTree

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select, update
from werkzeug.serving import make_server

from newsletter import db
from newsletter.db.models import Issue, Placement, Read, Story, StoryRevision
from tests.axe import violations
from tests.browsing import follow
from tests.web.sample_site import opened

SECRET_WORDS = 'id="article-'
LIMIT = "You’ve reached your monthly limit"


@pytest.fixture
def addresses(sessions: db.Sessions, published: Issue) -> list[str]:
    """Six Stories' addresses, in a published Issue."""
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
    address = max(addresses, key=lambda a: len(long_texts(sessions, a)))
    locked = browser.get(address)
    secrets = long_texts(sessions, address)
    assert len(secrets) >= 2
    assert not [t for t in secrets if t in locked.text]
    assert "Read this story" in locked.text
    assert 'class="coverage__line"' in locked.text
    assert 'class="cite"' not in locked.text, "nothing to lead to"
    whole = opened(browser, address)
    assert [t for t in secrets if t in whole]
    assert SECRET_WORDS in whole
    assert SECRET_WORDS not in locked.text


@pytest.mark.slow
@pytest.mark.parametrize("used_up", [False, True])
def test_no_way_of_asking_gets_round_the_meter(
    browser: FlaskClient, sessions: db.Sessions, addresses: list[str], used_up: bool
) -> None:
    """Other methods, ranges, formats, names, programs, paths and planted cookies: locked words come by our button alone."""
    if used_up:
        for address in addresses[:5]:
            opened(browser, address)
    address = addresses[5]
    secrets = long_texts(sessions, address)
    ways: list[dict[str, Any]] = [{"headers": {name: value}} for name, value in (
        ("Range", "bytes=0-"), ("Accept", "application/json"), ("Accept", "text/plain"), ("X-Requested-With", "XMLHttpRequest"),
        ("User-Agent", "Googlebot/2.1 (+http://www.google.com/bot.html)"), ("User-Agent", "curl/8"), ("Referer", "https://www.google.com/"),
        ("X-Forwarded-For", "66.249.66.1"), ("X-Original-URL", "/desk/"), ("X-HTTP-Method-Override", "POST"), ("Cache-Control", "only-if-cached"),
        ("Cookie", "meter=1"), ("Cookie", "meter=" + "A" * 200), ("Cookie", "reader=1; desk=1"), ("Authorization", "Bearer x"),
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
    assert reads(sessions) == (5 if used_up else 0)
    if not used_up:
        assert [t for t in secrets if t in opened(browser, address)], (
            "that these are the words that are locked"
        )


def test_looking_spends_nothing(browser: FlaskClient, sessions: db.Sessions, addresses: list[str]) -> None:
    for address in addresses:
        browser.head(address)
        for manners in ({}, {"Sec-Purpose": "prefetch"}, {"Purpose": "prefetch"}, {"User-Agent": "Slackbot"}):
            answer = browser.get(address, headers=manners)
            assert "Set-Cookie" not in answer.headers
            assert SECRET_WORDS not in answer.text
    assert reads(sessions) == 0


def test_the_sixth_story_stays_locked_and_the_first_open(
    browser: FlaskClient, sessions: db.Sessions, addresses: list[str]
) -> None:
    pages = [opened(browser, address) for address in addresses[:5]]
    assert all(SECRET_WORDS in page for page in pages)
    token = re.search(r'value="([0-9a-f]{40})"', browser.application.test_client().get(addresses[5]).text)
    assert token
    browser.post(addresses[5], data={"form_token": token[1]})  # a button kept from before
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
    browser.set_cookie("meter", cookie.value[:-2] + "xx")
    assert SECRET_WORDS not in browser.get(addresses[0]).text, "a forged cookie is nobody's"


def test_a_form_of_another_site_spends_nothing(
    browser: FlaskClient, sessions: db.Sessions, addresses: list[str]
) -> None:
    assert browser.post(addresses[0], headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert browser.post(addresses[0], data={"form_token": "x"}).status_code == 400
    assert reads(sessions) == 0


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
                follow(page, page.get_by_role("button", name="Read this story"))
                assert page.locator(".story [id^=article-]").count() > 0
        assert page.locator(f"text={LIMIT}").is_visible()
    finally:
        page.close()
