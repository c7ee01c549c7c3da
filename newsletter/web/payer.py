"""Who is at the till: the one place where the pages about money ask who is signed in."""

from __future__ import annotations

from flask import request

from newsletter.web.reader import current_reader


def signed_in_number() -> int | None:
    """The number of the Subscriber who is signed in on this browser; None when nobody is."""
    return current_reader(request)
