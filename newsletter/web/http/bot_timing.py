"""Refuses a form that comes back faster than people type, once: a person presses the button again, a bot rarely does.

The page carries the time at which it was made, signed. A page that came from a cache only seems older than it is, so nobody
is asked again for reading quickly; and no form is dropped without an answer.
"""

from __future__ import annotations

import hmac
from datetime import timedelta
from hashlib import sha256

from flask import request

from newsletter.web.services import services

MADE_FIELD = "made"
SHORTEST_FILL = timedelta(seconds=1.5)  # between making the page and sending its form
TOO_QUICK = "That was quicker than people usually are. Please press the button once more."
_MOST_DIGITS = 12  # hexadecimal digits of a time


def page_made() -> str:
    """The value of the form's hidden field: the time now, or the one that the form carried when it is shown again."""
    carried = request.form.get(MADE_FIELD, "") if request.method == "POST" else ""
    if _made_at(carried) is not None:
        return carried
    stamp = f"{int(services().now().timestamp() * 1000):x}"
    return f"{stamp}.{_signature(stamp)}"


def too_quick() -> bool:
    """Whether this form came back too soon, or does not say when its page was made."""
    made_at = _made_at(request.form.get(MADE_FIELD, ""))
    now = services().now().timestamp() * 1000
    return made_at is None or now - made_at < SHORTEST_FILL.total_seconds() * 1000


def _made_at(shown: str) -> int | None:
    """When the page was made, in milliseconds since 1970; None when the signature is not ours."""
    stamp, _, signature = shown.partition(".")
    if not stamp or len(stamp) > _MOST_DIGITS:
        return None
    if not hmac.compare_digest(signature.encode("utf-8", "replace"), _signature(stamp).encode()):
        return None
    return int(stamp, 16)


def _signature(stamp: str) -> str:
    key = services().settings.SECRET_KEY.get_secret_value().encode()
    return hmac.new(key, f"page made\x1f{stamp}".encode("utf-8", "replace"), sha256).hexdigest()[:24]
