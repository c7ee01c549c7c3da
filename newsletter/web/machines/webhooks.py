"""What providers report: thin doors that let in only what is signed, and say "taken" only when it is in the database."""

from __future__ import annotations

from flask import Blueprint, Response, make_response, request

from newsletter import log
from newsletter.delivery import events as settle
from newsletter.delivery.providers.sendgrid import events as sendgrid_events
from newsletter.jobs import alerts
from newsletter.web.services import services

bp = Blueprint("webhooks", __name__, url_prefix="/webhooks")

EVENTS_CAP = 4 * 1024 * 1024  # bytes; SendGrid posts at most 768 kB at once
_log = log.get("web")


@bp.post("/sendgrid")
def sendgrid() -> Response:
    """SendGrid's event webhook. 204 once everything in it is committed; anything else and SendGrid posts it again.

    403 and nothing written for what SendGrid did not sign just now; 404 while no ``SENDGRID_WEBHOOK_KEY`` is set.
    """
    here = services()
    key = here.settings.SENDGRID_WEBHOOK_KEY
    if not key:
        return _said("No SENDGRID_WEBHOOK_KEY is set: events are not taken.", 404)
    request.max_content_length = EVENTS_CAP
    body = request.get_data(cache=False)
    try:
        sendgrid_events.verify(body, dict(request.headers), key=key, now=here.now())
    except sendgrid_events.NotTheirs as error:
        _log.warning("webhook.refused", provider="sendgrid", reason=str(error))
        return _said(str(error), 403)
    try:
        events = sendgrid_events.read_events(body)
    except ValueError:
        return _said("The events are not a list in JSON.", 400)
    report = settle.run(here.sessions, events, provider="sendgrid", now=here.now())
    for day in report.held:
        alerts.issue_held(here.issues, day)
    return make_response("", 204)


def _said(sentence: str, status: int) -> Response:
    answer = make_response(f"{sentence}\n", status)
    answer.mimetype = "text/plain"
    return answer
