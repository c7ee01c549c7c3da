"""The webhook for the events of email providers. It accepts only signed requests, and acknowledges them only after the commit."""

from __future__ import annotations

from flask import Blueprint, Response, make_response, request

from newsletter import log
from newsletter.delivery import events, providers
from newsletter.delivery.providers.protocol import ForgedEvents
from newsletter.jobs import alerts
from newsletter.web.services import services

bp = Blueprint("webhooks", __name__, url_prefix="/webhooks")

EVENTS_CAP = 4 * 1024 * 1024  # bytes; the largest known requests have 768 kB
_log = log.get("web")


@bp.post("/<provider>")
def provider_events(provider: str) -> Response:
    """Store the events of an email provider, named as in ``MAIL_PROVIDER``.

    Returns 204 after the commit; after any other response the provider posts the events again. Returns 403 without a recent
    signature, and 404 for a provider without events or without the settings to verify them.
    """
    site = services()
    found = providers.PROVIDERS.get(provider)
    if found is None or not found.reports_events:
        return _plain_text("No email provider reports events here.", 404)
    if problem := found.events_problem(site.settings):
        return _plain_text(f"{problem} Events are not taken.", 404)
    request.max_content_length = EVENTS_CAP
    body = request.get_data(cache=False)
    try:
        found.verify(body, dict(request.headers), settings=site.settings, now=site.now())
    except ForgedEvents as error:
        _log.warning("webhook.refused", provider=found.name, reason=str(error))
        return _plain_text(str(error), 403)
    try:
        read = found.read_events(body)
    except ValueError:
        return _plain_text("The events are not of the form that this provider uses.", 400)
    report = events.run(site.sessions, read, provider=found.name, now=site.now())
    for day in report.held:
        alerts.issue_held(site.issues, day)
    return make_response("", 204)


def _plain_text(sentence: str, status: int) -> Response:
    answer = make_response(f"{sentence}\n", status)
    answer.mimetype = "text/plain"
    return answer
