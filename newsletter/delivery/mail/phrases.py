"""Phrases that every mail shares, and the filter that makes a value safe for a template. Pure."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from markupsafe import Markup

from newsletter.delivery.mail.slots import defuse
from newsletter.links import Links

# Control characters, and characters that change the direction of the text after them.
UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]+")


def plain(value: Any) -> str:
    """Return the text as one line: control characters and runs of white space become one space."""
    return " ".join(UNSEEN.sub(" ", str(value)).split())


def safe(value: Any) -> Any:
    """Return a value in the safe form in which templates print it. Our own Markup is not changed."""
    if isinstance(value, Markup):
        return value
    text = str(value)
    if not UNSEEN.search(text):
        return defuse(text)
    return defuse(UNSEEN.sub(" ", text))


def minutes(seconds: int) -> int:
    """Return whole minutes, rounded up, at least 1."""
    return max(1, -(-seconds // 60))


def host(links: Links) -> str:
    return urlsplit(links.site_url).netloc
