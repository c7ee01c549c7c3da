"""Keep public pages, and data that views read for all readers alike, in memory for seconds; one cache for each process.

A public page says how long others may keep it (``Cache-Control``); this cache keeps it for a tenth of that. A page is kept
once for each variant: its key holds the request headers that the answer names in ``Vary``. Only
:func:`newsletter.web.http.headers.public` stores pages, so nothing personal is kept.

When a value has expired, the first request for it renews it, and other requests get the expired value meanwhile, so that many
simultaneous requests never wait for the same page. cachetools and Flask-Caching cannot do this: they remove an expired entry, and
then every request renders the page again, or waits.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from typing import Any

from flask import Response, request

MAX_AGE_DIVISOR = 10  # a page is kept for this part of its max-age
LONGEST_PAGE_SECONDS = 300.0
MOST_ENTRIES = 400
RENEWAL_SECONDS = 10.0  # how long other requests get the expired value while one request renews it
VIEW_SECONDS = 5.0  # how long a view's own value is kept
KEPT_HEADERS = ("Content-Type", "Cache-Control", "Vary", "ETag", "Cross-Origin-Resource-Policy")
# Pages are kept uncompressed, and each answer is compressed as its request asks.
_COMPRESSION = "accept-encoding"


@dataclass
class _Entry:
    value: Any
    expires_at: float
    renewing: bool = False


@dataclass(frozen=True)
class _Page:
    body: bytes
    headers: dict[str, str]


class PageCache:
    """Values by key, each with a time to live. When the cache is full, the least recently used is removed. Thread-safe."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """``clock`` returns seconds of a monotonic clock."""
        self._clock = clock
        self._entries: OrderedDict[Any, _Entry] = OrderedDict()
        self._lock = Lock()

    def get(self, key: Any) -> Any:
        """Return the value, or None when there is none or the caller is the one to renew it."""
        now = self._clock()
        with self._lock:
            entry = self._entries.get(key)
            if entry is None:
                return None
            if now >= entry.expires_at:
                if entry.renewing:  # the request that was to renew it stored nothing: the page is gone
                    del self._entries[key]
                else:
                    entry.renewing, entry.expires_at = True, now + RENEWAL_SECONDS
                return None
            self._entries.move_to_end(key)
            return entry.value

    def put(self, key: Any, value: Any, seconds: float) -> None:
        """Keep ``value`` for so many seconds."""
        with self._lock:
            self._entries[key] = _Entry(value, self._clock() + seconds)
            self._entries.move_to_end(key)
            while len(self._entries) > MOST_ENTRIES:
                self._entries.popitem(last=False)

    def kept_keys(self) -> list[Any]:
        """Return the keys of all values, the least recently used first."""
        with self._lock:
            return list(self._entries)

    def get_or_make(self, key: Any, make: Callable[[], Any]) -> Any:
        """Return the cached value, or the result of ``make``, which is kept for :data:`VIEW_SECONDS` unless it is None."""
        found = self.get(key)
        if found is None and (found := make()) is not None:
            self.put(key, found, VIEW_SECONDS)
        return found

    def put_page(self, response: Response, max_age: int) -> None:
        """Keep the public page that answers this request. ``max_age`` is the time in seconds for which others may keep it.

        A response that varies by cookie, or by something outside the headers (``Vary: *``), is not kept.
        """
        varies_by = {name.lower() for name in response.vary} - {_COMPRESSION}
        if not _is_cacheable() or response.status_code != 200 or varies_by & {"*", "cookie"}:
            return
        seconds = min(max_age / MAX_AGE_DIVISOR, LONGEST_PAGE_SECONDS)
        headers = {name: response.headers[name] for name in KEPT_HEADERS if name in response.headers}
        page = _Page(response.get_data(), headers)
        names = tuple(sorted(varies_by))
        if names:
            self.put(_varies_by_key(request.path), names, LONGEST_PAGE_SECONDS + RENEWAL_SECONDS)
        self.put(_page_key(names), page, seconds)

    def get_page(self) -> Response | None:
        """Return the response to this request if the variant for its headers is cached, else None."""
        if not _is_cacheable():
            return None
        page = self.get(_page_key(self.get(_varies_by_key(request.path)) or ()))
        if page is None:
            return None
        response = Response(page.body, headers=page.headers)
        response.make_conditional(request)
        return response


class NoCache(PageCache):
    """A cache that keeps nothing, for tests with a fixed clock and wherever every change must be visible at once."""

    def put(self, key: Any, value: Any, seconds: float) -> None:
        """Do nothing."""


def _is_cacheable() -> bool:
    """Return whether this request is for a page without a query."""
    return request.method in ("GET", "HEAD") and not request.query_string


def _varies_by_key(path: str) -> tuple[str, str]:
    """Return the key of the names of the headers by which the page at ``path`` varies."""
    return ("varies by", path)


def _page_key(varies_by: tuple[str, ...]) -> tuple[str, ...]:
    """Return the key of this request's page, given the lower-case names of the headers by which it varies."""
    return ("page", request.path, *(f"{name}: {request.headers.get(name, '')}" for name in varies_by))
