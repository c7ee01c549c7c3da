"""Published Issues: the archive, one day's page, and the Atom feed."""

from __future__ import annotations

from datetime import date
from itertools import groupby

from flask import Blueprint, Response, abort, make_response, redirect, render_template

from newsletter import db
from newsletter.issues import archive
from newsletter.issues.views import issue_view
from newsletter.web.http.headers import public
from newsletter.web.services import services

bp = Blueprint("issues", __name__)
ISSUES_IN_FEED = 30  # Issues


@bp.get("/issues")
def issues() -> Response:
    with db.reading(services().sessions) as session:
        lines = archive.issue_lines(session)
    months = [
        (first, list(group)) for first, group in groupby(lines, key=lambda x: x.issued_on.replace(day=1))
    ]
    return public(make_response(render_template("issues.html", months=months, section="issues")))


@bp.get("/issues/latest")
def latest() -> Response:
    """A redirect to the newest Issue, or to the archive while there is none."""
    site = services()
    with db.reading(site.sessions) as session:
        newest = archive.latest_issue(session)
    path = site.paths.issue(newest.issued_on) if newest else site.paths.issues()
    return public(make_response(redirect(path, 302)))


@bp.get("/issues/<day>")
def issue(day: str) -> Response:
    site = services()
    issued_on = day_in_address(day)
    with db.reading(site.sessions) as session:
        row = archive.issue_on(session, issued_on)
        if row is None:
            abort(404, "There is no issue of that day.")
        view = issue_view(session, row, now=site.now())
        before, after = archive.neighbours(session, issued_on)
    html = render_template("issue.html", issue=view, before=before, after=after, section="issues")
    return public(make_response(html))


@bp.get("/issues.atom")
def atom() -> Response:
    site = services()
    with db.reading(site.sessions) as session:
        entries = [
            (line, issue_view(session, row, now=site.now()))
            for line in archive.issue_lines(session, limit=ISSUES_IN_FEED)
            if (row := archive.issue_on(session, line.issued_on)) is not None  # withdrawn a moment ago
        ]
    answer = make_response(render_template("issues.atom.xml", entries=entries))
    answer.headers["Content-Type"] = "application/atom+xml; charset=utf-8"
    return public(answer, max_age=300)


def day_in_address(text: str) -> date:
    """Return the day in an address, in the form 2026-03-02 only, so that a day has one address. Aborts with 404."""
    try:
        value = date.fromisoformat(text)
    except ValueError:
        abort(404, "That is not a day such as 2026-03-02.")
    if value.isoformat() != text:
        abort(404, "That is not a day such as 2026-03-02.")
    return value
