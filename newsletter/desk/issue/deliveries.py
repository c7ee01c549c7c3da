"""The Deliveries of an Issue: their sum, by zone, provider and reason, and the uncertain ones with what is known of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from flask import Response, make_response, render_template, request
from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter import db
from newsletter.db.models import Delivery, DeliveryEvent, Subscriber
from newsletter.delivery import ledger, ledger_queries, webhook_health
from newsletter.delivery.breakdown import Breakdown, By, breakdown
from newsletter.delivery.states import STATES
from newsletter.desk.background_counts import count_in_background
from newsletter.desk.guard import actor, bp, redirect_to
from newsletter.desk.issue.decisions import reason
from newsletter.desk.times import day_of
from newsletter.errors import Refused
from newsletter.issues.service import find_issue, standing
from newsletter.jobs.dispatch_wait import dispatch_wait, how_to_mend
from newsletter.web.services import services

SHOWN = 200  # uncertain Deliveries on one page
ZONES_SHOWN = 40
REUSE_FACTOR = 3.0  # seconds of reuse for each second that the count took, which limits the load to a quarter
FOLLOW_EVERY = 10  # seconds; only on request, so that nothing an operator types is lost (WCAG 2.2.2)
CHOICES = {
    "accepted": "It arrived",
    "withdrawn": "Leave it: it is not sent again",
    "pending": "Send once more: they may get it twice",
}


@dataclass(frozen=True)
class UncertainDelivery:
    """An uncertain Delivery and what is known of it."""

    number: int
    reader: int | None
    address: str  # empty when the reader was erased
    submitted_at: datetime | None
    provider: str
    reason: str
    heard: tuple[tuple[str, datetime, str], ...]


@dataclass(frozen=True)
class Table:
    """How many Deliveries are in which state, by zone, provider or edition. A row's last number is its sum."""

    heading: str
    rows: tuple[tuple[str, dict[str, int], int], ...]
    left: int = 0  # rows not shown


@bp.get("/issues/<day>/dispatch")
def dispatch_page(day: str) -> Response:
    site = services()
    with db.reading(site.sessions) as session:
        row = find_issue(session, day_of(day))
        counted = count_in_background(
            f"breakdown:{row.id}",
            lambda own: breakdown(own, row.id),
            row.audience_size or 0,
            reuse_factor=REUSE_FACTOR,
        )
        html = render_template(
            "desk/dispatch.html",
            issue=row,
            sums=ledger.sum_up(session, row.id),
            states=STATES,
            seen=standing(session, row),
            tables=_tables(counted.value) if counted else (),
            breakdown=counted,
            next_due=ledger_queries.next_due(session, row.id),
            uncertain=_uncertain_deliveries(session, row.id),
            silent=webhook_health.unheard_because(site.settings)
            or webhook_health.silent_because(session, site.settings, now=site.now()),
            batches=ledger_queries.uncertain_batches(session, row.id),
            choices=CHOICES,
            now=site.now(),
            following=row.state == "dispatching" and request.args.get("follow") == "1",
            follow_every=FOLLOW_EVERY,
            wait=dispatch_wait(session, now=site.now()),
            how_to_mend=how_to_mend(site.settings),
        )
    return make_response(html)


@bp.post("/issues/<day>/uncertain")
def decide(day: str) -> Response:
    """Record what an operator decides about the ticked uncertain Deliveries."""
    after = request.form.get("after", "")
    if after not in CHOICES:
        raise Refused("Nothing was done: please say what became of them.")
    numbers = [
        int(n) for n in request.form.getlist("delivery") if n.isascii() and n.isdigit() and len(n) < 18
    ]
    batches = [int(n) for n in request.form.getlist("batch") if n.isascii() and n.isdigit() and len(n) < 18]
    with db.reading(services().sessions) as session:
        issue_id = find_issue(session, day_of(day)).id
        numbers += [
            n for number in batches for n in ledger_queries.uncertain_in_batch_of(session, issue_id, number)
        ]
    if not numbers:
        raise Refused("Nothing was done: please tick the copies you mean.")
    services().issues.decide_uncertain(day_of(day), numbers, after, by=actor(), reason=reason())
    return redirect_to(f"issues/{day_of(day)}/dispatch#uncertain")


def _tables(counts: Breakdown) -> tuple[Table, ...]:
    """Return the tables, each with its largest rows first. Where nothing is sold, there is one edition."""
    tables = (
        _table("Time zone", counts.zones, "Erased since"),
        _table("Provider", counts.providers, "Not handed over"),
        _table("Edition", counts.renditions, "Unknown"),
    )
    return tables[:-1] if services().settings.is_free else tables


def _table(heading: str, by: By, no_value: str) -> Table:
    rows = sorted(
        ((value or no_value, dict(states), sum(states.values())) for value, states in by.items()),
        key=lambda r: (-r[2], r[0]),
    )
    return Table(heading, tuple(rows[:ZONES_SHOWN]), max(0, len(rows) - ZONES_SHOWN))


def _uncertain_deliveries(session: Session, issue_id: int) -> list[UncertainDelivery]:
    rows = session.execute(
        select(Delivery, Subscriber.address)
        .outerjoin(Subscriber, Subscriber.id == Delivery.subscriber_id)
        .where(Delivery.issue_id == issue_id, Delivery.state == "uncertain")
        .order_by(Delivery.id)
        .limit(SHOWN)
    ).all()
    heard = _events(session, [d.id for d, _ in rows])
    return [
        UncertainDelivery(
            d.id,
            d.subscriber_id,
            address or "",
            d.submitted_at,
            d.provider or "unknown",
            d.reason or "",
            heard.get(d.id, ()),
        )
        for d, address in rows
    ]


def _events(session: Session, numbers: Iterable[int]) -> dict[int, tuple[tuple[str, datetime, str], ...]]:
    found: dict[int, tuple[tuple[str, datetime, str], ...]] = {}
    for e in session.scalars(
        select(DeliveryEvent)
        .where(DeliveryEvent.delivery_id.in_(list(numbers)))
        .order_by(DeliveryEvent.happened_at)
    ):
        number = e.delivery_id or 0
        found[number] = (*found.get(number, ()), (e.kind, e.happened_at, e.reason))
    return found
