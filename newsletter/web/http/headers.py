"""The headers of every response: what browsers may do with it, who may cache it, and its compression."""

from __future__ import annotations

import gzip
import re
from collections.abc import Mapping
from functools import lru_cache
from hashlib import sha1

from flask import Flask, Response, current_app, g, request

from newsletter.web.services import services

CSP: Mapping[str, str] = {
    "default-src": "'none'",
    "style-src": "'self'",
    "script-src": "'self'",
    "img-src": "'self'",
    "connect-src": "'self'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
    "base-uri": "'none'",
}
PRIVATE = "private, no-store"
ONE_YEAR = 31_536_000  # seconds; for addresses that carry the content's hash
MINUTE = 60  # seconds
COMPRESS_FROM = 1_000  # bytes; shorter texts are not worth it
_FORM_MADE = re.compile(rb'<input type="hidden" name="made" value="[^"]*">')
COMPRESSIBLE = ("image/svg+xml", "application/atom+xml", "application/xml", "application/javascript")


def adjust_csp(blueprint: str, **directives: str) -> None:
    """Change the policy of one blueprint's pages: ``adjust_csp("desk", frame_src="'self'")``. Call it during registration, in
    the app's context (``@bp.record`` gives it). An underscore in a directive's name stands for a hyphen."""
    changes: dict[str, dict[str, str]] = current_app.extensions.setdefault("newsletter-csp", {})
    changes.setdefault(blueprint, {}).update({k.replace("_", "-"): v for k, v in directives.items()})


def public(response: Response, *, max_age: int = MINUTE) -> Response:
    """Let caches keep this page and revalidate it by its ETag. The response must not set a cookie.

    The page is the same for all requests with equal values of the headers that the view named in ``Vary``. ``max_age`` is in
    seconds.
    """
    response.headers["Cache-Control"] = f"public, max-age={max_age}"
    response.vary.add("Accept-Encoding")
    if response.status_code == 200:
        # The ETag ignores the time in forms (see bot_timing), which alone does not change the page.
        response.set_etag(sha1(_FORM_MADE.sub(b"", response.get_data()), usedforsecurity=False).hexdigest())
        services().page_cache.put_page(response, max_age)
        response.make_conditional(request)
    return response


def personal(response: Response, *, secret: bool = True) -> Response:
    """Forbid caches to keep this page. It is compressed only without a ``secret`` and without content of the request (BREACH)."""
    response.headers["Cache-Control"] = PRIVATE
    if not secret:
        g.no_secret = True
    return response


def cached_page() -> Response | None:
    """Return the public page for this request from the page cache, or None. With a cached page no view is called."""
    return services().page_cache.get_page()


def finish(response: Response) -> Response:
    """Add the headers of every response. Caches may not keep a response that was not declared public."""
    headers = response.headers
    headers.setdefault("Content-Security-Policy", _policy())
    headers.setdefault("X-Content-Type-Options", "nosniff")
    # The Origin header of our own forms must stay, and other sites need not know where a reader came from.
    headers.setdefault("Referrer-Policy", "same-origin")
    headers.setdefault("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()")
    headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
    if services().settings.SITE_URL.startswith("https://"):
        headers.setdefault("Strict-Transport-Security", f"max-age={ONE_YEAR}; includeSubDomains")
    if "Set-Cookie" in headers or "Cache-Control" not in headers:
        headers["Cache-Control"] = PRIVATE
    _compress(response)
    return response


def _compress(response: Response) -> None:
    """Compress text without secrets. A personal page is not compressed, because its length could reveal its content (BREACH)."""
    kind = response.mimetype or ""
    if (
        response.status_code != 200
        or not (response.cache_control.public or g.get("no_secret"))
        or not (kind.startswith("text/") or kind in COMPRESSIBLE)
        or "gzip" not in request.headers.get("Accept-Encoding", "")
        or "Content-Encoding" in response.headers
    ):
        return
    response.direct_passthrough = False
    body = response.get_data()
    if len(body) < COMPRESS_FROM:
        return
    response.set_data(_compressed(body) if response.cache_control.public else gzip.compress(body, 4, mtime=0))
    response.headers["Content-Encoding"] = "gzip"
    response.vary.add("Accept-Encoding")
    etag, _ = response.get_etag()
    if etag:
        response.set_etag(etag, weak=True)  # the same content in other bytes


@lru_cache(maxsize=200)
def _compressed(body: bytes) -> bytes:
    return gzip.compress(body, 6, mtime=0)


def _policy() -> str:
    changes = current_app.extensions.get("newsletter-csp", {}).get(request.blueprint or "", {})
    return "; ".join(f"{name} {value}" for name, value in {**CSP, **changes}.items())


def install(app: Flask) -> None:
    """Register the hooks that respond from the cache and complete every response."""
    app.before_request(cached_page)
    app.after_request(finish)
