"""Keeps public pages, and what views read for all readers alike, in memory for seconds; one cache for each process.

A public page says how long others may keep it (``Cache-Control``); this cache keeps it for a tenth of that. A page is kept
once for each variant: its key holds the request headers that the answer names in ``Vary``. Only
:func:`newsletter.web.http.headers.public` hands pages in, so nothing personal is kept.

When a value has expired, the first request that asks for it makes it anew, and the others get the expired one meanwhile, so
that a crowd never waits for the same page. That is why it is not cachetools' or Flask-Caching's: their entries are gone once
they have expired, and every request of a crowd would make the page anew, or wait.
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
RENEWAL_SECONDS = 10.0  # how long others get the expired value while one request makes it anew
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
    """Values by key, each with a time to live; the least recently used go first. Safe for several threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """``clock`` gives seconds."""
        self._clock = clock
        self._entries: OrderedDict[Any, _Entry] = OrderedDict()
        self._lock = Lock()

    def get(self, key: Any) -> Any:
        """The value; None when there is none, or when the caller is the one to make it anew."""
        now = self._clock()
        with self._lock:
            entry = self._entries.get(key)
            if entry is None:
                return None
            if now >= entry.expires_at:
                if entry.renewing:  # the request that was to renew it made nothing: the page is gone
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
        """The keys of everything kept, the least recently used first."""
        with self._lock:
            return list(self._entries)

    def get_or_make(self, key: Any, make: Callable[[], Any]) -> Any:
        """The value kept, or what ``make`` returns, which is kept for :data:`VIEW_SECONDS` unless it is None."""
        found = self.get(key)
        if found is None and (found := make()) is not None:
            self.put(key, found, VIEW_SECONDS)
        return found

    def put_page(self, response: Response, max_age: int) -> None:
        """Keep the public page that answers this request. ``max_age`` in seconds, as others may keep it.

        An answer that differs by cookie or by what no header says (``Vary: *``) is not kept.
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
        """The answer to this request, if the page is kept in the variant that its headers ask for."""
        if not _is_cacheable():
            return None
        page = self.get(_page_key(self.get(_varies_by_key(request.path)) or ()))
        if page is None:
            return None
        response = Response(page.body, headers=page.headers)
        response.make_conditional(request)
        return response


class NoCache(PageCache):
    """Keeps nothing: for tests whose clock stands still, and where every change is to be seen at once."""

    def put(self, key: Any, value: Any, seconds: float) -> None:
        """Nothing is kept."""


def _is_cacheable() -> bool:
    """Whether this request is for a page without a query."""
    return request.method in ("GET", "HEAD") and not request.query_string


def _varies_by_key(path: str) -> tuple[str, str]:
    """The key of the names of the headers by which the page at ``path`` varies."""
    return ("varies by", path)


def _page_key(varies_by: tuple[str, ...]) -> tuple[str, ...]:
    """The key of this request's page, given the lower-case names of the headers by which it varies."""
    return ("page", request.path, *(f"{name}: {request.headers.get(name, '')}" for name in varies_by))
