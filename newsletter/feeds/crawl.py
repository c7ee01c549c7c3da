"""Fetch and parse many Feeds at a time, politely; a slow Feed delays no other.

This module uses the network and no tables: :mod:`gather` chooses the Feeds and stores the results.
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
from newsletter.feeds.host_politeness import PAUSE, HostQueue
from newsletter.feeds.page_rights import licence_in_feed
from newsletter.feeds.parser import FeedEntry, FeedRefused, read_entries
from newsletter.feeds.urls import UrlRefused, take_apart

WORKERS = 32
_log = log.get("feeds")


class Outcome(StrEnum):
    """The result of one visit."""

    FETCHED = "fetched"
    UNCHANGED = "unchanged"
    FAILED = "failed"


@dataclass(frozen=True)
class FeedToRead:
    """A Feed to fetch. ``identities`` are names and addresses of its Outlet, which are removed from titles; ``etag`` and
    ``last_modified`` are the validators of the last answer (RFC 9110, section 8.8)."""

    id: int
    outlet_id: int
    url: str
    identities: tuple[str, ...] = ()
    etag: str | None = None
    last_modified: str | None = None


@dataclass(frozen=True)
class Visit:
    """The result of fetching and parsing one Feed. ``error`` is one sentence, empty unless the visit failed."""

    feed: FeedToRead
    outcome: Outcome
    entries: tuple[FeedEntry, ...] = ()
    fetched: Fetched | None = None  # None when there was no answer
    error: str = ""
    licence: str = ""  # RSL terms inside the document


def visit_all(
    feeds: Sequence[FeedToRead],
    fetch: Fetcher,
    *,
    now: datetime,
    trusted: frozenset[tuple[str, int]] = frozenset(),
    pause: float = PAUSE,
    workers: int = WORKERS,
) -> Iterator[Visit]:
    """Visit each Feed once and yield the Visits in the order in which they end.

    ``trusted`` are pairs of host and port that may be asked without limit; ``pause`` is the time in seconds between two
    requests to any other server; ``workers`` is the number of threads.
    """
    by_server = [(host_and_port(f.url), f) for f in feeds]
    trusted_servers = {f"{host}:{port}" for host, port in trusted}
    queue = HostQueue(by_server, trusted=trusted_servers, pause=pause)
    running: dict[Future[Visit], str] = {}
    pool = ThreadPoolExecutor(workers, thread_name_prefix="gather")
    try:
        while queue or running:
            for server, feed in queue.ready(time.monotonic(), workers - len(running)):
                running[pool.submit(visit, feed, fetch, now=now)] = server
            if not running:
                time.sleep(queue.wait(time.monotonic()) or 0.0)
                continue
            ended, _ = wait(running, timeout=queue.wait(time.monotonic()), return_when=FIRST_COMPLETED)
            for future in ended:
                queue.done(running.pop(future))
                yield future.result()
    finally:
        # When the caller stops early (Ctrl-C), visits that have not begun are dropped; the others end by their own deadline.
        pool.shutdown(wait=False, cancel_futures=True)


def visit(feed: FeedToRead, fetch: Fetcher, *, now: datetime) -> Visit:
    """Fetch and parse one Feed. Never raises: whatever is wrong with a Feed is a sentence in its Visit."""
    fetched: Fetched | None = None
    try:
        fetched = fetch(feed.url, etag=feed.etag, last_modified=feed.last_modified)
        if fetched.status == 304 and (feed.etag or feed.last_modified):
            return Visit(feed, Outcome.UNCHANGED, fetched=fetched)
        if fetched.status != 200:
            return Visit(feed, Outcome.FAILED, fetched=fetched, error=status_message(fetched))
        entries = read_entries(
            fetched.body, fetched.content_type, fetched.url, now=now, identities=feed.identities
        )
        licence = licence_in_feed(fetched.body)
        return Visit(feed, Outcome.FETCHED, tuple(entries), fetched, licence=licence)
    except (FetchError, FeedRefused) as error:
        return Visit(feed, Outcome.FAILED, fetched=fetched, error=error.reason)
    except Exception as error:  # noqa: BLE001 - an unforeseen error in one feed must not stop the others
        _log.error(
            "feed.unexpected_error", feed_id=feed.id, error=type(error).__name__, said=str(error)[:300]
        )
        return Visit(
            feed,
            Outcome.FAILED,
            fetched=fetched,
            error=f"It could not be read ({type(error).__name__}); this is our fault.",
        )


_STATUS_MESSAGES = {
    401: "It wants a password",
    402: "It wants payment",
    403: "The server forbids us to read it",
    404: "There is nothing at this address",
    410: "It is gone for good",
    429: "The server asks for fewer visits",
    451: "It is withheld for legal reasons",
}


def status_message(fetched: Fetched) -> str:
    """Return why an answer that is not 200 is of no use, as a sentence."""
    words = _STATUS_MESSAGES.get(fetched.status)
    if words is None:
        words = (
            "The server has trouble of its own"
            if fetched.status >= 500
            else "The server gave nothing to read"
        )
    return f"{words} (status {fetched.status})."


def host_and_port(url: str) -> str:
    """Return "host:port" of an address, or an empty string when the address is unusable."""
    try:
        address = take_apart(url)
    except UrlRefused:
        return ""
    return f"{address.host.strip('[]')}:{address.port}"
