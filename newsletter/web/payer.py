"""Who is at the till: the one place where the pages about money ask who is signed in."""

from __future__ import annotations


def signed_in_number() -> int | None:
    """The number of the Subscriber who is signed in on this browser; None when nobody is."""
    return None
