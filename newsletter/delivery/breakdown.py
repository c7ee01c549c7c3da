"""The ledger of an Issue by time zone, provider and Rendition, with reasons and reported events. Read-only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from newsletter.db.models import Delivery, DeliveryEvent, LeftOut, Subscriber
from newsletter.delivery.states import FAILED, UNCERTAIN, WITHDRAWN

MOST_REASONS = 30
By = Mapping[str, Mapping[str, int]]  # how many copies are in which state, by something


@dataclass(frozen=True)
class Breakdown:
    """Every way of cutting the ledger has the same sum. The key is empty for copies of erased readers, and for those not
    submitted to any provider yet."""

    zones: By
    providers: By
    renditions: By
    reasons: tuple[tuple[str, str, int], ...]  # state, reason, how many
    left_out: tuple[tuple[str, int], ...]
    heard: tuple[tuple[str, int], ...]  # what the provider reported later, in distinct copies


def breakdown(session: Session, issue_id: int) -> Breakdown:
    """Read the whole ledger of an Issue once, which takes seconds for a million rows."""
    zones: dict[str, dict[str, int]] = {}
    providers: dict[str, dict[str, int]] = {}
    renditions: dict[str, dict[str, int]] = {}
    columns = (Subscriber.zone, Delivery.provider, Delivery.rendition, Delivery.state)
    rows = session.execute(
        select(*columns, func.count())
        .select_from(Delivery)
        .outerjoin(Subscriber, Subscriber.id == Delivery.subscriber_id)
        .where(Delivery.issue_id == issue_id)
        .group_by(*columns)
    )
    for zone, provider, rendition, state, count in rows:
        for table, key in ((zones, zone), (providers, provider), (renditions, rendition)):
            line = table.setdefault(key or "", {})
            line[state] = line.get(state, 0) + count
    return Breakdown(
        zones,
        providers,
        renditions,
        _reasons(session, issue_id),
        _left_out(session, issue_id),
        _reported(session, issue_id),
    )


def _reasons(session: Session, issue_id: int) -> tuple[tuple[str, str, int], ...]:
    rows = session.execute(
        select(Delivery.state, Delivery.reason, func.count())
        .where(
            Delivery.issue_id == issue_id,
            Delivery.state.in_((FAILED, UNCERTAIN, WITHDRAWN)),
            Delivery.reason.is_not(None),
        )
        .group_by(Delivery.state, Delivery.reason)
        .order_by(func.count().desc())
        .limit(MOST_REASONS)
    )
    return tuple((state, said or "", count) for state, said, count in rows)


def _left_out(session: Session, issue_id: int) -> tuple[tuple[str, int], ...]:
    rows = session.execute(
        select(LeftOut.reason, func.count()).where(LeftOut.issue_id == issue_id).group_by(LeftOut.reason)
    )
    return tuple(sorted(((r, n) for r, n in rows), key=lambda r: -r[1]))


def _reported(session: Session, issue_id: int) -> tuple[tuple[str, int], ...]:
    rows = session.execute(
        select(DeliveryEvent.kind, func.count(func.distinct(DeliveryEvent.delivery_id)))
        .join(Delivery, Delivery.id == DeliveryEvent.delivery_id)
        .where(Delivery.issue_id == issue_id)
        .group_by(DeliveryEvent.kind)
    )
    return tuple(sorted(((k, n) for k, n in rows), key=lambda r: -r[1]))
