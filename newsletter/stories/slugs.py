"""Make the slug of a Story's address. Pure."""

from __future__ import annotations

import re
import unicodedata

LONGEST = 80  # characters, the mark included
_OTHER = re.compile(r"[^a-z0-9]+")
_APOSTROPHE = re.compile(r"['’]")


def make_slug(headline: str, mark: str) -> str:
    """Return ``headline`` in lower-case ASCII with hyphens, cut between words, then ``mark``, which makes the slug unique.

    A headline without Latin letters or digits gives ``story-<mark>``.
    """
    plain = unicodedata.normalize("NFKD", _APOSTROPHE.sub("", headline)).encode("ascii", "ignore").decode()
    words = _OTHER.sub("-", plain.lower()).strip("-")
    room = LONGEST - len(mark) - 1
    if len(words) > room:
        cut = words[: room + 1].rpartition("-")[0]
        words = (cut or words[:room]).strip("-")
    return f"{words or 'story'}-{mark}"


def mark_of(number: int) -> str:
    """Return a Story's id in base 36, at least four characters long."""
    digits = "0123456789abcdefghijklmnopqrstuvwxyz"
    text = ""
    while number:
        number, rest = divmod(number, 36)
        text = digits[rest] + text
    return text.rjust(4, "0")
