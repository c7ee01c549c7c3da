"""An operator's decisions about an Issue: check, approve, hold, resume, withdraw, and mail a proof. The issue service carries them
out and records an AuditEntry."""

from __future__ import annotations

from flask import Response, make_response, render_template, request

from newsletter import db
from newsletter.desk.audit import record
from newsletter.desk.guard import actor, bp, operator, redirect_to
from newsletter.desk.issue.issue_page import load_issue_page
from newsletter.desk.issue.preview import PreviewOptions, preview_options
from newsletter.desk.times import day_of
from newsletter.errors import Refused
from newsletter.issues.service import find_issue
from newsletter.web.services import services

LONGEST_REASON = 500  # characters


def reason(*, required: bool = True) -> str:
    """Return the reason that the operator gave, in one line. Raises :class:`Refused` when it is required and missing."""
    text = " ".join(request.form.get("reason", "").split())[:LONGEST_REASON]
    if required and not text:
        raise Refused("Nothing was done: please write down why, for those who come after you.")
    return text


def seen() -> str:
    """Return the identifier of the Issue's state that the form was made for. Raises :class:`Refused` when the form does not say."""
    named = request.form.get("seen", "")
    if not named:
        raise Refused(
            "Nothing was done: the form does not say which issue it was made for. Open the page again."
        )
    return named


@bp.post("/issues/<day>/check")
def check(day: str) -> Response:
    """Run the Checks again, and ask links and the sender domain too."""
    site = services()
    found = site.issues.check(day_of(day), outside=True)
    with site.sessions.begin() as session:
        record(
            session, "issue.checked", f"issue:{day_of(day)}", blocks=sum(f.level == "block" for f in found)
        )
    return _back(day, "checks")


@bp.post("/issues/<day>/approve")
def approve(day: str) -> Response:
    services().issues.approve(day_of(day), by=actor(), reason=reason(required=False), seen=seen())
    return _back(day)


@bp.post("/issues/<day>/hold")
def hold(day: str) -> Response:
    services().issues.hold(day_of(day), by=actor(), reason=reason(), seen=seen())
    return _back(day, page=request.form.get("then", ""))


@bp.post("/issues/<day>/resume")
def resume(day: str) -> Response:
    services().issues.resume(day_of(day), by=actor(), reason=reason(required=False), seen=seen())
    return _back(day, page=request.form.get("then", ""))


@bp.get("/issues/<day>/withdraw")
def confirm_withdraw(day: str) -> Response:
    """Ask for confirmation: withdrawing cannot be undone."""
    with db.reading(services().sessions) as session:
        page = load_issue_page(session, find_issue(session, day_of(day)), PreviewOptions())
    return make_response(render_template("desk/withdraw.html", page=page, issue=page.row))


@bp.post("/issues/<day>/withdraw")
def withdraw(day: str) -> Response:
    if request.form.get("sure") != "yes":
        raise Refused("Nothing was done: please tick that you are sure.")
    services().issues.withdraw(day_of(day), by=actor(), reason=reason(), seen=seen())
    return _back(day)


@bp.post("/issues/<day>/proof")
def proof(day: str) -> Response:
    """Mail the Rendition that is previewed to the operator."""
    look = preview_options(request.form)
    kept = services().issues.proof(day_of(day), look.kind, operator().address, by=actor())
    html = render_template("desk/proof.html", day=day_of(day), receipt=kept, kind=look.kind)
    return make_response(html)


def _back(day: str, part: str = "", *, page: str = "") -> Response:
    """Redirect to the Issue, or to its deliveries when the form was there."""
    there = "/dispatch" if page == "dispatch" else ""
    return redirect_to(f"issues/{day_of(day)}{there}" + (f"#{part}" if part else ""))
