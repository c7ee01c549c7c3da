"""Sums over readers and their mail for the desk's figures: by day, by Issue, by mailbox domain. Nobody is named.

One of the nouns that touch tables: it counts, and keeps what it counted of past Issues. No opening of a mail and no click is known here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, case, exists, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from newsletter import db
from newsletter.db.models import Delivery, DeliveryEvent, Issue, IssueSum, Read, Report, Subscriber

FEWEST_OF_A_DOMAIN = 5  # readers; fewer could be known by their domain, and stand together
DOMAINS = 12  # named, the largest first
OTHERS = "All others"
SETTLED_AFTER = timedelta(days=4)  # of composing: bounces and complaints come within days
KEPT_AT_ONCE = 10  # Issues counted in one transaction


@dataclass(frozen=True)
class DomainLine:
    """What became of one Issue's copies to one mailbox domain."""

    domain: str
    copies: int  # that were handed over
    accepted: int
    bounced: int  # hard or soft
    complained: int
    deferred: int  # put off by the mailbox, whatever came of it

    @property
    def trouble(self) -> int:
        """Copies that bounced, were complained about, or were never accepted."""
        return min(self.copies, self.copies - self.accepted + self.bounced + self.complained)


@dataclass(frozen=True)
class IssueLine:
    """What became of one Issue, in copies and in what readers did about it."""

    issued_on: date
    states: dict[str, int]
    heard: dict[str, int]  # what the provider reported later, in distinct copies
    full: int  # copies of the full edition
    metered: int
    left: int  # readers who unsubscribed between its first copy and the next Issue's
    reports: int  # readers' words about its Stories

    @property
    def copies(self) -> int:
        return self.full + self.metered

    def per_thousand(self, count: int) -> float:
        """How many of a thousand copies, to one decimal; 0 without copies."""
        return round(1000 * count / self.copies, 1) if self.copies else 0.0


def edges(days: Sequence[date], zone: str) -> list[datetime]:
    """The moments at which the days begin in ``zone``, and at which the last one ends."""
    tz = ZoneInfo(zone)
    return [datetime.combine(day, time(), tz) for day in (*days, days[-1] + timedelta(days=1))]


def per_day(
    session: Session, column: InstrumentedAttribute[Any], days: Sequence[date], zone: str
) -> list[int]:
    """How many rows have ``column`` on each of these days, in one scan."""
    bounds = edges(days, zone)
    sums = [
        func.sum(case(((column >= begin) & (column < end), 1), else_=0)) for begin, end in pairwise(bounds)
    ]
    row = session.execute(select(*sums).where(column >= bounds[0], column < bounds[-1])).one()
    return [int(value or 0) for value in row]


def readers_before(session: Session, moment: datetime) -> int:
    """How many had confirmed and not left before this moment, of those we still know."""
    there = (Subscriber.confirmed_at < moment) & (
        Subscriber.unsubscribed_at.is_(None) | (Subscriber.unsubscribed_at >= moment)
    )
    return session.scalar(select(func.count()).select_from(Subscriber).where(there)) or 0


def by_domain(session: Session, issue_id: int) -> list[DomainLine]:
    """The copies of one Issue by mailbox domain, the largest first; what few readers have stands together, last."""
    domain = _domain(Subscriber.address)
    counted: dict[str, list[int]] = {}
    rows = session.execute(
        select(domain, func.count(), func.sum(case((Delivery.state == "accepted", 1), else_=0)))
        .select_from(Delivery)
        .join(Subscriber, Subscriber.id == Delivery.subscriber_id)
        .where(Delivery.issue_id == issue_id, Delivery.state.in_(("accepted", "failed", "uncertain")))
        .group_by(domain)
    )
    for name, copies, accepted in rows:
        counted[name] = [copies, int(accepted or 0), 0, 0, 0]
    bad = session.execute(
        select(domain, DeliveryEvent.kind, func.count(func.distinct(DeliveryEvent.delivery_id)))
        .select_from(DeliveryEvent)
        .join(Delivery, Delivery.id == DeliveryEvent.delivery_id)
        .join(Subscriber, Subscriber.id == Delivery.subscriber_id)
        .where(Delivery.issue_id == issue_id, DeliveryEvent.kind.in_(_BAD))
        .group_by(domain, DeliveryEvent.kind)
    )
    for name, kind, count in bad:
        if name in counted:
            counted[name][2 + _BAD.index(kind)] = count
    ranked = sorted(counted.items(), key=lambda line: (-line[1][0], line[0]))
    named = [line for line in ranked if line[1][0] >= FEWEST_OF_A_DOMAIN][:DOMAINS]
    chosen = {name for name, _ in named}
    rest = [sum(column) for column in zip(*(v for n, v in ranked if n not in chosen), strict=True)]
    lines = [DomainLine(name, *values) for name, values in named]
    return [*lines, DomainLine(OTHERS, *rest)] if rest else lines


_BAD = ("bounced", "complained", "deferred")


def _domain(address: InstrumentedAttribute[str]) -> ColumnElement[str]:
    """What stands behind the @, in words both databases know: all that is not an @ is taken off the end, and what is left
    off the beginning."""
    local = func.rtrim(address, func.replace(address, "@", ""))
    return func.replace(address, local, "")


def gone_out(session: Session, most: int) -> Sequence[Issue]:
    """The latest Issues that went out, oldest first; not one that is still on its way."""
    there = Issue.frozen_at.is_not(None) & (Issue.state != "dispatching")
    found = session.scalars(select(Issue).where(there).order_by(Issue.issued_on.desc()).limit(most))
    return found.all()[::-1]


def by_issue(session: Session, most: int) -> list[IssueLine]:
    """What became of the latest Issues that went out, oldest first. Those of some days ago were counted before."""
    issues = gone_out(session, most)
    kept = {
        row.issue_id: row.sums
        for row in session.scalars(select(IssueSum).where(IssueSum.issue_id.in_([i.id for i in issues])))
    }
    fresh = [i for i in issues if i.id not in kept]
    counted = {line.issued_on: line for line in _count(session, fresh, issues)}
    return [IssueLine(i.issued_on, **kept[i.id]) if i.id in kept else counted[i.issued_on] for i in issues]


def accepted(session: Session, issues: Sequence[Issue]) -> dict[int, int]:
    """How many copies of each of these Issues were accepted; of those of some days ago as it was counted then."""
    numbers = [i.id for i in issues]
    kept = session.scalars(select(IssueSum).where(IssueSum.issue_id.in_(numbers)))
    found = {row.issue_id: int(row.sums["states"].get("accepted", 0)) for row in kept}
    fresh = session.execute(
        select(Delivery.issue_id, func.count())
        .where(Delivery.issue_id.in_([n for n in numbers if n not in found]), Delivery.state == "accepted")
        .group_by(Delivery.issue_id)
    )
    return {**dict.fromkeys(numbers, 0), **found, **{number: count for number, count in fresh}}


def uncertain(session: Session, issues: Sequence[Issue]) -> dict[int, int]:
    """How many copies of each of these Issues are in doubt now; Issues without any are left out."""
    rows = session.execute(
        select(Delivery.issue_id, func.count())
        .where(Delivery.issue_id.in_([i.id for i in issues]), Delivery.state == "uncertain")
        .group_by(Delivery.issue_id)
    )
    return {number: count for number, count in rows}


def keep_sums(session: Session, *, now: datetime) -> int:
    """Count the Issues of which little more will be heard, once for all. Returns how many. The caller commits."""
    settled = Issue.composed_at < now - SETTLED_AFTER
    there = Issue.frozen_at.is_not(None) & Issue.state.in_(("dispatched", "withdrawn")) & settled
    without = ~exists().where(IssueSum.issue_id == Issue.id)
    todo = session.scalars(
        select(Issue).where(there, without).order_by(Issue.issued_on).limit(KEPT_AT_ONCE)
    ).all()
    if not todo:
        return 0
    after = select(Issue).where(Issue.frozen_at.is_not(None), Issue.issued_on >= todo[0].issued_on)
    line_of = {
        x.issued_on: x for x in _count(session, todo, session.scalars(after.order_by(Issue.issued_on)).all())
    }
    rows = []
    for issue in todo:
        sums = asdict(line_of[issue.issued_on])
        del sums["issued_on"]
        rows.append({"issue_id": issue.id, "summed_at": now, "sums": sums})
    return db.insert_new(session, IssueSum, rows)


def _count(session: Session, chosen: Sequence[Issue], issues: Sequence[Issue]) -> list[IssueLine]:
    """Count the ``chosen`` of ``issues``, which say when the next one began."""
    numbers = [i.id for i in chosen]
    states: dict[int, dict[str, int]] = {n: {} for n in numbers}
    editions: dict[int, dict[str, int]] = {n: {} for n in numbers}
    for number, state, edition, count in session.execute(
        select(Delivery.issue_id, Delivery.state, Delivery.rendition, func.count())
        .where(Delivery.issue_id.in_(numbers))
        .group_by(Delivery.issue_id, Delivery.state, Delivery.rendition)
    ):
        states[number][state] = states[number].get(state, 0) + count
        editions[number][edition] = editions[number].get(edition, 0) + count
    heard: dict[int, dict[str, int]] = {n: {} for n in numbers}
    for number, kind, count in session.execute(
        select(Delivery.issue_id, DeliveryEvent.kind, func.count(func.distinct(DeliveryEvent.delivery_id)))
        .join(Delivery, Delivery.id == DeliveryEvent.delivery_id)
        .where(Delivery.issue_id.in_(numbers))
        .group_by(Delivery.issue_id, DeliveryEvent.kind)
    ):
        heard[number][kind] = count
    begins = [i.frozen_at for i in issues if i.frozen_at is not None]
    ends = [*begins[1:], None][: len(begins)]
    return [
        IssueLine(
            issued_on=issue.issued_on,
            states=states[issue.id],
            heard=heard[issue.id],
            full=editions[issue.id].get("full", 0),
            metered=editions[issue.id].get("metered", 0),
            left=_between(session, Subscriber.unsubscribed_at, begin, end),
            reports=_between(session, Report.reported_at, begin, end),
        )
        for issue, begin, end in zip(issues, begins, ends, strict=True)
        if issue.id in numbers
    ]


def reading(session: Session, days: Sequence[date], zone: str) -> list[int]:
    """Story pages that metered and anonymous readers opened on purpose, on each of these days."""
    return per_day(session, Read.read_at, days, zone)


def _between(
    session: Session, column: InstrumentedAttribute[Any], begin: datetime, end: datetime | None
) -> int:
    statement = select(func.count()).where(column >= begin)
    return session.scalar(statement if end is None else statement.where(column < end)) or 0
