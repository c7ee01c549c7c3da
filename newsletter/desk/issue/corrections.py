"""Corrections of an Issue, for readers who got a mistake: write, preview, then send. Only a previewed text can be sent."""

from __future__ import annotations

from flask import Response, make_response, render_template, request

from newsletter import db
from newsletter.delivery import corrections
from newsletter.delivery.mail import slots
from newsletter.desk.guard import actor, bp, redirect_to
from newsletter.desk.issue.decisions import reason
from newsletter.desk.times import day_of
from newsletter.errors import NewsletterError, Refused
from newsletter.issues.preview import example_slots
from newsletter.issues.service import find_issue
from newsletter.web.services import services

EDITIONS = {"": "Both editions", "full": "Only the full edition", "metered": "Only the metered edition"}


@bp.get("/issues/<day>/correct")
def correction_page(day: str) -> Response:
    """The form, and the state of earlier corrections."""
    return _page(day)


@bp.post("/issues/<day>/correct")
def preview_correction(day: str) -> Response:
    """Preview the correction, and say how many readers get it. Changes nothing."""
    text, kind = request.form.get("text", ""), _kind()
    template, readers = services().issues.correction(day_of(day), text, kind)
    mail = slots.fill(template.text, example_slots(services().links), html=False)
    return _page(day, text=text, kind=kind, template=template, mail=mail, readers=readers)


@bp.post("/issues/<day>/correct/send")
def send_correction(day: str) -> Response:
    """Queue the correction with exactly the previewed text."""
    if request.form.get("sure") != "yes" or not (seen := request.form.get("seen", "")):
        raise Refused("Nothing was sent: please look at the mail first and tick that you are sure.")
    services().issues.correct(day_of(day), request.form.get("text", ""), kind=_kind(), by=actor(), seen=seen)
    return redirect_to(f"issues/{day_of(day)}/correct")


@bp.post("/issues/<day>/correct/withdraw")
def withdraw_correction(day: str) -> Response:
    """Stop a correction: what is still pending of it is never mailed."""
    number = request.form.get("number", "")
    if not (number.isascii() and number.isdigit() and len(number) < 18):
        raise Refused("Nothing was done: please say which correction.")
    services().issues.withdraw_correction(int(number), by=actor(), reason=reason())
    return redirect_to(f"issues/{day_of(day)}/correct")


def _kind() -> str | None:
    kind = request.form.get("edition", "")
    if kind not in EDITIONS:
        raise Refused("Nothing was done: please say which edition was wrong.")
    return kind or None


def _page(day: str, **previewed: object) -> Response:
    with db.reading(services().sessions) as session:
        issue = find_issue(session, day_of(day))
        try:
            corrections.require_correctable(issue)
            refused = ""
        except NewsletterError as error:
            refused = str(error)
        values = {"text": "", "kind": None, "template": None, "mail": "", "readers": 0, **previewed}
        html = render_template(
            "desk/correct.html",
            issue=issue,
            refused=refused,
            editions=EDITIONS,
            longest=corrections.LONGEST,
            corrections=corrections.sums(session, issue.id),
            **values,
        )
    return make_response(html)
