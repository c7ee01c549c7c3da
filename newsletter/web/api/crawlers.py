"""Addresses for crawlers: robots.txt, the sitemap, security.txt, and the usual address of the feed."""

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
ISSUES_IN_SITEMAP = 2_000  # Issues
STORIES_IN_SITEMAP = 40_000  # the format allows 50,000 addresses in all
SECURITY_VALID_FOR = timedelta(days=180)
HOUR = 3600  # seconds
# Paths that are useless for search engines.
DISALLOWED = ("/desk/", "/confirm/", "/unsubscribe/", "/signin", "/account", "/checkout", "/webhooks/")


@bp.get("/feed.atom")
def feed() -> Response:
    """Redirect the address that many programs try first to the feed."""
    answer = make_response(redirect(services().paths.atom(), 308))
    answer.headers["Cache-Control"] = f"public, max-age={HOUR}"
    return answer


@bp.get("/robots.txt")
def robots() -> Response:
    lines = ["User-agent: *", *(f"Disallow: {path}" for path in DISALLOWED)]
    return _text("\n".join([*lines, "", f"Sitemap: {services().links.page('sitemap.xml')}", ""]))


@bp.get("/.well-known/security.txt")
def security() -> Response:
    """The security contact (RFC 9116). Its expiry moves on every day."""
    site = services()
    ends = (site.now() + SECURITY_VALID_FOR).replace(hour=0, minute=0, second=0, microsecond=0)
    lines = [
        f"Contact: mailto:{parseaddr(site.settings.MAIL_FROM)[1]}",
        f"Expires: {rfc3339(ends)}",
        "Preferred-Languages: en",
        f"Canonical: {site.links.page('.well-known/security.txt')}",
        "",
    ]
    return _text("\n".join(lines))


@bp.get("/sitemap.xml")
def sitemap() -> Response:
    """Public pages, Issues and their Stories, without sample editions, which are invented."""
    site = services()
    with db.reading(site.sessions) as session:
        lines = [x for x in archive.issue_lines(session, limit=ISSUES_IN_SITEMAP) if not x.is_sample]
        stories = archive.printed_stories(session, limit=STORIES_IN_SITEMAP)
    html = render_template("sitemap.xml", pages=PAGES, lines=lines, stories=stories)
    answer = make_response(html)
    answer.headers["Content-Type"] = "application/xml; charset=utf-8"
    return public(answer, max_age=HOUR)


def _text(content: str) -> Response:
    answer = make_response(content)
    answer.headers["Content-Type"] = "text/plain; charset=utf-8"
    return public(answer, max_age=HOUR)
