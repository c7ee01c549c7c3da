"""Refuse a form that is sent faster than people type. A person presses the button again, which a bot rarely does.

The form contains the signed time at which its page was made. A page from a cache has an older time, so its readers are never
refused; and every refused form gets a response with the form again.
"""

from __future__ import annotations

import hmac
from datetime import timedelta
from hashlib import sha256

from flask import request

from newsletter.web.services import services

MADE_FIELD = "made"
SHORTEST_FILL = timedelta(seconds=1.5)  # between making the page and sending its form
TOO_QUICK = "Please try once more."
_MOST_DIGITS = 12  # hexadecimal digits of a time


def page_made() -> str:
    """Return the value of the form's hidden field: the present time, or the time of the first page when the form is shown again."""
    previous = request.form.get(MADE_FIELD, "") if request.method == "POST" else ""
    if _made_at(previous) is not None:
        return previous
    stamp = f"{int(services().now().timestamp() * 1000):x}"
    return f"{stamp}.{_signature(stamp)}"


def too_quick() -> bool:
    """Return whether this form was sent too soon, or has no valid time."""
    made_at = _made_at(request.form.get(MADE_FIELD, ""))
    now = services().now().timestamp() * 1000
    return made_at is None or now - made_at < SHORTEST_FILL.total_seconds() * 1000


def _made_at(value: str) -> int | None:
    """Return when the page was made, in milliseconds since 1970, or None when the signature is wrong."""
    stamp, _, signature = value.partition(".")
    if not stamp or len(stamp) > _MOST_DIGITS:
        return None
    if not hmac.compare_digest(signature.encode("utf-8", "replace"), _signature(stamp).encode()):
        return None
    return int(stamp, 16)


def _signature(stamp: str) -> str:
    key = services().settings.SECRET_KEY.get_secret_value().encode()
    return hmac.new(key, f"page made\x1f{stamp}".encode("utf-8", "replace"), sha256).hexdigest()[:24]
