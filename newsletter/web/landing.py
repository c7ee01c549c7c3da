"""The landing page, with a Story of the newest Issue."""

from __future__ import annotations

from collections import Counter

from flask import Blueprint, Response, make_response, render_template

from newsletter import db
from newsletter.feeds.leans import Lean, Side, side_of
from newsletter.issues import archive
from newsletter.issues.views import issue_view
from newsletter.web.http.headers import public
from newsletter.web.services import services

bp = Blueprint("landing", __name__)
SHOWN = 4  # past Issues


@bp.get("/")
def landing() -> Response:
    site = services()
    now = site.now()
    with db.reading(site.sessions) as session:
        newest = archive.latest_issue(session)
        issue = issue_view(session, newest, now=now) if newest else None
        outlets = archive.outlets_read(session)
        lines = archive.issue_lines(session, limit=SHOWN)
    by_lean = [(lean, sum(1 for o in outlets if o.lean == lean)) for lean in Lean]
    sides = Counter(side_of(o.lean) for o in outlets)
    even = sides[Side.LEFT] == sides[Side.RIGHT] > 0
    html = render_template(
        "landing.html", issue=issue, outlets=len(outlets), by_lean=by_lean, even=even, lines=lines
    )
    return public(make_response(html))
