"""What email providers report: one route for all of them. Lets in only what is signed, and acknowledges only what is committed."""

from __future__ import annotations

from flask import Blueprint, Response, make_response, request

from newsletter import log
from newsletter.delivery import events, providers
from newsletter.delivery.providers.protocol import ForgedEvents
from newsletter.jobs import alerts
from newsletter.web.services import services

bp = Blueprint("webhooks", __name__, url_prefix="/webhooks")

EVENTS_CAP = 4 * 1024 * 1024  # bytes; the largest posts we know of have 768 kB
_log = log.get("web")


@bp.post("/<provider>")
def provider_events(provider: str) -> Response:
    """Events of an email provider, by its name in ``MAIL_PROVIDER``.

    204 once everything in it is committed; after any other answer the provider posts it again. 403, and nothing is written, for what
    it did not sign just now; 404 for a provider that reports nothing, or whose events cannot be verified with the settings.
    """
    here = services()
    found = providers.PROVIDERS.get(provider)
    if found is None or not found.reports_events:
        return _said("No email provider reports events here.", 404)
    if problem := found.events_problem(here.settings):
        return _said(f"{problem} Events are not taken.", 404)
    request.max_content_length = EVENTS_CAP
    body = request.get_data(cache=False)
    try:
        found.verify(body, dict(request.headers), settings=here.settings, now=here.now())
    except ForgedEvents as error:
        _log.warning("webhook.refused", provider=found.name, reason=str(error))
        return _said(str(error), 403)
    try:
        read = found.read_events(body)
    except ValueError:
        return _said("The events are not of the form that this provider uses.", 400)
    report = events.run(here.sessions, read, provider=found.name, now=here.now())
    for day in report.held:
        alerts.issue_held(here.issues, day)
    return make_response("", 204)


def _said(sentence: str, status: int) -> Response:
    answer = make_response(f"{sentence}\n", status)
    answer.mimetype = "text/plain"
    return answer
