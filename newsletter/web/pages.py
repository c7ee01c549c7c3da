"""The pages about the service: how it works and which outlets we read, privacy, and terms."""

from __future__ import annotations

from flask import Blueprint, Response, make_response, render_template

from newsletter import db
from newsletter.feeds.leans import Lean
from newsletter.issues import archive
from newsletter.web.http.headers import public
from newsletter.web.services import services

bp = Blueprint("pages", __name__)


@bp.get("/about")
def about() -> Response:
    with db.reading(services().sessions) as session:
        outlets = archive.outlets_read(session)
    by_lean = [(lean, [o for o in outlets if o.lean == lean]) for lean in Lean]
    html = render_template("about.html", by_lean=by_lean, count=len(outlets), section="about")
    return public(make_response(html), max_age=300)


@bp.get("/privacy")
def privacy() -> Response:
    return public(make_response(render_template("privacy.html")), max_age=300)


@bp.get("/terms")
def terms() -> Response:
    return public(make_response(render_template("terms.html")), max_age=300)
