"""Protection of forms without a session, so that public pages set no cookie and may be cached.

Two independent walls:

1. *Where the browser says it comes from.* Browsers send ``Sec-Fetch-Site`` and ``Origin`` with every form; a page
   cannot forge either. Another site's form is refused. A client that sends neither is not a browser acting for a
   stranger, and has the token to show.
2. *A form token*: a keyed hash of the form's name, the hour, and (for signed-in pages) what it is ``bound_to``, such
   as the secret of the Sign-in. It is the same for everybody within an hour when unbound, so that a cached page stays
   byte for byte the same; it is good for ``GOOD_FOR`` hours.

Not protected: RFC 8058 unsubscribe and ``/webhooks/…``, which carry their own proof.
"""

from __future__ import annotations

import hmac
from hashlib import sha256
from urllib.parse import urlsplit

from flask import abort, request

from newsletter.web.services import services

FIELD = "form_token"
GOOD_FOR = 24  # hours
_HOUR = 3600  # seconds


def form_token(form: str, bound_to: str = "") -> str:
    """The token to print in the form called ``form``."""
    return _token(form, bound_to, int(services().now().timestamp()) // _HOUR)


def check_form(form: str, bound_to: str = "") -> None:
    """Abort with 403 when another site sent this form, 400 when its token is missing, wrong or too old."""
    if not from_here():
        abort(403, "This form was sent from another site.")
    shown = request.form.get(FIELD, "")
    hour = int(services().now().timestamp()) // _HOUR
    good = (_token(form, bound_to, hour - ago) for ago in range(GOOD_FOR))
    if not any(hmac.compare_digest(shown.encode("utf-8", "replace"), token.encode()) for token in good):
        abort(400, "This form is too old. Please open the page again and resend it.")


def from_here() -> bool:
    """Whether a browser says that a page of ours (or nobody in particular) sent this request."""
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = request.headers.get("Origin")
    if origin is None:
        return True
    ours = urlsplit(services().settings.SITE_URL)
    return origin in (f"{ours.scheme}://{ours.netloc}", f"{request.scheme}://{request.host}")


def _token(form: str, bound_to: str, hour: int) -> str:
    key = services().settings.SECRET_KEY.get_secret_value().encode()
    said = "\x1f".join(("form", form, bound_to, str(hour))).encode()
    return hmac.new(key, said, sha256).hexdigest()[:40]
