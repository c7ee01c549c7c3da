"""Stripe's webhook. It accepts only signed events, and acknowledges them only after the commit."""

from __future__ import annotations

from flask import Blueprint, Response, make_response, request

from newsletter import log
from newsletter.billing import subscriptions
from newsletter.billing.processors.protocol import ForgedWebhook, ProcessorError
from newsletter.web.services import services

bp = Blueprint("stripe_webhook", __name__)
_log = log.get("web")


@bp.post("/webhooks/stripe")
def stripe() -> Response:
    """Return 204 after the commit, 503 when Stripe shall deliver the event again, and 403 without a recent signature of Stripe.

    A signed event that is not understood is acknowledged too: it is recorded, and another delivery would not be understood better.
    Returns 404 while ``STRIPE_API_KEY`` or ``STRIPE_WEBHOOK_SECRET`` is not set.
    """
    site = services()
    if site.processor.name != "stripe" or not site.settings.STRIPE_WEBHOOK_SECRET.get_secret_value():
        return _plain_text("Stripe is not set up here: its events are not taken.", 404)
    body = request.get_data(cache=False)
    try:
        subscriptions.handle_webhook(
            site.sessions,
            site.processor,
            body,
            dict(request.headers),
            settings=site.settings,
            clock=site.now,
        )
    except ForgedWebhook as error:
        _log.warning("webhook.refused", provider="stripe", reason=str(error))
        return _plain_text(str(error), 403)
    except ProcessorError as error:
        _log.warning("webhook.deferred", provider="stripe", reason=str(error))
        answer = _plain_text("We could not read it again just now. Please deliver it once more.", 503)
        answer.headers["Retry-After"] = "30"
        return answer
    return make_response("", 204)


def _plain_text(sentence: str, status: int) -> Response:
    answer = make_response(f"{sentence}\n", status)
    answer.mimetype = "text/plain"
    return answer
