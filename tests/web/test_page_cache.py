"""Public pages are kept for seconds: as long as said and no longer, each variant by itself, and revalidated without a body."""

from __future__ import annotations

from datetime import datetime, timedelta
from threading import Barrier, Thread

import pytest
from flask import Flask, Response, make_response, request
from sqlalchemy import update

from newsletter import clock, db
from newsletter.app import create_app
from newsletter.db.models import Issue
from newsletter.settings import Settings
from newsletter.web.http import headers
from newsletter.web.http.page_cache import MOST_ENTRIES, RENEWAL_SECONDS, PageCache


class Seconds:
    """A clock that goes when it is told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


@pytest.fixture
def keeping(
    settings: Settings, sessions: db.Sessions, published: Issue, now: datetime, seconds: Seconds
) -> Flask:
    return create_app(settings, sessions=sessions, clock=clock.fixed(now), page_cache=PageCache(seconds))


def change(sessions: db.Sessions, **values: str) -> None:
    with sessions.begin() as session:
        session.execute(update(Issue).values(**values))


def test_a_page_is_made_anew_after_a_tenth_of_what_caches_may_keep_it(
    keeping: Flask, sessions: db.Sessions, seconds: Seconds
) -> None:
    browser = keeping.test_client()
    first = browser.get("/issues")
    assert first.headers["Cache-Control"] == "public, max-age=60"
    change(sessions, subject="Another line")
    seconds.now = 5.9
    again = browser.get("/issues")
    assert (again.data, again.headers["ETag"]) == (first.data, first.headers["ETag"])
    assert again.headers["Content-Security-Policy"] == first.headers["Content-Security-Policy"]
    assert browser.head("/issues").status_code == 200
    assert browser.get("/issues", headers={"If-None-Match": first.headers["ETag"]}).status_code == 304
    seconds.now = 6.0
    assert browser.head("/issues").status_code == 200  # who asks for the head alone makes the page for all
    assert "Another line" in browser.get("/issues").text


def test_what_is_withdrawn_is_gone_even_when_one_asks_all_the_time(
    keeping: Flask, sessions: db.Sessions, seconds: Seconds, now: datetime
) -> None:
    browser, day = keeping.test_client(), f"/issues/{now:%Y-%m-%d}"
    assert browser.get(day).status_code == 200
    change(sessions, state="withdrawn")
    seen = []
    for _ in range(40):
        seconds.now += 1
        seen.append(browser.get(day).status_code)
    assert set(seen[int(6 + RENEWAL_SECONDS) :]) == {404}


def test_a_crowd_waits_for_nobody_while_one_makes_the_page() -> None:
    seconds, makers = Seconds(), []
    cache = PageCache(seconds)
    cache.put("page", "old", 5)
    seconds.now = 6
    together = Barrier(9)

    def ask() -> None:
        together.wait()
        makers.append(cache.get("page"))

    crowd = [Thread(target=ask) for _ in range(8)]
    for one in crowd:
        one.start()
    together.wait()
    for one in crowd:
        one.join()
    assert sorted(makers, key=str) == [None, *["old"] * 7]


def test_no_more_is_kept_than_there_is_room_for() -> None:
    cache = PageCache(Seconds())
    for n in range(MOST_ENTRIES + 50):
        cache.put(n, n, 60)
    assert cache.kept_keys() == list(range(50, MOST_ENTRIES + 50))


def test_a_page_with_a_form_is_revalidated_although_its_form_tells_when_it_was_made(
    settings: Settings, sessions: db.Sessions, published: Issue, now: datetime
) -> None:
    moment = [now]
    browser = create_app(settings, sessions=sessions, clock=lambda: moment[0]).test_client()
    first = browser.get("/")
    moment[0] += timedelta(seconds=20)
    assert browser.get("/").data != first.data
    assert browser.get("/", headers={"If-None-Match": first.headers["ETag"]}).status_code == 304
    moment[0] += timedelta(hours=1)  # the form's token is another one: it would be too old some day
    assert browser.get("/", headers={"If-None-Match": first.headers["ETag"]}).status_code == 200


def test_an_address_with_a_question_is_never_kept(keeping: Flask) -> None:
    browser = keeping.test_client()
    for n in range(3):
        assert browser.get(f"/issues?n={n}").status_code == 200
    assert [key for key in keeping.extensions["newsletter"].page_cache.kept_keys() if "?" in str(key)] == []


def greet_by_language(site: Flask, vary: str) -> list[str]:
    """Add a public page in two languages at /greeting; returns the languages it was made in, which grows."""
    made: list[str] = []

    @site.get("/greeting")
    def greeting() -> Response:
        language = request.accept_languages.best_match(["en", "de"], default="en")
        made.append(language)
        answer = make_response("Guten Morgen" if language == "de" else "Good morning")
        answer.headers["Vary"] = vary
        return headers.public(answer)

    return made


@pytest.mark.parametrize("vary", ["Accept-Language", "accept-language, X-Other"])
def test_a_page_that_varies_by_language_is_served_to_each_in_theirs(
    keeping: Flask, seconds: Seconds, vary: str
) -> None:
    made, browser = greet_by_language(keeping, vary), keeping.test_client()
    for _ in range(3):
        assert browser.get("/greeting", headers={"Accept-Language": "en"}).text == "Good morning"
        assert browser.get("/greeting", headers={"Accept-Language": "de"}).text == "Guten Morgen"
    assert made == ["en", "de"], "each was made once and kept"
    seconds.now = 7.0
    assert browser.get("/greeting", headers={"Accept-Language": "de"}).text == "Guten Morgen"
    assert made == ["en", "de", "de"]


@pytest.mark.parametrize("vary", ["Cookie", "*"])
def test_a_page_that_varies_by_cookie_or_by_anything_is_not_kept(keeping: Flask, vary: str) -> None:
    made, browser = greet_by_language(keeping, vary), keeping.test_client()
    for _ in range(2):
        browser.get("/greeting")
    assert made == ["en", "en"]


def test_what_a_view_says_it_varies_by_reaches_the_caches_of_others(keeping: Flask) -> None:
    greet_by_language(keeping, "Accept-Language")
    for _ in range(2):  # made, then kept
        assert keeping.test_client().get("/greeting").vary.as_set() == {"accept-language", "accept-encoding"}
