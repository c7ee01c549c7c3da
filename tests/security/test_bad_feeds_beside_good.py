"""Fifty good Feeds and ten hostile ones in one round: the good are all read, and none waits for a bad one."""

from __future__ import annotations

import gzip
import socket
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest

from newsletter.feeds.crawl import FeedToRead, Outcome, Visit
from newsletter.feeds.fetcher import PoliteFetcher
from newsletter.feeds.gather import visit_all
from newsletter.settings import Settings
from tests.servers.feed_server import Asked, FeedServer, entry, head, reset, rss

NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
GOOD = 50
PATIENCE = 3.0  # seconds a Feed may take here; in production 15


@pytest.fixture
def servers() -> Iterator[tuple[FeedServer, FeedServer]]:
    with FeedServer() as good, FeedServer() as bad:
        yield good, bad


def hostile(server: FeedServer, others_done: threading.Event) -> dict[str, str]:
    """Ten Feeds: address by what is wrong with it."""

    def silent(connection: socket.socket, _asked: Asked) -> None:
        server.over.wait(30)

    def waits(connection: socket.socket, _asked: Asked) -> None:
        """Answers only when all the good ones were read, or it has been left alone."""
        others_done.wait(30)
        connection.sendall(head(200, {"Content-Length": "0"}))

    def loop(connection: socket.socket, _asked: Asked) -> None:
        connection.sendall(head(302, {"Location": "/loop", "Content-Length": "0"}))

    def cut(connection: socket.socket, _asked: Asked) -> None:
        connection.sendall(head(200, {"Content-Length": "9999"}) + b"<rss>")
        reset(connection)

    bomb = gzip.compress(b"<rss>" + b" " * 60_000_000, mtime=0)
    return {
        "silent": server.acts("/silent", silent),
        "waits for the others": server.acts("/waits", waits),
        "body byte by byte": server.drips("/drip", head(200, {})),
        "head byte by byte": server.drips("/head", b"HTTP/1.1 200 OK\r\nX-A: "),
        "redirects for ever": server.acts("/loop", loop),
        "cut off": server.acts("/cut", cut),
        "gzip bomb": server.says("/gzip", bomb, headers={"Content-Encoding": "gzip"}),
        "comments": server.says("/comments", "<!---->" * 700_000 + "x<rss/>"),
        "entities": server.says("/bomb", '<!DOCTYPE r [<!ENTITY a "aa"><!ENTITY b "&a;&a;">]><rss>&b;</rss>'),
        "elements": server.says("/elements", rss("<category>x</category>" * 190_000)),
    }


@pytest.mark.slow
def test_fifty_good_and_ten_hostile(
    servers: tuple[FeedServer, FeedServer], make_settings: Callable[..., Settings]
) -> None:
    good, bad = servers
    others_done = threading.Event()
    settings = make_settings(FETCH_ALLOW_PRIVATE=f"{good.place},{bad.place}")
    fine = [good.says(f"/{n}", rss(*(entry(f"{n}-{e}") for e in range(30)))) for n in range(GOOD)]
    wrong = hostile(bad, others_done)
    urls = [*list(wrong.values())[:5], *fine, *list(wrong.values())[5:]]
    feeds = [FeedToRead(n, n, url) for n, url in enumerate(urls)]
    visits: dict[str, Visit] = {}
    ended: dict[str, float] = {}
    began = time.monotonic()
    with PoliteFetcher(settings, deadline=PATIENCE) as fetch:
        for visit in visit_all(feeds, fetch, now=NOW, trusted=settings.allowed_private):
            visits[visit.feed.url], ended[visit.feed.url] = visit, time.monotonic() - began
            if not others_done.is_set() and all(url in visits for url in fine):
                others_done.set()
    assert [visits[u].outcome for u in fine] == [Outcome.FETCHED] * GOOD
    assert sum(len(visits[u].entries) for u in fine) == GOOD * 30
    assert {what: visits[u].outcome for what, u in wrong.items()} == dict.fromkeys(wrong, Outcome.FAILED)
    reasons = {what: visits[u].error for what, u in wrong.items()}
    assert all(r.endswith(".") and "our fault" not in r for r in reasons.values()), reasons
    # Not a wait for the bad ones: this one answered, in time, only because the good ones had all been read.
    assert visits[wrong["waits for the others"]].error == "It is empty.", reasons
    print(f"good: last after {max(ended[u] for u in fine):.2f} s; all: {max(ended.values()):.2f} s")
