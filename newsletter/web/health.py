"""For machines: am I alive, may readers come, and how is it going."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from ipaddress import ip_address

from flask import Blueprint, Response, abort, jsonify, request
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector
from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from newsletter import db
from newsletter.errors import DatabaseError
from newsletter.models import Delivery, Feed, Issue, Notice, Run, Subscriber
from newsletter.web.services import services

bp = Blueprint("health", __name__)
FORWARDED = ("X-Forwarded-For", "Forwarded", "X-Real-IP")
LATELY = timedelta(days=7)  # of Deliveries and Issues counted in /metrics


@bp.get("/healthz")
def healthz() -> Response:
    """This process answers. Asks nothing of anybody else, so that a slow database does not get it killed."""
    return jsonify(status="ok")


@bp.get("/readyz")
def readyz() -> tuple[Response, int]:
    """Readers may come: the database answers and has our tables. 503 with the reason otherwise."""
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
    """Prometheus text, for our own network only: how many readers there are is nobody else's to know."""
    site = services()
    address = ip_address(request.remote_addr or "::")
    # A proxy that the Settings do not know hides where the request came from: then nobody is believed to be from here.
    came_by_stranger = not site.settings.TRUSTED_PROXIES and any(h in request.headers for h in FORWARDED)
    if came_by_stranger or not (address.is_loopback or address.is_private) or address.is_unspecified:
        abort(404)
    with db.reading(site.sessions) as session:
        found = list(_families(session, now=site.now()))
    registry = CollectorRegistry()
    registry.register(_Collected(found))
    return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


class _Collected(Collector):
    """What was read from the database a moment ago."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = list(families)

    def collect(self) -> Iterable[Metric]:
        return self._families


def _families(session: Session, *, now: datetime) -> Iterator[Metric]:
    since = now - LATELY
    runs = GaugeMetricFamily(
        "newsletter_step_finished_seconds", "When a step was last done, Unix time.", labels=["step"]
    )
    for step, at in session.execute(
        select(Run.step, func.max(Run.finished_at)).where(Run.outcome == "done").group_by(Run.step)
    ):
        runs.add_metric([step], at.timestamp() if at else 0)
    yield runs
    failed = GaugeMetricFamily(
        "newsletter_steps_failed", "Runs that failed in the last 7 days.", labels=["step"]
    )
    for step, count in session.execute(
        select(Run.step, func.count()).where(Run.outcome == "failed", Run.due_at > since).group_by(Run.step)
    ):
        failed.add_metric([step], count)
    yield failed
    yield _by_state(
        session, "newsletter_deliveries", "Deliveries of the Issues of the last 7 days.", Delivery.state,
        Delivery.issue_id.in_(select(Issue.id).where(Issue.issued_on > since.date())),
    )  # fmt: skip
    yield _by_state(
        session, "newsletter_notices", "Notices of the last 7 days.", Notice.state, Notice.due_at > since
    )
    yield _by_state(
        session,
        "newsletter_issues",
        "Issues of the last 7 days.",
        Issue.state,
        Issue.issued_on > since.date(),
    )
    confirmed = (Subscriber.confirmed_at.is_not(None), Subscriber.unsubscribed_at.is_(None))
    yield _one(
        session,
        "newsletter_subscribers",
        "Readers who confirmed and did not leave.",
        *confirmed,
        of=Subscriber,
    )
    yield _one(
        session,
        "newsletter_feeds_failing",
        "Feeds whose last visit failed.",
        Feed.enabled,
        Feed.failures > 0,
        of=Feed,
    )
    yield _one(session, "newsletter_feeds", "Feeds that are read.", Feed.enabled, of=Feed)


def _by_state(session: Session, name: str, said: str, column: object, *where: object) -> Metric:
    family = GaugeMetricFamily(name, said, labels=["state"])
    for state, count in session.execute(select(column, func.count()).where(*where).group_by(column)):  # type: ignore[call-overload]
        family.add_metric([state], count)
    return family


def _one(session: Session, name: str, said: str, *where: object, of: type) -> Metric:
    family = GaugeMetricFamily(name, said)
    family.add_metric([], session.scalar(select(func.count()).select_from(of).where(*where)) or 0)  # type: ignore[arg-type]
    return family
