"""For monitoring: whether the process is alive, whether it is ready, and its metrics."""

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
    """This process answers. The database is not asked, so that a slow one does not get the process killed."""
    return jsonify(status="ok")


@bp.get("/readyz")
def readyz() -> tuple[Response, int]:
    """The site is ready: the database answers and has our tables. 503 with the reason otherwise."""
    site = services()
    try:
        with db.reading(site.sessions) as session:
            db.require_head(session.get_bind().engine)
    except (DBAPIError, DatabaseError) as error:
        said = str(error) if isinstance(error, DatabaseError) else db.explain(error)
        return jsonify(status="not ready", reasons=[said]), 503
    return jsonify(status="ready"), 200


@bp.get("/metrics")
def metrics() -> Response:
    """Prometheus text, for our own network only: how many readers there are is confidential."""
    site = services()
    address = ip_address(request.remote_addr or "::")
    # A proxy that the Settings do not name hides where the request came from: then it is treated as from outside.
    came_by_stranger = not site.settings.TRUSTED_PROXIES and any(h in request.headers for h in FORWARDED)
    if came_by_stranger or not (address.is_loopback or address.is_private) or address.is_unspecified:
        abort(404)
    return Response(metrics_of_app().text(site.sessions, site.now()), content_type=CONTENT_TYPE_LATEST)
