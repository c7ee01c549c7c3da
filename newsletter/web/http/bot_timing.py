"""A form that comes back faster than people type is asked for once more: machines rarely press twice.

The page carries the moment at which it was made, signed. A page from a cache only seems older than it is, so nobody is
asked again for reading quickly; and nothing is ever dropped in silence.
"""

from __future__ import annotations

import hmac
from datetime import timedelta
from hashlib import sha256

from flask import request

from newsletter.web.services import services

FIELD = "made"
LEAST = timedelta(seconds=1.5)  # between making the page and sending its form
AGAIN = "That was quicker than people usually are. Please press the button once more."


def page_made() -> str:
    """What the form carries along: this moment, or the one it carried already when it is shown again."""
    kept = request.form.get(FIELD, "") if request.method == "POST" else ""
    if _moment(kept) is not None:
        return kept
    stamp = f"{int(services().now().timestamp() * 1000):x}"
    return f"{stamp}.{_signed(stamp)}"


def too_quick() -> bool:
    """Whether this form came back too soon, or does not say when its page was made."""
    made = _moment(request.form.get(FIELD, ""))
    return made is None or services().now().timestamp() * 1000 - made < LEAST.total_seconds() * 1000


def _moment(shown: str) -> int | None:
    """Milliseconds since 1970 when the page was made; None when we did not write this."""
    stamp, _, signature = shown.partition(".")
    if (
        not stamp
        or len(stamp) > 12
        or not hmac.compare_digest(signature.encode("utf-8", "replace"), _signed(stamp).encode())
    ):
        return None
    return int(stamp, 16)


def _signed(stamp: str) -> str:
    key = services().settings.SECRET_KEY.get_secret_value().encode()
    return hmac.new(key, f"page made\x1f{stamp}".encode("utf-8", "replace"), sha256).hexdigest()[:24]
