"""Go round the Feeds: fetch and read many at a time, politely, so that a slow one delays nobody but itself.

Knows the network and no tables: :mod:`gather` says which Feeds, and keeps what comes of it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from newsletter import log
from newsletter.feeds.fetcher import Fetched, Fetcher, FetchError
from newsletter.feeds.host_politeness import PAUSE, Turns
from newsletter.feeds.parser import FeedEntry, FeedRefused, read_entries
from newsletter.feeds.urls import UrlRefused, take_apart

WORKERS = 32
_log = log.get("feeds")


class Outcome(StrEnum):
    """What came of one visit."""

    FETCHED = "fetched"
    UNCHANGED = "unchanged"
    FAILED = "failed"


@dataclass(frozen=True)
class FeedToRead:
    """A Feed to visit, and what we know of it. ``identities``: names of its Outlet, to be taken off titles."""

    id: int
    outlet_id: int
    url: str
    identities: tuple[str, ...] = ()
    etag: str | None = None
    last_modified: str | None = None


@dataclass(frozen=True)
class Visit:
    """What came of visiting one Feed. ``error`` is one sentence, empty unless it failed."""

    feed: FeedToRead
    outcome: Outcome
    entries: tuple[FeedEntry, ...] = ()
    fetched: Fetched | None = None  # None when there was no answer
    error: str = ""


def visit_all(
    feeds: Sequence[FeedToRead],
    fetch: Fetcher,
    *,
    now: datetime,
    our_own: frozenset[tuple[str, int]] = frozenset(),
    pause: float = PAUSE,
    workers: int = WORKERS,
) -> Iterator[Visit]:
    """Visit each Feed once; Visits come as they end. ``our_own``: hosts and ports that need no politeness."""
    keyed = [(_server(f.url), f) for f in feeds]
    own = {f"{host}:{port}" for host, port in our_own}
    turns = Turns(keyed, our_own=own, pause=pause)
    running: dict[Future[Visit], str] = {}
    pool = ThreadPoolExecutor(workers, thread_name_prefix="gather")
    try:
        while turns or running:
            for server, feed in turns.ready(time.monotonic(), workers - len(running)):
                running[pool.submit(visit, feed, fetch, now=now)] = server
            if not running:
                time.sleep(turns.wait(time.monotonic()) or 0.0)
                continue
            ended, _ = wait(running, timeout=turns.wait(time.monotonic()), return_when=FIRST_COMPLETED)
            for future in ended:
                turns.done(running.pop(future))
                yield future.result()
    finally:
        # When the caller stops half-way (Ctrl-C), what has not begun is dropped; what runs ends by its own deadline.
        pool.shutdown(wait=False, cancel_futures=True)


def visit(feed: FeedToRead, fetch: Fetcher, *, now: datetime) -> Visit:
    """Fetch and read one Feed. Never raises: whatever is wrong with a Feed is a sentence in its Visit."""
    fetched: Fetched | None = None
    try:
        fetched = fetch(feed.url, etag=feed.etag, last_modified=feed.last_modified)
        if fetched.status == 304 and (feed.etag or feed.last_modified):
            return Visit(feed, Outcome.UNCHANGED, fetched=fetched)
        if fetched.status != 200:
            return Visit(feed, Outcome.FAILED, fetched=fetched, error=_refusal(fetched))
        entries = read_entries(
            fetched.body, fetched.content_type, fetched.url, now=now, identities=feed.identities
        )
        return Visit(feed, Outcome.FETCHED, tuple(entries), fetched)
    except (FetchError, FeedRefused) as error:
        return Visit(feed, Outcome.FAILED, fetched=fetched, error=error.reason)
    except Exception as error:  # noqa: BLE001 - strangers write feeds: a surprise in one must not cost the others their news
        _log.error("feed.surprise", feed_id=feed.id, error=type(error).__name__, said=str(error)[:300])
        return Visit(
            feed,
            Outcome.FAILED,
            fetched=fetched,
            error=f"It could not be read ({type(error).__name__}); this is our fault.",
        )


_SAID = {
    401: "It wants a password",
    402: "It wants payment",
    403: "The server forbids us to read it",
    404: "There is nothing at this address",
    410: "It is gone for good",
    429: "The server asks for fewer visits",
    451: "It is withheld for legal reasons",
}


def _refusal(fetched: Fetched) -> str:
    words = _SAID.get(fetched.status)
    if words is None:
        words = "The server has trouble of its own" if fetched.status >= 500 else "The server gave no feed"
    return f"{words} (status {fetched.status})."


def _server(url: str) -> str:
    """Host and port: the one we are polite to."""
    try:
        address = take_apart(url)
    except UrlRefused:
        return ""
    return f"{address.host.strip('[]')}:{address.port}"
