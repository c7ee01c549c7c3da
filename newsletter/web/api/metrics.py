"""The metrics at ``/metrics``, counted with little load however often they are requested.

A week of Issues has millions of Deliveries. Those of an Issue in a final state are counted again only when the number of the
others has changed, because no Delivery leaves accepted, failed or withdrawn (see ``delivery/states.py``). And a count that took
long is reused for a while. Everything is kept only in the memory of this process.
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
QUICK_SECONDS = 0.1  # a count that took less is repeated for each request
REUSE_FACTOR = 20.0  # seconds for which any other count is reused, for each second it took
FINAL = (ACCEPTED, FAILED, WITHDRAWN)
MOVING = (PENDING, SUBMITTING, UNCERTAIN)
_States = Mapping[str, int]


@dataclass
class Metrics:
    """The metrics of one process, with their cache."""

    reuse_factor: float = REUSE_FACTOR
    quick_seconds: float = QUICK_SECONDS
    _lock: Lock = field(default_factory=Lock)
    _text: bytes = b""
    _valid_until: float = 0.0  # monotonic seconds
    # By Issue: its Audience and how many Deliveries were in MOVING states, and how many in each FINAL one.
    _final: dict[int, tuple[tuple[int | None, int], _States]] = field(default_factory=dict)

    def text(self, sessions: db.Sessions, now: datetime) -> bytes:
        """Return Prometheus text. One thread counts at a time; threads that waited reuse its count if it took long."""
        with self._lock:
            began = time.monotonic()
            if began < self._valid_until:
                return self._text
            with db.reading(sessions) as session:
                registry = CollectorRegistry()
                registry.register(_FixedCollector(list(self._families(session, now))))
            self._text = generate_latest(registry)
            ended = time.monotonic()
            seconds = ended - began
            self._valid_until = ended + (self.reuse_factor * seconds if seconds > self.quick_seconds else 0.0)
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
        yield _labelled_family(
            "step", "newsletter_steps_failed", "Runs that failed in the last 7 days.",
            _pairs(session, failed.group_by(Run.step)),
        )  # fmt: skip
        yield _labelled_family(
            "state", "newsletter_deliveries", "Deliveries of the Issues of the last 7 days.",
            self._deliveries(session, since),
        )  # fmt: skip
        notices = select(Notice.state, func.count()).where(Notice.due_at > since).group_by(Notice.state)
        yield _labelled_family(
            "state", "newsletter_notices", "Notices of the last 7 days.", _pairs(session, notices)
        )
        issues = select(Issue.state, func.count()).where(Issue.issued_on > since.date())
        yield _labelled_family(
            "state", "newsletter_issues", "Issues of the last 7 days.",
            _pairs(session, issues.group_by(Issue.state)),
        )  # fmt: skip
        yield _count_family(
            session,
            "newsletter_subscribers",
            "Readers who confirmed and did not leave.",
            Subscriber.confirmed_at.is_not(None),
            Subscriber.unsubscribed_at.is_(None),
            of=Subscriber,
        )
        yield _count_family(
            session,
            "newsletter_feeds_failing",
            "Feeds whose last visit failed.",
            Feed.enabled,
            Feed.failures > 0,
            of=Feed,
        )
        yield _count_family(session, "newsletter_feeds", "Feeds that are read.", Feed.enabled, of=Feed)

    def _deliveries(self, session: Session, since: datetime) -> _States:
        """Return the number of Deliveries in each state, of the Issues since then."""
        sizes = _pairs(session, select(Issue.id, Issue.audience_size).where(Issue.issued_on > since.date()))
        total: Counter[str] = Counter()
        final: dict[int, tuple[tuple[int | None, int], _States]] = {}
        to_count = []
        moving = _by_issue(session, sizes, MOVING)
        for number, size in sizes.items():
            total.update(moving[number])
            left = sum(moving[number].values())
            cached = self._final.get(number)
            if cached is None or size is None or cached[0] != (size, left):
                to_count.append(number)
            else:
                final[number] = cached
        for number, states in _by_issue(session, to_count, FINAL).items():
            final[number] = ((sizes[number], sum(moving[number].values())), states)
        for _, counts in final.values():
            total.update(counts)
        self._final = final
        return total


def metrics_of_app() -> Metrics:
    """Return the Metrics of the app that handles this request."""
    found: Metrics = current_app.extensions.setdefault("metrics", Metrics())
    return found


class _FixedCollector(Collector):
    """Metric families that were just read from the database."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = list(families)

    def collect(self) -> Iterable[Metric]:
        return self._families


def _by_issue(session: Session, issues: Iterable[int], states: Iterable[str]) -> dict[int, dict[str, int]]:
    """Return the number of Deliveries in each of these states, for each of these Issues."""
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


def _labelled_family(label: str, name: str, help_text: str, counts: _States) -> Metric:
    family = GaugeMetricFamily(name, help_text, labels=[label])
    for value, count in sorted(counts.items()):
        family.add_metric([value], count)
    return family


def _count_family(session: Session, name: str, help_text: str, *where: object, of: type) -> Metric:
    family = GaugeMetricFamily(name, help_text)
    family.add_metric([], session.scalar(select(func.count()).select_from(of).where(*where)) or 0)  # type: ignore[arg-type]
    return family
