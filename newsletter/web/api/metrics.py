"""The figures of ``/metrics``. However often they are asked for, counting takes a small part of one processor's time.

A week of Issues has millions of Deliveries. The final ones of an Issue are counted again only when the number of the others has
changed: no Delivery leaves accepted, failed or withdrawn (see ``delivery/states.py``). And a count that took long is reused for a
while. Everything is kept in this process's memory only.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock
from typing import Any

from flask import current_app
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import Executable, func, select
from sqlalchemy.orm import Session

from newsletter import db
from newsletter.db.models import Delivery, Feed, Issue, Notice, Run, Subscriber
from newsletter.delivery.states import ACCEPTED, FAILED, PENDING, SUBMITTING, UNCERTAIN, WITHDRAWN

COUNTED_WINDOW = timedelta(days=7)  # of Deliveries, Notices, Issues and failures
QUICK_SECONDS = 0.1  # a count that took no longer is made anew each time
REUSE_FACTOR = 20.0  # seconds for which any other count is reused, for each second it took
FINAL = (ACCEPTED, FAILED, WITHDRAWN)
MOVING = (PENDING, SUBMITTING, UNCERTAIN)
_States = Mapping[str, int]


@dataclass
class Metrics:
    """The figures of ``/metrics``, as one process keeps them."""

    reuse_factor: float = REUSE_FACTOR
    quick: float = QUICK_SECONDS
    _lock: Lock = field(default_factory=Lock)
    _text: bytes = b""
    _good_until: float = 0.0  # monotonic seconds
    # By Issue: its Audience and how many Deliveries were in MOVING states, and how many in each FINAL one.
    _final: dict[int, tuple[tuple[int | None, int], _States]] = field(default_factory=dict)

    def text(self, sessions: db.Sessions, now: datetime) -> bytes:
        """Return Prometheus text. One thread counts at a time; those that waited reuse its count if it took long."""
        with self._lock:
            began = time.monotonic()
            if began < self._good_until:
                return self._text
            with db.reading(sessions) as session:
                registry = CollectorRegistry()
                registry.register(_Collected(list(self._families(session, now))))
            self._text = generate_latest(registry)
            ended = time.monotonic()
            took = ended - began
            self._good_until = ended + (self.reuse_factor * took if took > self.quick else 0.0)
            return self._text

    def _families(self, session: Session, now: datetime) -> Iterator[Metric]:
        since = now - COUNTED_WINDOW
        runs = GaugeMetricFamily(
            "newsletter_step_finished_seconds", "When a step was last done, Unix time.", labels=["step"]
        )
        for step, at in session.execute(
            select(Run.step, func.max(Run.finished_at)).where(Run.outcome == "done").group_by(Run.step)
        ):
            runs.add_metric([step], at.timestamp() if at else 0)
        yield runs
        failed = select(Run.step, func.count()).where(Run.outcome == "failed", Run.due_at > since)
        yield _by(
            "step", "newsletter_steps_failed", "Runs that failed in the last 7 days.",
            _pairs(session, failed.group_by(Run.step)),
        )  # fmt: skip
        yield _by(
            "state", "newsletter_deliveries", "Deliveries of the Issues of the last 7 days.",
            self._deliveries(session, since),
        )  # fmt: skip
        notices = select(Notice.state, func.count()).where(Notice.due_at > since).group_by(Notice.state)
        yield _by("state", "newsletter_notices", "Notices of the last 7 days.", _pairs(session, notices))
        issues = select(Issue.state, func.count()).where(Issue.issued_on > since.date())
        yield _by(
            "state", "newsletter_issues", "Issues of the last 7 days.",
            _pairs(session, issues.group_by(Issue.state)),
        )  # fmt: skip
        yield _one(
            session,
            "newsletter_subscribers",
            "Readers who confirmed and did not leave.",
            Subscriber.confirmed_at.is_not(None),
            Subscriber.unsubscribed_at.is_(None),
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

    def _deliveries(self, session: Session, since: datetime) -> _States:
        """How many Deliveries of the Issues since then are in which state."""
        sizes = _pairs(session, select(Issue.id, Issue.audience_size).where(Issue.issued_on > since.date()))
        total: Counter[str] = Counter()
        final: dict[int, tuple[tuple[int | None, int], _States]] = {}
        stale = []
        moving = _by_issue(session, sizes, MOVING)
        for number, size in sizes.items():
            total.update(moving[number])
            left = sum(moving[number].values())
            known = self._final.get(number)
            if known is None or size is None or known[0] != (size, left):
                stale.append(number)
            else:
                final[number] = known
        for number, states in _by_issue(session, stale, FINAL).items():
            final[number] = ((sizes[number], sum(moving[number].values())), states)
        for _, counts in final.values():
            total.update(counts)
        self._final = final
        return total


def metrics_of_app() -> Metrics:
    """The Metrics of the app that is answering this request."""
    found: Metrics = current_app.extensions.setdefault("metrics", Metrics())
    return found


class _Collected(Collector):
    """Metric families that were read from the database a moment ago."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = list(families)

    def collect(self) -> Iterable[Metric]:
        return self._families


def _by_issue(session: Session, issues: Iterable[int], states: Iterable[str]) -> dict[int, dict[str, int]]:
    """How many Deliveries of each of these Issues are in which of these states."""
    found: dict[int, dict[str, int]] = {number: {} for number in issues}
    if found:
        counted = select(Delivery.issue_id, Delivery.state, func.count()).where(
            Delivery.issue_id.in_(found), Delivery.state.in_(states)
        )
        for number, state, count in session.execute(counted.group_by(Delivery.issue_id, Delivery.state)):
            found[number][state] = count
    return found


def _pairs(session: Session, statement: Executable) -> dict[Any, Any]:
    return {row[0]: row[1] for row in session.execute(statement)}


def _by(label: str, name: str, said: str, counts: _States) -> Metric:
    family = GaugeMetricFamily(name, said, labels=[label])
    for value, count in sorted(counts.items()):
        family.add_metric([value], count)
    return family


def _one(session: Session, name: str, said: str, *where: object, of: type) -> Metric:
    family = GaugeMetricFamily(name, said)
    family.add_metric([], session.scalar(select(func.count()).select_from(of).where(*where)) or 0)  # type: ignore[arg-type]
    return family
