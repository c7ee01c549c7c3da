"""Addresses for monitoring: whether the process is alive, whether it is ready, and its metrics."""

from __future__ import annotations

from ipaddress import ip_address

from flask import Blueprint, Response, abort, jsonify, request
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from sqlalchemy.exc import DBAPIError

from newsletter import db
from newsletter.errors import DatabaseError
from newsletter.web.api.metrics import metrics_of_app
from newsletter.web.services import services

bp = Blueprint("health", __name__)
FORWARDED = ("X-Forwarded-For", "Forwarded", "X-Real-IP")


@bp.get("/healthz")
def healthz() -> Response:
    """Report that this process responds. The database is not asked, so that the process is not killed when it is slow."""
    return jsonify(status="ok")


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
    site = services()
    address = ip_address(request.remote_addr or "::")
    # Behind a proxy that the Settings do not name, the client is unknown and treated as from outside.
    by_unknown_proxy = not site.settings.TRUSTED_PROXIES and any(h in request.headers for h in FORWARDED)
    if by_unknown_proxy or not (address.is_loopback or address.is_private) or address.is_unspecified:
        abort(404)
    return Response(metrics_of_app().text(site.sessions, site.now()), content_type=CONTENT_TYPE_LATEST)
