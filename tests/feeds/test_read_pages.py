"""Reading articles' pages from a real server, with every fault: judged on what is stored and on the server's log."""

from __future__ import annotations

import gzip
import itertools
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from newsletter import db
from newsletter.db.models import Article, ArticlePage, Feed, Outlet, SiteRule
from newsletter.feeds import gather, read_pages
from newsletter.feeds.read_pages import ReadReport, repeated_paragraphs
from newsletter.settings import Settings
from tests.conftest import MORNING
from tests.feeds.test_gather import catalogue
from tests.feeds.test_page_text import HEADLINE, PARAGRAPHS, page
from tests.servers.feed_server import Asked, FeedServer, entry, head, rss

HTML = "text/html; charset=utf-8"
NO_RSL = '<rsl xmlns="https://rslstandard.org/rsl"><content url="/"><license><prohibits>all</prohibits></license></content></rsl>'


@pytest.fixture
def server() -> Iterator[FeedServer]:
    with FeedServer() as running:
        yield running


@pytest.fixture
def settings(make_settings: Callable[..., Settings], server: FeedServer) -> Settings:
    return make_settings(FETCH_ALLOW_PRIVATE=server.place)


class Reading:
    """Articles of one Outlet, and runs that read their pages."""

    def __init__(self, sessions: db.Sessions, settings: Settings, server: FeedServer) -> None:
        self.sessions, self.settings, self.server = sessions, settings, server
        self.at = MORNING
        self.ids: list[int] = []

    def article(self, url: str, *, policy: str = "page", licence: str = "", headline: str = HEADLINE) -> int:
        with self.sessions.begin() as session:
            name = f"The {policy} Post"
            outlet = session.scalars(select(Outlet).where(Outlet.name == name)).first() or Outlet(
                name=name, homepage="https://p.example/", lean="center", policy=policy
            )
            feed = Feed(url=f"{url}?feed", outlet=outlet, licence=licence)
            session.add_all([outlet, feed])
            session.flush()
            article = Article(
                outlet_id=outlet.id,
                feed_id=feed.id,
                url=url,
                headline=headline,
                excerpt="",
                published_at=MORNING,
                gathered_at=MORNING,
                text_hash=url,
            )
            session.add(article)
            session.flush()
            self.ids.append(article.id)
            return article.id

    def run(self, **changes: Any) -> ReadReport:
        settings = self.settings.model_copy(update=changes)
        return read_pages.run(self.sessions, settings, self.ids, now=self.at, deadline=3.0)

    def page(self, number: int) -> ArticlePage:
        with db.reading(self.sessions) as session:
            return session.scalars(select(ArticlePage).where(ArticlePage.article_id == number)).one()

    def after(self, act: Callable[[], str], **said: Any) -> ArticlePage:
        """The page of an Article at the address that ``act`` gives, after one run."""
        number = self.article(act(), **said)
        self.run()
        return self.page(number)


@pytest.fixture
def reading(sessions: db.Sessions, settings: Settings, server: FeedServer) -> Reading:
    return Reading(sessions, settings, server)


def test_a_page_is_read_once_and_kept_with_its_right(reading: Reading, server: FeedServer) -> None:
    url = server.says("/bridge", page(), kind=HTML)
    number = reading.article(url)
    assert reading.run() == ReadReport(asked=1, read=1)
    assert reading.run() == ReadReport()
    kept = reading.page(number)
    assert kept.text.split("\n") == PARAGRAPHS
    assert (kept.verdict, kept.models_allowed, kept.status, kept.failures) == ("read", True, 200, 0)
    assert "robots.txt" in kept.reason
    assert [a.path for a in server.asked] == ["/robots.txt", "/.well-known/tdmrep.json", "/bridge"]
    agent = server.asked[-1].headers["user-agent"]
    assert agent.startswith("Evenhand/1 ")
    assert reading.settings.SITE_URL in agent


def test_a_rewritten_piece_is_asked_for_again_with_its_conditions(
    reading: Reading, server: FeedServer
) -> None:
    number = reading.article(server.says("/bridge", page(), kind=HTML, headers={"ETag": '"1"'}))
    reading.run()
    reading.at += timedelta(hours=2)
    with reading.sessions.begin() as session:
        session.get_one(Article, number).changed_at = reading.at - timedelta(minutes=5)
    assert reading.run() == ReadReport(asked=1, read=1, unchanged=1)
    assert server.asked[-1].headers["if-none-match"] == '"1"'
    assert reading.page(number).text.split("\n") == PARAGRAPHS
    assert server.count("/robots.txt") == 1, "a site's rules are kept for a day"
    reading.at += timedelta(hours=25)
    reading.article(server.says("/other", page(), kind=HTML))
    reading.run()
    assert server.count("/robots.txt") == 2


def test_pages_are_read_and_kept_on_both_databases(
    each_sessions: db.Sessions, settings: Settings, server: FeedServer
) -> None:
    reading = Reading(each_sessions, settings, server)
    server.says("/robots.txt", "User-agent: *\nAllow: /\x00", kind="text/plain")
    number = reading.article(
        server.says("/bridge", page([*PARAGRAPHS, "A \x00 and &#xd800; end."]), kind=HTML)
    )
    assert reading.run().read == 1
    assert reading.page(number).text.split("\n")[: len(PARAGRAPHS)] == PARAGRAPHS
    assert reading.run() == ReadReport()
    reading.at += timedelta(days=8)
    reading.ids = []
    assert reading.run().texts_deleted == 1


def test_a_page_that_shows_that_its_piece_is_no_news_says_so(reading: Reading, server: FeedServer) -> None:
    data = {"@type": "OpinionNewsArticle", "headline": HEADLINE}
    opinion = reading.article(server.says("/1", page(data=data), kind=HTML))
    news = reading.article(server.says("/2", page(data={"@type": "NewsArticle"}), kind=HTML))
    reading.run()
    with db.reading(reading.sessions) as session:
        kinds = {a.id: a.kind for a in session.scalars(select(Article))}
    assert kinds == {opinion: "opinion", news: "news"}


# --- what may not be read is not asked for ---


def test_nothing_is_asked_for_where_the_setting_or_the_catalogue_says_no(
    reading: Reading, server: FeedServer
) -> None:
    reading.article(server.says("/bridge", page(), kind=HTML), policy="feed")
    assert reading.run() == ReadReport()
    reading.article(server.says("/other", page(), kind=HTML))
    assert reading.run(READ_PAGES="off") == ReadReport()
    assert server.asked == []


@pytest.mark.parametrize(
    ("robots", "status"),
    [("User-agent: *\nDisallow: /bridge", 200), ("User-agent: evenhand\nDisallow: /", 200), ("", 500)],
)
def test_a_page_that_robots_txt_forbids_is_not_asked_for(
    reading: Reading, server: FeedServer, robots: str, status: int
) -> None:
    server.says("/robots.txt", robots, status=status, kind="text/plain")
    kept = reading.after(lambda: server.says("/bridge", page(), kind=HTML))
    assert (kept.verdict, kept.text, kept.models_allowed) == ("refused", "", False)
    assert "robots.txt" in kept.reason
    assert server.count("/bridge") == 0


def test_a_robots_txt_of_ten_megabytes_forbids(reading: Reading, server: FeedServer) -> None:
    server.says("/robots.txt", b"# comment\n" * 1_000_000, kind="text/plain")
    kept = reading.after(lambda: server.says("/bridge", page(), kind=HTML))
    assert kept.reason == "Its robots.txt could not be read: It is larger than 0.5 MB."
    assert server.count("/bridge") == 0


def test_licences_in_robots_txt_and_in_the_feed_forbid(reading: Reading, server: FeedServer) -> None:
    kept = reading.after(lambda: server.says("/bridge", page(), kind=HTML), licence=NO_RSL)
    assert (kept.verdict, "(RSL)" in kept.reason) == ("refused", True)
    reading.at += timedelta(hours=25)
    licence = server.says("/rsl.xml", NO_RSL, kind="application/rsl+xml")
    server.says("/robots.txt", f"License: {licence}\nUser-agent: *\nAllow: /", kind="text/plain")
    kept = reading.after(lambda: server.says("/other", page(), kind=HTML))
    assert (kept.verdict, "(RSL)" in kept.reason) == ("refused", True)
    assert server.count("/bridge") == server.count("/other") == 0


def test_reserved_text_mining_forbids(reading: Reading, server: FeedServer) -> None:
    rule = '[{"location": "/bridge", "tdm-reservation": 1}]'
    server.says("/.well-known/tdmrep.json", rule, kind="application/json")
    kept = reading.after(lambda: server.says("/bridge", page(), kind=HTML))
    assert (kept.verdict, server.count("/bridge")) == ("refused", 0)


@pytest.mark.parametrize(
    ("headers", "in_head", "verdict", "models"),
    [
        ({"X-Robots-Tag": "noindex"}, "", "refused", False),
        ({"TDM-Reservation": "1"}, "", "refused", False),
        ({}, "<meta name=robots content=noindex>", "refused", False),
        ({"Link": '</rsl.xml>; rel="license"; type="application/rsl+xml"'}, "", "refused", False),
        ({}, "<link rel=license type='application/rsl+xml' href='/rsl.xml'>", "refused", False),
        ({"Content-Usage": "ai-input=n"}, "", "read", False),
        ({}, "<meta name=robots content=noai>", "read", False),
        ({"Content-Usage": "train-ai=n"}, "", "read", True),
    ],
)
def test_what_comes_with_a_page_decides_what_is_kept(
    reading: Reading, server: FeedServer, headers: dict[str, str], in_head: str, verdict: str, models: bool
) -> None:
    server.says("/rsl.xml", NO_RSL, kind="application/rsl+xml")
    kept = reading.after(lambda: server.says("/bridge", page(head=in_head), kind=HTML, headers=headers))
    assert (kept.verdict, bool(kept.text), kept.models_allowed) == (verdict, verdict == "read", models)


def test_a_redirect_is_followed_only_to_what_may_be_read(reading: Reading, server: FeedServer) -> None:
    server.says("/robots.txt", "User-agent: *\nDisallow: /secret", kind="text/plain")
    secret = server.says("/secret", page(), kind=HTML)
    kept = reading.after(lambda: server.says("/bridge", b"", status=302, headers={"Location": secret}))
    assert kept.verdict == "failed"
    assert "may not be read. Its robots.txt forbids it." in kept.reason
    assert server.count("/secret") == 0


# --- faults ---


def _endless(server: FeedServer) -> str:
    return server.drips("/bridge", head(200, {"Content-Type": HTML}) + b"<p>", b"more and more <p>")


def _huge(server: FeedServer) -> str:
    body = gzip.compress(b"<p>All of it is the same sentence.</p>" * 1_400_000)
    return server.says("/bridge", body, kind=HTML, headers={"Content-Encoding": "gzip"})


def _private(server: FeedServer) -> str:
    away = {"Location": "http://10.0.0.1/router"}
    return server.says("/bridge", b"", status=302, headers=away)


def _busy(server: FeedServer) -> str:
    return server.says("/bridge", b"", status=429, headers={"Retry-After": "7200"})


@pytest.mark.parametrize(
    ("fault", "verdict", "reason"),
    [
        pytest.param(_endless, "failed", "did not answer whole", marks=pytest.mark.slow),
        (_huge, "failed", "larger than 4 MB"),
        (_private, "failed", "private network"),
        (_busy, "failed", "fewer visits"),
        (lambda s: s.says("/bridge", page([]), kind=HTML), "walled", "too little text"),
        (
            lambda s: s.says("/bridge", "<div id=a></div><script src=/a.js></script>", kind=HTML),
            "walled",
            "another page",
        ),
        (
            lambda s: s.says("/bridge", page(data={"@type": "Article", "isAccessibleForFree": False})),
            "failed",
            "no web page",
        ),
        (
            lambda s: s.says(
                "/bridge", page(data={"@type": "Article", "isAccessibleForFree": False}), kind=HTML
            ),
            "walled",
            "not free",
        ),
        (lambda s: s.says("/bridge", b"<a" + b" b=1" * 500_000, kind=HTML), "failed", "never ends"),
        (lambda s: s.says("/bridge", b"", status=403), "failed", "forbids us"),
        (lambda s: "http://127.0.0.1:65001/bridge", "refused", "private network"),
    ],
)
def test_each_fault_is_a_reason_and_no_text(
    reading: Reading,
    server: FeedServer,
    fault: Callable[[FeedServer], str],
    verdict: str,
    reason: str,
) -> None:
    kept = reading.after(lambda: fault(server))
    assert (kept.verdict, kept.text) == (verdict, "")
    assert reason in kept.reason
    assert kept.not_before_at is not None


def test_a_page_in_utf_16_is_read(reading: Reading, server: FeedServer) -> None:
    kept = reading.after(lambda: server.says("/bridge", page().decode().encode("utf-16"), kind="text/html"))
    assert kept.text.split("\n") == PARAGRAPHS


def test_a_busy_site_is_let_be_as_long_as_it_asks(reading: Reading, server: FeedServer) -> None:
    reading.article(_busy(server))
    reading.run()
    reading.at += timedelta(minutes=119)
    assert reading.run() == ReadReport()
    reading.at += timedelta(minutes=2)
    server.says("/bridge", page(), kind=HTML)
    assert reading.run() == ReadReport(asked=1, read=1)


def test_what_fails_often_is_given_up(reading: Reading, server: FeedServer) -> None:
    reading.article(server.says("/bridge", b"", status=503))
    for _ in range(6):
        reading.run()
        reading.at += timedelta(hours=25)
    assert server.count("/bridge") == read_pages.MOST_FAILURES


# --- politeness and time ---


def test_one_request_at_a_time_goes_to_a_host_with_the_pause_it_asks_for(
    reading: Reading, server: FeedServer
) -> None:
    server.says("/robots.txt", "User-agent: *\nCrawl-delay: 0.4", kind="text/plain")
    starts: list[float] = []

    def act(connection: Any, asked: Asked) -> None:
        starts.append(time.monotonic())
        body = page()
        connection.sendall(head(200, {"Content-Type": HTML, "Content-Length": str(len(body))}) + body)

    for number in range(4):
        reading.article(server.acts(f"/{number}", act))
    assert reading.run().read == 4
    assert min(b - a for a, b in itertools.pairwise(starts)) >= 0.35
    assert server.most_at_once == 1


def test_what_is_not_begun_in_time_is_left_for_the_next_run(reading: Reading, server: FeedServer) -> None:
    server.says("/robots.txt", "User-agent: *\nCrawl-delay: 100", kind="text/plain")
    for number in range(3):
        reading.article(server.says(f"/{number}", page(), kind=HTML))
    report = read_pages.run(
        reading.sessions, reading.settings, reading.ids, now=MORNING, read_for=timedelta(seconds=1)
    )
    assert (report.asked, report.read, report.left) == (3, 1, 2)


@pytest.mark.slow
def test_a_slow_host_holds_up_no_other(reading: Reading, server: FeedServer, make_settings: Any) -> None:
    with FeedServer() as slow:
        slow.drips("/robots.txt", b"HTTP/1.1 200 OK\r\n", b"")
        reading.settings = make_settings(FETCH_ALLOW_PRIVATE=f"{server.place},{slow.place}")
        reading.article(slow.says("/1", page(), kind=HTML))
        number = reading.article(server.says("/2", page(), kind=HTML))
        report = read_pages.run(
            reading.sessions, reading.settings, reading.ids, now=MORNING, read_for=timedelta(seconds=2)
        )
    assert (report.read, report.left) == (1, 1)
    assert reading.page(number).verdict == "read"


# --- keeping and forgetting ---


def test_text_is_forgotten_after_days_and_erased_with_the_article(
    reading: Reading, server: FeedServer
) -> None:
    number = reading.article(server.says("/bridge", page(), kind=HTML))
    reading.run()
    reading.at += timedelta(days=7, minutes=1)
    reading.ids = []
    assert reading.run() == ReadReport(texts_deleted=1)
    kept = reading.page(number)
    assert (kept.text, kept.verdict) == ("", "read")
    assert kept.text_hash
    with reading.sessions.begin() as session:
        session.delete(session.get_one(Article, number))
    with db.reading(reading.sessions) as session:
        assert session.scalars(select(ArticlePage)).all() == []


def test_paragraphs_that_repeat_on_an_outlets_pages_are_dropped(reading: Reading, server: FeedServer) -> None:
    ours = "Read our newsletter every morning, and you will know what the council does."
    more = [
        f"{name} told the council that nobody had asked the island."
        for name in ("Ann Lee", "Bo Hart", "Cy Dunn")
    ]
    one = reading.article(server.says("/1", page([ours, *PARAGRAPHS]), kind=HTML))
    other = reading.article(server.says("/2", page([*more, ours, f"{HEADLINE}, and more of it."]), kind=HTML))
    reading.run()
    assert reading.page(one).text.split("\n") == PARAGRAPHS
    assert ours not in reading.page(other).text


def test_two_forms_of_one_piece_share_no_boilerplate() -> None:
    a, b, c = "One thing happened.", "Another thing happened.", "A third thing happened."
    assert repeated_paragraphs([(a, b, c), (a, b)]) == frozenset()
    assert repeated_paragraphs([(a, b, c), (a, "d.", "e.", "f.")]) == {a}


def test_the_licence_in_a_feed_is_kept_with_it(reading: Reading, server: FeedServer) -> None:
    terms = '<channel xmlns:rsl="https://rslstandard.org/rsl"><rsl:content url="/"/>'
    document = rss(entry(1)).replace("<channel>", terms)
    with reading.sessions.begin() as session:
        gather.sync_catalogue(session, catalogue(server.says("/feed", document)))
    gather.run(reading.sessions, reading.settings, now=MORNING)
    with db.reading(reading.sessions) as session:
        licence = session.scalars(select(Feed.licence)).one()
        assert session.scalars(select(SiteRule)).all() == []
    assert 'url="/"' in licence
