"""The landing page: the promise, and a live piece of the newest Issue to prove it."""

from __future__ import annotations

from flask import Blueprint, Response, make_response, render_template

from newsletter import db
from newsletter.newsroom import archive
from newsletter.newsroom.editions import issue_view
from newsletter.web.headers import public
from newsletter.web.services import services

bp = Blueprint("landing", __name__)


@bp.get("/")
def landing() -> Response:
    site = services()
    now = site.now()
    with db.reading(site.sessions) as session:
        newest = archive.latest_issue(session)
        issue = issue_view(session, newest, now=now) if newest else None
        outlets = len(archive.outlets_read(session))
    return public(make_response(render_template("landing.html", issue=issue, outlets=outlets)))
