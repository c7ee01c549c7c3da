"""Sums over readers and their mail for the desk's charts: by day, by Issue and by mailbox domain. Nobody is named.

The sums of past Issues are stored, because counting them again would read a million rows. Opens and clicks are not measured at all.
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

MIN_DOMAIN_READERS = (
    5  # domains of fewer readers are counted together, because a domain may identify its reader
)
MAX_DOMAINS = 12  # named, the largest first
OTHERS = "All others"
FINAL_AFTER = timedelta(days=4)  # after composing: bounces and complaints are reported within days
BATCH_SIZE = 10  # Issues counted in one transaction


@dataclass(frozen=True)
class DomainCounts:
    """One Issue's Deliveries to one mailbox domain."""

    domain: str
    copies: int  # Deliveries that were submitted
    accepted: int
    bounced: int  # hard or soft
    complained: int
    deferred: int  # deferred by the mailbox at least once

    @property
    def problems(self) -> int:
        """Copies that bounced, were complained about, or were not accepted."""
        return min(self.copies, self.copies - self.accepted + self.bounced + self.complained)


@dataclass(frozen=True)
class IssueCounts:
    """One Issue's Deliveries, and what readers did after it. The field names are stored in ``IssueSum.sums``."""

    issued_on: date
    states: dict[str, int]
    heard: dict[str, int]  # copies with an event of each kind that the provider reported later
    full: int  # copies of the full edition
    metered: int
    left: int  # readers who unsubscribed between this Issue's freeze and the next one's
    reports: int  # reports by readers in that time

    @property
    def copies(self) -> int:
        return self.full + self.metered

    def per_thousand(self, count: int) -> float:
        """``count`` per thousand copies, to one decimal; 0 without copies."""
        return round(1000 * count / self.copies, 1) if self.copies else 0.0


def day_bounds(days: Sequence[date], zone: str) -> list[datetime]:
    """The moments at which the days begin in ``zone``, and the one at which the last day ends."""
    tz = ZoneInfo(zone)
    return [datetime.combine(day, time(), tz) for day in (*days, days[-1] + timedelta(days=1))]


def per_day(
    session: Session, column: InstrumentedAttribute[Any], days: Sequence[date], zone: str
) -> list[int]:
    """How many rows have ``column`` on each of the ``days`` (consecutive), counted in one scan."""
    bounds = day_bounds(days, zone)
    sums = [
        func.sum(case(((column >= begin) & (column < end), 1), else_=0)) for begin, end in pairwise(bounds)
    ]
    row = session.execute(select(*sums).where(column >= bounds[0], column < bounds[-1])).one()
    return [int(value or 0) for value in row]


def readers_before(session: Session, moment: datetime) -> int:
    """How many Subscribers were confirmed and not unsubscribed at ``moment``, erased ones not counted."""
    reading = (Subscriber.confirmed_at < moment) & (
        Subscriber.unsubscribed_at.is_(None) | (Subscriber.unsubscribed_at >= moment)
    )
    return session.scalar(select(func.count()).select_from(Subscriber).where(reading)) or 0


def by_domain(session: Session, issue_id: int) -> list[DomainCounts]:
    """The copies of one Issue by mailbox domain, the largest first; small domains are added up as :data:`OTHERS`, last."""
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
    named = [line for line in ranked if line[1][0] >= MIN_DOMAIN_READERS][:MAX_DOMAINS]
    chosen = {name for name, _ in named}
    rest = [sum(column) for column in zip(*(v for n, v in ranked if n not in chosen), strict=True)]
    lines = [DomainCounts(name, *values) for name, values in named]
    return [*lines, DomainCounts(OTHERS, *rest)] if rest else lines


_BAD = ("bounced", "complained", "deferred")


def _domain(address: InstrumentedAttribute[str]) -> ColumnElement[str]:
    """The part of an address after its last @, in SQL that both databases know.

    ``rtrim`` removes from the end every character that occurs outside an @; what is left ends with the @, and is removed from the front.
    """
    local = func.rtrim(address, func.replace(address, "@", ""))
    return func.replace(address, local, "")


def sent_issues(session: Session, most: int) -> Sequence[Issue]:
    """The latest ``most`` Issues that were sent, oldest first; not one that is being dispatched."""
    sent = Issue.frozen_at.is_not(None) & (Issue.state != "dispatching")
    found = session.scalars(select(Issue).where(sent).order_by(Issue.issued_on.desc()).limit(most))
    return found.all()[::-1]


def by_issue(session: Session, most: int) -> list[IssueCounts]:
    """The counts of the latest ``most`` Issues that were sent, oldest first; the stored ones where there are."""
    issues = sent_issues(session, most)
    kept = {
        row.issue_id: row.sums
        for row in session.scalars(select(IssueSum).where(IssueSum.issue_id.in_([i.id for i in issues])))
    }
    fresh = [i for i in issues if i.id not in kept]
    counted = {line.issued_on: line for line in _count(session, fresh, issues)}
    return [IssueCounts(i.issued_on, **kept[i.id]) if i.id in kept else counted[i.issued_on] for i in issues]


def accepted(session: Session, issues: Sequence[Issue]) -> dict[int, int]:
    """How many copies of each of these Issues were accepted, by Issue id; the stored sums where there are."""
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
    """How many Deliveries of each of these Issues are uncertain now, by Issue id; Issues without any are left out."""
    rows = session.execute(
        select(Delivery.issue_id, func.count())
        .where(Delivery.issue_id.in_([i.id for i in issues]), Delivery.state == "uncertain")
        .group_by(Delivery.issue_id)
    )
    return {number: count for number, count in rows}


def store_sums(session: Session, *, now: datetime) -> int:
    """Store the sums of Issues older than :data:`FINAL_AFTER` that have none; returns how many. The caller commits."""
    final = Issue.composed_at < now - FINAL_AFTER
    done = Issue.frozen_at.is_not(None) & Issue.state.in_(("dispatched", "withdrawn")) & final
    without = ~exists().where(IssueSum.issue_id == Issue.id)
    todo = session.scalars(
        select(Issue).where(done, without).order_by(Issue.issued_on).limit(BATCH_SIZE)
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


def _count(session: Session, chosen: Sequence[Issue], issues: Sequence[Issue]) -> list[IssueCounts]:
    """Count the ``chosen`` of ``issues``. An Issue's time ends with the freeze of the next of ``issues``."""
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
        IssueCounts(
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
    """How many Story pages metered and anonymous readers opened (Reads) on each of these days."""
    return per_day(session, Read.read_at, days, zone)


def _between(
    session: Session, column: InstrumentedAttribute[Any], begin: datetime, end: datetime | None
) -> int:
    statement = select(func.count()).where(column >= begin)
    return session.scalar(statement if end is None else statement.where(column < end)) or 0
