"""Follows links in a browser, and lets pages come slowly.

A browser shows an address as soon as its first bytes come. What a test counts or reads at once may then be half a page;
what it waits for by name it finds all the same, which is why this goes well on a quiet machine and not on a busy one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

from werkzeug.serving import WSGIRequestHandler


def follow(page: Any, what: Any) -> None:
    """Click a link or a button (a locator), and wait until the page it leads to has come whole."""
    with page.expect_navigation():
        what.click()


def in_halves(app: Callable[..., Iterable[bytes]], seconds: float) -> Callable[..., Iterable[bytes]]:
    """The same site, but each page comes up to its <main>, and the rest of it so many seconds later."""

    def late(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        body = app(environ, start_response)
        try:
            whole = b"".join(body)
        finally:
            getattr(body, "close", lambda: None)()
        head, main, rest = whole.partition(b"<main")
        yield head
        if main:
            time.sleep(seconds)
            yield main + rest

    return late


def every_page_comes_late(seconds: float) -> None:
    """From here on, in every server that tests start in this process. What passes only without this passes by luck."""
    run = WSGIRequestHandler.run_wsgi

    def run_late(self: WSGIRequestHandler) -> None:
        if not getattr(self.server, "comes_late", False):
            self.server.app, self.server.comes_late = in_halves(self.server.app, seconds), True  # type: ignore[attr-defined]
        run(self)

    WSGIRequestHandler.run_wsgi = run_late  # type: ignore[method-assign]
