"""A round over the Feeds with a real server and database: new Articles are stored once, and failures are left for later."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from newsletter import db
from newsletter.db.models import Article, Feed, Outlet
from newsletter.feeds import gather
from newsletter.feeds.catalogue import Catalogue, parse_catalogue
from newsletter.feeds.crawl import FeedToRead, Outcome, visit_all
from newsletter.feeds.fetcher import PoliteFetcher
from newsletter.feeds.gather import GatherReport
from newsletter.settings import Settings
from tests.servers.feed_server import Asked, FeedServer, entry, head, rss

NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
SUNDAY = "Sun, 01 Mar 2026 08:00:00 GMT"
LATER = gather.RECHECK_AFTER + timedelta(seconds=1)


def catalogue(*feeds: str) -> Catalogue:
    """One Outlet a Feed."""
    return parse_catalogue(
        "\n".join(
            f'[[outlet]]\nname="Outlet {n}"\nhomepage="https://o{n}.example/"\nlean="center"\nfeeds=["{url}"]'
            for n, url in enumerate(feeds)
        ),
        "c.toml",
    )


@pytest.fixture
def server() -> Iterator[FeedServer]:
    with FeedServer() as running:
        yield running


@pytest.fixture
def polite(make_settings: Callable[..., Settings], server: FeedServer) -> Iterator[PoliteFetcher]:
    with PoliteFetcher(make_settings(FETCH_ALLOW_PRIVATE=server.place), deadline=4.0) as fetch:
        yield fetch


@pytest.fixture
def settings(make_settings: Callable[..., Settings], server: FeedServer) -> Settings:
    return make_settings(FETCH_ALLOW_PRIVATE=server.place)


@pytest.fixture
def go(settings: Settings, polite: PoliteFetcher) -> Callable[..., GatherReport]:
    """Bring the Catalogue in, and go one round."""

    def once(sessions: db.Sessions, *feeds: str, at: datetime = NOW, force: bool = False) -> GatherReport:
        if feeds:
            with sessions.begin() as session:
                gather.sync_catalogue(session, catalogue(*feeds))
        return gather.run(sessions, settings, now=at, fetch=polite, force=force)

    return once


Go = Callable[..., GatherReport]


def articles(sessions: db.Sessions) -> list[Article]:
    with db.reading(sessions) as session:
        return list(session.scalars(select(Article).order_by(Article.url)))


def feed(sessions: db.Sessions) -> Feed:
    with db.reading(sessions) as session:
        return session.scalars(select(Feed)).one()


# ── the catalogue in the tables ───────────────────────────────────────────────────────────────────────────────────


def test_the_catalogue_is_brought_in_once_and_what_leaves_it_stays_unlisted(
    each_sessions: db.Sessions,
) -> None:
    first, second = catalogue("https://a.example/f", "https://b.example/f"), catalogue("https://a.example/f2")
    for one in (first, first, second):
        with each_sessions.begin() as session:
            gather.sync_catalogue(session, one)
    with db.reading(each_sessions) as session:
        outlets = {o.name: o.listed for o in session.scalars(select(Outlet))}
        feeds = {f.url: (f.outlet.name, f.enabled) for f in session.scalars(select(Feed))}
    assert outlets == {"Outlet 0": True, "Outlet 1": False}
    assert feeds == {
        "https://a.example/f": ("Outlet 0", False),
        "https://b.example/f": ("Outlet 1", False),
        "https://a.example/f2": ("Outlet 0", True),
    }


def test_a_feed_that_changes_hands_keeps_its_history_and_an_outlet_may_come_back(
    sessions: db.Sessions,
) -> None:
    a = catalogue("https://x.example/f")
    b = Catalogue((replace(a.outlets[0], name="Other"),))
    for one in (a, b, a):
        with sessions.begin() as session:
            gather.sync_catalogue(session, one)
    with db.reading(sessions) as session:
        assert session.scalars(select(Feed)).one().outlet.name == "Outlet 0"
        assert {o.name: o.listed for o in session.scalars(select(Outlet))} == {
            "Outlet 0": True,
            "Other": False,
        }


# ── what is kept ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_round_keeps_what_is_new_and_a_second_round_nothing(
    server: FeedServer, go: Go, each_sessions: db.Sessions
) -> None:
    a = server.says("/a", rss(entry(1, date=SUNDAY), entry(2)))
    b = server.says("/b", rss(entry(2), entry(3, date="Mon, 05 Jan 2026 08:00:00 GMT")))
    report = go(each_sessions, a, b)
    assert (report.feeds, report.fetched, report.entries, report.new_articles) == (2, 2, 4, 2)
    assert (report.too_old, report.undated, report.outlets_answered, report.reached) == (1, 2, 2, 2)
    first, second = articles(each_sessions)
    assert (first.published_at, first.dated) == (datetime(2026, 3, 1, 8, tzinfo=UTC), True)
    assert (second.published_at, second.dated) == (NOW, False)
    assert second.outlet_id == first.outlet_id, "the first in the Catalogue's order keeps a shared Article"
    again = go(each_sessions, at=NOW + LATER)
    assert (again.new_articles, again.changed_articles, len(articles(each_sessions))) == (0, 0, 2)


def test_rewritten_words_are_noted_only_when_their_own_feed_says_so(
    server: FeedServer, go: Go, each_sessions: db.Sessions
) -> None:
    a, b = server.says("/a", rss(entry(1, title="First words here"))), server.says("/b", rss())
    go(each_sessions, a, b)
    server.says("/a", rss())
    server.says("/b", rss(entry(1, title="Somebody else's words")))
    assert go(each_sessions, at=NOW + LATER).changed_articles == 0
    server.says("/a", rss(entry(1, title="Second words here")))
    assert go(each_sessions, at=NOW + 2 * LATER).changed_articles == 1
    (article,) = articles(each_sessions)
    assert (article.headline, article.changed_at) == ("Second words here", NOW + 2 * LATER)
    assert article.published_at == NOW, "an undated Article does not become younger by being read again"


def test_an_unchanged_feed_is_asked_with_its_validators(
    server: FeedServer, go: Go, sessions: db.Sessions
) -> None:
    url = server.says("/a", rss(entry(1)), headers={"ETag": '"one"', "Last-Modified": SUNDAY})
    go(sessions, url)
    report = go(sessions, at=NOW + LATER)
    assert (report.fetched, report.unchanged, report.reached) == (0, 1, 1)
    assert server.asked[1].headers["if-none-match"] == '"one"'
    assert (feed(sessions).last_status, feed(sessions).failures) == (304, 0)
    assert feed(sessions).etag == '"one"', "a 304 leaves the validators as they are"


def test_a_304_that_nobody_asked_for_is_a_failure(server: FeedServer, go: Go, sessions: db.Sessions) -> None:
    assert go(sessions, server.says("/a", status=304)).failed == 1


def test_a_refused_document_does_not_leave_its_validators_behind(
    server: FeedServer, go: Go, sessions: db.Sessions
) -> None:
    """Otherwise the next visit would be told "unchanged" about a document that was never read."""
    go(sessions, server.says("/a", "<html>oops</html>", headers={"ETag": '"bad"'}))
    assert (feed(sessions).etag, feed(sessions).failures) == (None, 1)
    assert "web page" in (feed(sessions).last_error or "")


def test_hostile_words_are_kept_as_plain_text(server: FeedServer, go: Go, each_sessions: db.Sessions) -> None:
    title = "<![CDATA[<script>alert(1)</script>Ferry\x20{{ 7*7 }} %%unsubscribe_url%%\u202e\u200b pier<svg onload=x>]]>"
    go(each_sessions, server.says("/a", rss(entry(1, title=title, summary="<![CDATA[a\x09<b>b</b>&#0;]]>"))))
    (article,) = articles(each_sessions)
    assert article.headline == "Ferry {{ 7*7 }} %%unsubscribe_url%% pier"
    assert "<" not in article.excerpt


# ── what fails ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("status", "words"),
    [(404, "nothing at this address"), (429, "fewer"), (500, "trouble"), (503, "trouble")],
)
def test_a_failing_feed_is_left_in_peace_for_longer_each_time(
    server: FeedServer, go: Go, sessions: db.Sessions, status: int, words: str
) -> None:
    url = server.says("/a", status=status)
    at, pauses = NOW, []
    go(sessions, url)
    for _ in range(9):
        until = feed(sessions).not_before_at
        assert until is not None
        pauses.append(until - at)
        skipped = go(sessions, at=until - timedelta(seconds=1), force=True)
        assert (skipped.skipped, skipped.failed) == (1, 0)
        at = until
        assert go(sessions, at=at).failed == 1
    assert pauses[:3] == [timedelta(minutes=15), timedelta(minutes=30), timedelta(hours=1)]
    assert max(pauses) == gather.LONGEST_BACKOFF
    assert (feed(sessions).failures, feed(sessions).last_status) == (10, status)
    assert words in (feed(sessions).last_error or "")
    server.says("/a", rss(entry(1)))
    assert go(sessions, at=at + gather.LONGEST_BACKOFF).fetched == 1
    assert (feed(sessions).failures, feed(sessions).not_before_at, feed(sessions).last_error) == (
        0,
        None,
        None,
    )


@pytest.mark.parametrize(
    ("status", "said", "pause"),
    [
        (429, "7200", timedelta(hours=2)),
        (503, "1", timedelta(minutes=15)),
        (503, "99999999", gather.LONGEST_BACKOFF),
        (410, "1", gather.GONE_BACKOFF),
    ],
)
def test_a_servers_wish_is_honoured_within_reason(
    server: FeedServer, go: Go, sessions: db.Sessions, status: int, said: str, pause: timedelta
) -> None:
    go(sessions, server.says("/a", status=status, headers={"Retry-After": said}))
    assert feed(sessions).not_before_at == NOW + pause


def test_a_feed_read_a_moment_ago_is_not_read_again_unless_forced(
    server: FeedServer, go: Go, sessions: db.Sessions
) -> None:
    url = server.says("/a", rss(entry(1)))
    go(sessions, url)
    assert go(sessions, at=NOW + timedelta(minutes=1)).skipped == 1
    assert go(sessions, at=NOW + timedelta(minutes=1), force=True).fetched == 1
    assert go(sessions, at=NOW - timedelta(days=200)).fetched == 1, "a replay is not held up by another clock"


def test_paused_feeds_and_switched_off_outlets_are_not_visited(
    server: FeedServer, go: Go, sessions: db.Sessions
) -> None:
    a, b = server.says("/a", rss(entry(1))), server.says("/b", rss(entry(2)))
    go(sessions, a, b)
    with sessions.begin() as session:
        session.scalars(select(Feed).where(Feed.url == a)).one().paused_at = NOW
        session.scalars(select(Outlet).where(Outlet.name == "Outlet 1")).one().enabled = False
    assert go(sessions, at=NOW + LATER).feeds == 0


@pytest.mark.slow
def test_one_bad_feed_costs_the_others_nothing(
    server: FeedServer, go: Go, each_sessions: db.Sessions
) -> None:
    bomb = '<!DOCTYPE r [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;">]>' + rss(entry("&b;"))
    bad = [
        server.says("/404", status=404),
        server.says("/html", "<!doctype html><p>Hello"),
        server.says("/empty"),
        server.says("/bomb", bomb.replace('<?xml version="1.0"?>', "")),
        server.says("/json", '{"a": 1}', kind="application/json"),
        server.drips("/slow", head(200, {})),
        server.url("/nothing"),
        "http://127.0.0.1:1/closed",
    ]
    good = [server.says(f"/{n}", rss(entry(n))) for n in range(5)]
    report = go(each_sessions, *bad, *good)
    assert (report.failed, report.fetched, report.new_articles, report.outlets_answered) == (8, 5, 5, 5)
    with db.reading(each_sessions) as session:
        reasons = [f.last_error for f in session.scalars(select(Feed).where(Feed.failures == 1))]
    assert len(reasons) == 8
    assert all(r and r.endswith(".") and "our fault" not in r for r in reasons)


def test_progress_goes_up_to_the_last_feed(
    server: FeedServer, settings: Settings, polite: PoliteFetcher, sessions: db.Sessions
) -> None:
    with sessions.begin() as session:
        gather.sync_catalogue(session, catalogue(*(server.says(f"/{n}", rss(entry(n))) for n in range(7))))
    seen: list[tuple[int, int, str]] = []
    gather.run(sessions, settings, now=NOW, fetch=polite, progress=lambda *said: seen.append(said))
    assert [(done, of) for done, of, _ in seen] == [(n, 7) for n in range(1, 8)]
    assert {what for _, _, what in seen} == {f"Outlet {n}" for n in range(7)}


def test_no_transaction_is_open_while_the_network_is_asked(
    server: FeedServer, go: Go, sessions: db.Sessions
) -> None:
    """On SQLite an open one would hold up every other writer."""
    wrote: list[str] = []

    def act(connection: object, _asked: Asked) -> None:
        with sessions.begin() as session:
            session.add(Outlet(name="Written meanwhile", homepage="https://w.example/", lean="center"))
        wrote.append("yes")
        connection.sendall(head(404, {"Content-Length": "0"}))  # type: ignore[attr-defined]

    go(sessions, server.acts("/a", act))
    assert wrote == ["yes"]


def test_nothing_to_read_is_a_report_of_nothing(go: Go, sessions: db.Sessions) -> None:
    assert go(sessions) == GatherReport(feeds=0)


# ── politeness ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_slow_feed_delays_nobody(server: FeedServer, make_settings: Callable[..., Settings]) -> None:
    others_are_done = threading.Event()

    def slow(connection: object, _asked: Asked) -> None:
        assert others_are_done.wait(30)
        connection.sendall(head(200, {"Content-Length": "0"}))  # type: ignore[attr-defined]

    urls = [server.acts("/slow", slow), *(server.says(f"/{n}", rss(entry(n))) for n in range(60))]
    private = make_settings(FETCH_ALLOW_PRIVATE=server.place)
    with PoliteFetcher(private) as fetch:
        feeds = [FeedToRead(n, n, url) for n, url in enumerate(urls)]
        visits = visit_all(feeds, fetch, now=NOW, trusted=private.allowed_private, workers=4)
        done = [next(visits) for _ in range(60)]
        others_are_done.set()
        (last,) = visits
    assert all(v.outcome is Outcome.FETCHED for v in done)
    assert (last.feed.url, last.error) == (urls[0], "It is empty.")


def test_a_host_is_asked_by_two_at_once_and_no_more(server: FeedServer, polite: PoliteFetcher) -> None:
    def act(connection: object, _asked: Asked) -> None:
        threading.Event().wait(0.02)
        connection.sendall(head(200, {"Content-Length": "0"}))  # type: ignore[attr-defined]

    feeds = [FeedToRead(n, n, server.acts(f"/{n}", act)) for n in range(20)]
    assert len(list(visit_all(feeds, polite, now=NOW, pause=0.0))) == 20
    assert server.most_at_once <= 2


def test_a_surprise_in_one_feed_is_our_fault_and_nobody_elses() -> None:
    def fetch(url: str, *, etag: str | None = None, last_modified: str | None = None) -> object:
        raise ZeroDivisionError(url)

    feeds = [FeedToRead(n, n, f"https://h{n}.example/") for n in range(3)]
    visits = list(visit_all(feeds, fetch, now=NOW))  # type: ignore[arg-type]
    assert [v.outcome for v in visits] == [Outcome.FAILED] * 3
    assert all("our fault" in v.error for v in visits)


# ── what a piece is, and where it lies ────────────────────────────────────────────────────────────────────────────


def at(
    url: str, words: str = "Pier 1 was opened on Sunday.", title: str = "The ferry line opens pier 1"
) -> str:
    return f"<item><title>{title}</title><link>{url}</link><description>{words}</description></item>"


def test_an_article_keeps_its_kind_and_a_new_label_changes_it(
    server: FeedServer, go: Go, each_sessions: db.Sessions
) -> None:
    url = "https://lantern.example/1"
    feed_url = server.says("/a", rss(at(url, title="Opinion | Keep the pier")))
    go(each_sessions, feed_url)
    assert [a.kind for a in articles(each_sessions)] == ["opinion"]
    server.says("/a", rss(at(url, title="Sponsored: Keep the pier")))
    go(each_sessions, at=NOW + LATER)
    assert [a.kind for a in articles(each_sessions)] == ["sponsored"]


SAME_PIECE = [
    "http://lantern.example/world/pier",
    "https://www.lantern.example/world/pier/",
    "https://lantern.example/world/pier/amp/",
    "https://amp.lantern.example/world/pier",
    "https://lantern.example/world/pier?itid=rss",
]


@pytest.mark.parametrize("other", SAME_PIECE)
def test_one_piece_at_two_addresses_is_one_article(
    server: FeedServer, go: Go, each_sessions: db.Sessions, other: str
) -> None:
    first = "https://lantern.example/world/pier"
    feed_url = server.says("/a", rss(at(first), at(other)))
    go(each_sessions, feed_url)
    assert [a.url for a in articles(each_sessions)] == [first]
    server.says("/a", rss(at(other)))  # in a later document too
    go(each_sessions, at=NOW + LATER)
    assert [a.url for a in articles(each_sessions)] == [first]


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ("https://lantern.example/world/pier-2", "Pier 1 was opened on Sunday."),
        ("https://lantern.example/world/pier?id=2", "Pier 2 was opened on Sunday."),
        ("https://lantern.example/world/pier?id=2", ""),
        ("https://harbor.lantern.example/world/pier", "Pier 1 was opened on Sunday."),
    ],
)
def test_two_pieces_stay_two(
    server: FeedServer, go: Go, each_sessions: db.Sessions, other: str, words: str
) -> None:
    feed_url = server.says("/a", rss(at("https://lantern.example/world/pier"), at(other, words)))
    go(each_sessions, feed_url)
    assert len(articles(each_sessions)) == 2


def test_two_outlets_may_print_one_text(server: FeedServer, go: Go, each_sessions: db.Sessions) -> None:
    a = server.says("/a", rss(at("https://lantern.example/pier")))
    b = server.says("/b", rss(at("https://harbor.example/pier")))
    go(each_sessions, a, b)
    assert len(articles(each_sessions)) == 2


def test_what_the_catalogue_says_of_an_outlet_is_stored(each_sessions: db.Sessions) -> None:
    (outlet,) = catalogue("https://a.example/f").outlets
    told = replace(
        outlet,
        country="KE",
        lean_countries=("US", "GB"),
        owner="Orla Trust",
        state_run=True,
        state_run_basis="A law.",
    )
    with each_sessions.begin() as session:
        gather.sync_catalogue(session, Catalogue((told,)))
    with db.reading(each_sessions) as session:
        row = session.scalars(select(Outlet)).one()
        assert (row.country, row.lean_countries, row.owner) == ("KE", "US GB", "Orla Trust")
        assert (row.state_run, row.state_run_basis) == (True, "A law.")
