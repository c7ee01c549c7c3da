"""Find the reader who is signed in on this browser."""

from __future__ import annotations

from newsletter import db
from newsletter.subscribers import signin
from newsletter.web.http.cookies import READER
from newsletter.web.services import services


def current_reader() -> int | None:
    """Return the id of the Subscriber who is signed in on this browser, or None."""
    secret = READER.value()
    if not secret:
        return None
    site = services()
    with db.reading(site.sessions) as session:
        found = signin.reader_of(session, secret, now=site.now())
        return found.id if found else None
