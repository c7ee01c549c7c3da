"""What every answer says to browsers and caches, besides its body."""

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
PERSONAL = "private, no-store"
FOR_EVER = 31_536_000  # seconds; for addresses that carry the content's hash
MINUTE = 60  # seconds
SHORT = 1_000  # bytes; shorter texts are not worth it
_MADE = re.compile(rb'<input type="hidden" name="made" value="[^"]*">')
COMPRESSED = ("image/svg+xml", "application/atom+xml", "application/xml", "application/javascript")


def adjust_csp(blueprint: str, **directives: str) -> None:
    """Let one blueprint's pages differ: ``adjust_csp("desk", frame_src="'self'")``. Call it when registering, with
    the app's context (``@bp.record`` offers it); an underscore in a directive stands for its hyphen."""
    changes: dict[str, dict[str, str]] = current_app.extensions.setdefault("newsletter-csp", {})
    changes.setdefault(blueprint, {}).update({k.replace("_", "-"): v for k, v in directives.items()})


def public(response: Response, *, max_age: int = MINUTE) -> Response:
    """Let caches keep this page: the same for everybody, revalidated by ETag. It must not set a cookie."""
    response.headers["Cache-Control"] = f"public, max-age={max_age}"
    response.headers["Vary"] = "Accept-Encoding"
    if response.status_code == 200:
        # The moment a form was made at is no change of the page: who has it may keep it.
        response.set_etag(sha1(_MADE.sub(b"", response.get_data()), usedforsecurity=False).hexdigest())
        services().moments.keep_page(response, max_age)
        response.make_conditional(request)
    return response


def personal(response: Response, *, secret: bool = True) -> Response:
    """Nobody may keep this page. Without a ``secret`` in it, and nothing of the request's, it may be shortened on its way."""
    response.headers["Cache-Control"] = PERSONAL
    if not secret:
        g.no_secret = True
    return response


def shown_again() -> Response | None:
    """A public page that was made a moment ago, before any view is asked."""
    return services().moments.shown_again()


def finish(response: Response) -> Response:
    """Add the headers every answer carries; anything not declared public is nobody's to keep."""
    headers = response.headers
    headers.setdefault("Content-Security-Policy", _policy())
    headers.setdefault("X-Content-Type-Options", "nosniff")
    # The Origin header of our own forms must stay, and other sites need not know where a reader came from.
    headers.setdefault("Referrer-Policy", "same-origin")
    headers.setdefault("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()")
    headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
    if services().settings.SITE_URL.startswith("https://"):
        headers.setdefault("Strict-Transport-Security", f"max-age={FOR_EVER}; includeSubDomains")
    if "Set-Cookie" in headers or "Cache-Control" not in headers:
        headers["Cache-Control"] = PERSONAL
    _compress(response)
    return response


def _compress(response: Response) -> None:
    """Shorten text that holds no secret. Personal pages are left alone: the length of one could tell of what is in it (BREACH)."""
    kind = response.mimetype or ""
    if (
        response.status_code != 200
        or not (response.cache_control.public or g.get("no_secret"))
        or not (kind.startswith("text/") or kind in COMPRESSED)
        or "gzip" not in request.headers.get("Accept-Encoding", "")
        or "Content-Encoding" in response.headers
    ):
        return
    response.direct_passthrough = False
    whole = response.get_data()
    if len(whole) < SHORT:
        return
    response.set_data(_packed(whole) if response.cache_control.public else gzip.compress(whole, 4, mtime=0))
    response.headers["Content-Encoding"] = "gzip"
    response.vary.add("Accept-Encoding")
    etag, _ = response.get_etag()
    if etag:
        response.set_etag(etag, weak=True)  # the same words in other bytes


@lru_cache(maxsize=200)
def _packed(whole: bytes) -> bytes:
    return gzip.compress(whole, 6, mtime=0)


def _policy() -> str:
    changes = current_app.extensions.get("newsletter-csp", {}).get(request.blueprint or "", {})
    return "; ".join(f"{name} {value}" for name, value in {**CSP, **changes}.items())


def install(app: Flask) -> None:
    app.before_request(shown_again)
    app.after_request(finish)
