"""The landing page."""

from __future__ import annotations

from flask import Blueprint, Response, make_response, render_template

from newsletter.web.headers import public

bp = Blueprint("landing", __name__)


@bp.get("/")
def landing() -> Response:
    return public(make_response(render_template("landing.html", issue=None)))
