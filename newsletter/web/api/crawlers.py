"""For crawlers: robots.txt, the sitemap, security.txt, and the feed's usual address."""

from __future__ import annotations

from datetime import timedelta
from email.utils import parseaddr

from flask import Blueprint, Response, make_response, redirect, render_template

from newsletter import db
from newsletter.formatting import rfc3339
from newsletter.issues import archive
from newsletter.web.http.headers import public
from newsletter.web.services import services

bp = Blueprint("crawlers", __name__)
PAGES = ("about", "privacy", "terms")
IN_SITEMAP = 2_000  # Issues
STORIES_IN_SITEMAP = 40_000  # the format allows 50,000 addresses in all
SECURITY_GOOD_FOR = timedelta(days=180)
HOUR = 3600  # seconds
# Where following a link would be of no use to a search engine.
CLOSED = ("/desk/", "/confirm/", "/unsubscribe/", "/signin", "/account", "/checkout", "/webhooks/")


@bp.get("/feed.atom")
def feed() -> Response:
    """The address many programs guess first."""
    answer = make_response(redirect(services().paths.atom(), 308))
    answer.headers["Cache-Control"] = f"public, max-age={HOUR}"
    return answer


@bp.get("/robots.txt")
def robots() -> Response:
    lines = ["User-agent: *", *(f"Disallow: {path}" for path in CLOSED)]
    return _text("\n".join([*lines, "", f"Sitemap: {services().links.page('sitemap.xml')}", ""]))


@bp.get("/.well-known/security.txt")
def security() -> Response:
    """RFC 9116. The day it ends moves on with each day."""
    here = services()
    ends = (here.now() + SECURITY_GOOD_FOR).replace(hour=0, minute=0, second=0, microsecond=0)
    lines = [
        f"Contact: mailto:{parseaddr(here.settings.MAIL_FROM)[1]}",
        f"Expires: {rfc3339(ends)}",
        "Preferred-Languages: en",
        f"Canonical: {here.links.page('.well-known/security.txt')}",
        "",
    ]
    return _text("\n".join(lines))


@bp.get("/sitemap.xml")
def sitemap() -> Response:
    """Public pages, Issues and their Stories; sample editions are invented and not offered."""
    here = services()
    with db.reading(here.sessions) as session:
        lines = [x for x in archive.issue_lines(session, limit=IN_SITEMAP) if not x.is_sample]
        stories = archive.printed_stories(session, limit=STORIES_IN_SITEMAP)
    html = render_template("sitemap.xml", pages=PAGES, lines=lines, stories=stories)
    answer = make_response(html)
    answer.headers["Content-Type"] = "application/xml; charset=utf-8"
    return public(answer, max_age=HOUR)


def _text(words: str) -> Response:
    answer = make_response(words)
    answer.headers["Content-Type"] = "text/plain; charset=utf-8"
    return public(answer, max_age=HOUR)
