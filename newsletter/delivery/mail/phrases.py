"""Phrases that every mail shares, and how a value is made safe before a template prints it. Pure."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from markupsafe import Markup

from newsletter.delivery.mail.slots import defuse
from newsletter.links import Links

# Control characters, and the marks that turn the direction of writing for what follows them.
UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]+")


def plain(value: Any) -> str:
    """One line of text: control characters and runs of white space become one space."""
    return " ".join(UNSEEN.sub(" ", str(value)).split())


def safe(value: Any) -> Any:
    """What every value goes through before a template prints it. Markup of our own passes as it is."""
    if isinstance(value, Markup):
        return value
    text = str(value)
    if not UNSEEN.search(text):
        return defuse(text)
    return defuse(UNSEEN.sub(" ", text))


def minutes(seconds: int) -> int:
    """Whole minutes, rounded up, at least 1."""
    return max(1, -(-seconds // 60))


def host(links: Links) -> str:
    return urlsplit(links.site_url).netloc
