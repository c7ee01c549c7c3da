"""Addresses for monitoring: whether the process is alive, whether it is ready, and its metrics."""

from __future__ import annotations

from dataclasses import asdict
from ipaddress import ip_address

from flask import Blueprint, Response, abort, jsonify, request
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from sqlalchemy.exc import DBAPIError

from newsletter import db
from newsletter.errors import DatabaseError
from newsletter.jobs.today import Answer, answer
from newsletter.web.api.metrics import metrics_of_app
from newsletter.web.services import services

bp = Blueprint("health", __name__)
FORWARDED = ("X-Forwarded-For", "Forwarded", "X-Real-IP")


@bp.get("/healthz")
def healthz() -> Response:
    """Say that this process answers. The database is not asked, so that a slow one does not get the process killed.

    With ``?detail=1`` it is, for our own network: whether today's Issue reaches readers, and what to do if not.
    """
    if request.args.get("detail") != "1":
        return jsonify(status="ok")
    _require_own_network()
    site = services()
    try:
        with db.reading(site.sessions) as session:
            found = answer(session, site.settings, now=site.now())
    except DBAPIError as error:
        found = Answer("stop", f"The database cannot be asked: {db.explain(error)}")
    return jsonify(status="ok", is_well=found.is_well, said=found.in_one_sentence, today=asdict(found))


@bp.get("/readyz")
def readyz() -> tuple[Response, int]:
    """Report whether the site is ready: the database responds and has our tables. Returns 503 with the reason otherwise."""
    site = services()
    try:
        with db.reading(site.sessions) as session:
            db.require_head(session.get_bind().engine)
    except (DBAPIError, DatabaseError) as error:
        reason = str(error) if isinstance(error, DatabaseError) else db.explain(error)
        return jsonify(status="not ready", reasons=[reason]), 503
    return jsonify(status="ready"), 200


@bp.get("/metrics")
def metrics() -> Response:
    """The metrics as Prometheus text, for private networks only, because the number of readers is confidential."""
    _require_own_network()
    site = services()
    return Response(metrics_of_app().text(site.sessions, site.now()), content_type=CONTENT_TYPE_LATEST)


def _require_own_network() -> None:
    """Answer 404 to requests from elsewhere."""
    site = services()
    address = ip_address(request.remote_addr or "::")
    # Behind a proxy that the Settings do not name, the client is unknown and treated as from outside.
    by_unknown_proxy = not site.settings.TRUSTED_PROXIES and any(h in request.headers for h in FORWARDED)
    if by_unknown_proxy or not (address.is_loopback or address.is_private) or address.is_unspecified:
        abort(404)
