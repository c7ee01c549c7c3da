"""Protection of forms without a session, so that public pages set no cookie and may be cached.

Flask-WTF keeps its token in the session cookie, which every page with a form would have to set; so this is our own.

Two independent checks:

1. *The origin that the browser reports.* Browsers send ``Sec-Fetch-Site`` and ``Origin`` with every form, and a page
   cannot forge them. A form from another site is refused. A client that sends neither is not a browser used by another
   site, and still needs the token.
2. *A form token*: a keyed hash of the form's name, the hour, and (for signed-in pages) what it is ``bound_to``, such
   as the secret of the Sign-in. An unbound token is the same for everybody within an hour, so that pages can be cached;
   it is valid for ``VALID_HOURS`` hours.

RFC 8058 unsubscribe and ``/webhooks/…`` do not use these checks: their requests contain a signature.
"""

from __future__ import annotations

import hmac
from hashlib import sha256
from ipaddress import ip_address
from urllib.parse import urlsplit

from flask import abort, request

from newsletter.web.services import services

FIELD = "form_token"
VALID_HOURS = 24  # hours
_HOUR = 3600  # seconds


def form_token(form: str, bound_to: str = "") -> str:
    """Return the token to print in the form called ``form``."""
    return _token(form, bound_to, int(services().now().timestamp()) // _HOUR)


def check_form(form: str, bound_to: str = "") -> None:
    """Abort with 403 when another site sent this form, and with 400 when its token is missing, wrong or too old."""
    if not is_same_origin():
        abort(403, "This form was sent from another site.")
    if not is_valid(request.form.get(FIELD, ""), form, bound_to):
        abort(400, "This form is too old. Please open the page again and resend it.")


def is_valid(sent_token: str, form: str, bound_to: str = "") -> bool:
    """Return whether :func:`form_token` gave out this token within ``VALID_HOURS``."""
    hour = int(services().now().timestamp()) // _HOUR
    valid = (_token(form, bound_to, hour - ago) for ago in range(VALID_HOURS))
    return any(hmac.compare_digest(sent_token.encode("utf-8", "replace"), token.encode()) for token in valid)


def is_same_origin() -> bool:
    """Return whether this request comes from a page of ours, or from a client that reports no origin.

    Only the origin of ``SITE_URL`` is ours, whatever ``Host`` says. Another name may be made to resolve to our machine (DNS
    rebinding); its pages then send ``Host``, ``Origin`` and ``Sec-Fetch-Site: same-origin`` that agree with each other.
    """
    origin = request.headers.get("Origin")
    if origin == "null":  # a page that hides its origin; accepted when the request was sent to our host
        origin = f"{request.scheme}://{request.host}" if "Sec-Fetch-Site" in request.headers else ""
    if origin is not None and not _is_ours(origin):
        return False
    return request.headers.get("Sec-Fetch-Site", "none") in ("same-origin", "none")


def _is_ours(origin: str) -> bool:
    settings = services().settings
    if origin.lower() == _origin_of(settings.SITE_URL):
        return True
    if settings.in_production:
        return False
    # In development the site may be opened on another port, by number or as localhost. DNS cannot make those lead elsewhere.
    return origin.lower() == f"{request.scheme}://{request.host}".lower() and _is_this_machine(origin)


def _origin_of(url: str) -> str:
    """Return the origin of an address as browsers write it: in lower case, in ASCII, without the scheme's default port."""
    parts = urlsplit(url)
    host = (parts.hostname or "").encode("idna").decode()
    port = "" if parts.port in (None, {"http": 80, "https": 443}[parts.scheme]) else f":{parts.port}"
    return f"{parts.scheme}://{f'[{host}]' if ':' in host else host}{port}"


def _is_this_machine(origin: str) -> bool:
    try:
        host = urlsplit(origin).hostname or ""
        return host == "localhost" or host.endswith(".localhost") or bool(ip_address(host))
    except ValueError:
        return False


def _token(form: str, bound_to: str, hour: int) -> str:
    key = services().settings.SECRET_KEY.get_secret_value().encode()
    message = "\x1f".join(("form", form, bound_to, str(hour))).encode()
    return hmac.new(key, message, sha256).hexdigest()[:40]
