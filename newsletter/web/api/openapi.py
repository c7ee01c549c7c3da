"""Describe every public address in OpenAPI 3.1 at ``/openapi.json``, for programs and for the tests that attack all of them.

The addresses are read from the routes, so that none can be missing. The fields of forms and the types of responses are in the
tables here. The desk is left out, because it is not meant for programs.
"""

from __future__ import annotations

import re
from typing import Any

from flask import Blueprint, Response, current_app, jsonify
from werkzeug.routing import Rule

from newsletter.stories.topic_words import TOPICS
from newsletter.web.http.headers import public
from newsletter.web.services import services

bp = Blueprint("openapi", __name__)
HOUR = 3600  # seconds
NOT_DESCRIBED = ("desk.", "static_files.")
_TEXT: dict[str, Any] = {"type": "string"}
_TOKEN = {"type": "string", "description": "As printed in the form on the page."}
_MADE = {"type": "string", "description": "As printed in the form: when its page was made."}
_HOUR_OF_DAY = {"type": "integer", "minimum": 0, "maximum": 23}

# Fields of each form, by endpoint. A form with "form_token" needs the token from its page.
FORMS: dict[str, dict[str, Any]] = {
    "signup.ask": {"form_token": _TOKEN, "address": {"type": "string", "format": "email"}, "hour": _HOUR_OF_DAY,
                   "made": _MADE, "zone": {"type": "string", "examples": ["Europe/Rome"]}, "came_from": _TEXT},
    "signin.ask": {"form_token": _TOKEN, "made": _MADE, "then": _TEXT, "address": {"type": "string", "format": "email"}},
    "signin.spend": {"form_token": _TOKEN},
    "signup.confirm": {},
    "unsubscribe.leave": {"List-Unsubscribe": {"type": "string", "const": "One-Click"},
                          "payment": {"type": "string", "const": "cancel"}},
    "unsubscribe.undo": {},
    "account.choose": {"form_token": _TOKEN, "hour": _HOUR_OF_DAY, "zone": _TEXT,
                       "cadence": {"type": "string", "enum": ["daily", "weekly"]}, "paused_until": _TEXT,
                       "topic": {"type": "array", "items": {"type": "string", "enum": list(TOPICS)}}},
    "account.resume": {"form_token": _TOKEN},
    "account.sign_out": {"form_token": _TOKEN},
    "account.sign_out_one": {"form_token": _TOKEN},
    "account.sign_out_everywhere": {"form_token": _TOKEN},
    "account.erase_me": {"form_token": _TOKEN, "sure": {"type": "string", "const": "yes"}},
    "checkout.begin": {"form_token": _TOKEN},
    "checkout.begin_for": {},
    "checkout.look_again": {"form_token": _TOKEN, "checkout": _TEXT},
    "checkout.portal": {"form_token": _TOKEN},
    "checkout.cancel": {"form_token": _TOKEN},
    "offline_checkout.submit": {"form_token": _TOKEN,
                               "do": {"type": "string", "enum": ["pay", "decline", "fail", "cancel", "end", "back"]}},
    "stories.send_report": {"form_token": _TOKEN, "reason": _TEXT, "words": _TEXT},
}  # fmt: skip
# Signed bodies. The signature is in a header, in a form that the sender defines.
SIGNED_BODIES = {"webhooks.provider_events": "array", "stripe_webhook.stripe": "object"}
# The types of successful responses that are not HTML.
RESPONSE_TYPES = {
    "crawlers.robots": "text/plain", "crawlers.security": "text/plain", "crawlers.sitemap": "application/xml",
    "social_cards.home": "image/png", "social_cards.story": "image/png", "social_cards.issue": "image/png",
    "stories.shown": "image/svg+xml",
    "issues.atom": "application/atom+xml", "account.export": "application/json", "health.healthz": "application/json",
    "health.readyz": "application/json", "health.metrics": "text/plain", "openapi.openapi": "application/json",
}  # fmt: skip
QUERIES = {
    "account.page": ("saved",),
    "signin.form": ("then",),
    "checkout.done": ("checkout",),
    "stories.report_page": ("kept",),
    "stories.story": ("pass",),
    "stories.shown": ("seen", "pass"),
}


@bp.get("/openapi.json")
def openapi() -> Response:
    """This description of the addresses."""
    site = services().settings
    paths: dict[str, dict[str, Any]] = {}
    for rule in sorted(current_app.url_map.iter_rules(), key=lambda r: r.rule):
        if not rule.endpoint.startswith(NOT_DESCRIBED):
            described = paths.setdefault(re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule), {})
            for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
                described[method.lower()] = _operation(rule, method)
    answer = jsonify(
        openapi="3.1.0",
        info={
            "title": site.SITE_NAME,
            "version": "1",
            "description": "GET changes nothing but the meter. Forms need the form_token of their page; webhooks their signature.",
        },
        servers=[{"url": site.SITE_URL}],
        paths=paths,
    )
    return public(answer, max_age=HOUR)


def _operation(rule: Rule, method: str) -> dict[str, Any]:
    view = current_app.view_functions[rule.endpoint]
    said = (view.__doc__ or rule.endpoint.replace(".", " ").replace("_", " ")).strip().split("\n")[0]
    described: dict[str, Any] = {
        "operationId": rule.endpoint.replace(".", "_"),
        "summary": said.replace("``", ""),
        "parameters": [
            {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
            for name in sorted(rule.arguments)
        ]
        + [{"name": name, "in": "query", "schema": _TEXT} for name in QUERIES.get(rule.endpoint, ())],
        "responses": _responses(rule.endpoint),
    }
    if method == "POST":
        described["requestBody"] = _body(rule.endpoint)
    return described


def _body(endpoint: str) -> dict[str, Any]:
    if endpoint in SIGNED_BODIES:
        return {
            "required": True,
            "content": {"application/json": {"schema": {"type": SIGNED_BODIES[endpoint]}}},
        }
    fields = FORMS.get(endpoint, {"form_token": _TOKEN})
    schema = {"type": "object", "properties": fields, "required": [f for f in fields if f == "form_token"]}
    types = ["application/x-www-form-urlencoded"]
    if endpoint == "unsubscribe.leave":  # RFC 8058 allows both
        types.append("multipart/form-data")
    return {
        "required": bool(schema["required"]),
        "content": {kind: {"schema": schema} for kind in types},
    }


def _responses(endpoint: str) -> dict[str, Any]:
    page: dict[str, Any] = {"text/html": {}}
    good = {RESPONSE_TYPES[endpoint]: {}} if endpoint in RESPONSE_TYPES else page
    refusals = {**page, "text/plain": {}}  # webhooks and crawlers are answered in plain text
    described: dict[str, Any] = {
        "2XX": {"description": "Done, or the page.", "content": good},
        "3XX": {"description": "It stands elsewhere, or signing in comes first.", "content": page},
        "4XX": {"description": "Refused, in a sentence that says why.", "content": refusals},
        "503": {
            "description": "Back in a moment: the database, or a processor of ours, cannot be reached.",
            "content": {**page, "application/json": {}, "text/plain": {}},
        },
    }
    if endpoint in SIGNED_BODIES:
        described["2XX"] = {"description": "Accepted: it is in the database."}
    return described
