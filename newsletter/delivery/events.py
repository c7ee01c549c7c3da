"""Processes the events that a provider reports: stores DeliveryEvents, settles uncertain rows of the ledger, suppresses addresses.

The final state is the same for any order and any number of repeats. An event is acknowledged only after it was committed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, case, false, func, select, text, true
from sqlalchemy.orm import Session

from newsletter import db, log
from newsletter.db.models import Delivery, DeliveryEvent, Issue, Notice, Subscriber
from newsletter.delivery import ledger, notice_ledger
from newsletter.delivery.providers.protocol import ProviderEvent
from newsletter.delivery.states import ACCEPTED
from newsletter.delivery.suppressions import Addressee, suppress

MIN_SURGE: Final = 100  # bounces and complaints of one Issue; with fewer it is never held
# The Issue is held when hard bounces and complaints exceed this share of its accepted Messages …
SURGE_SHARE: Final = 0.05
# … or when bounces of any kind exceed this one. Full mailboxes are few; above it, mail servers are refusing us.
BLOCKED_SHARE: Final = 0.10
EVENTS_PER_TRANSACTION: Final = 1_000  # so that the write lock is held only for a moment
NUMBER_REACH: Final = 8  # Audiences; the ids of two Issues frozen at once may interleave, of more they do not
# The text of the partial index's condition, so that both databases use the index.
_BAD: Final = text("(kind IN ('bounced', 'complained'))")
_LASTING: Final = (DeliveryEvent.bounce == "hard") | (DeliveryEvent.kind == "complained")

_NAMED: Final = re.compile(r"(delivery|notice):(\d{1,18})")

_log = log.get("delivery")


@dataclass(frozen=True)
class EventsReport:
    """What a batch of events changed."""

    new: int = 0
    known: int = 0  # stored before
    unmatched: int = 0  # name no row of the ledger
    accepted: int = 0  # uncertain or pending rows that an event proved accepted
    suppressed: int = 0
    held: tuple[date, ...] = ()  # days of the Issues held because too much bounced

    def __add__(self, more: EventsReport) -> EventsReport:
        return EventsReport(*(getattr(self, f.name) + getattr(more, f.name) for f in fields(self)))


@dataclass(frozen=True)
class _LedgerRow:
    """A row of the ledger that an event names, and whose mail it was."""

    number: int
    is_delivery: bool
    addressee: Addressee
    state: str


@dataclass(frozen=True)
class _EventBatch:
    """The new events of a batch, and the rows of the ledger that they name."""

    events: Sequence[ProviderEvent]  # that name a row of the ledger and were not stored before, ordered by id
    lines: Mapping[str | None, _LedgerRow]
    known: int
    unmatched: int

    @property
    def kept(self) -> list[ProviderEvent]:
        """The events to store at once. That a mail was accepted is stored only for rows in doubt (see :func:`_store`)."""
        return [e for e in self.events if e.kind != "accepted"]

    @property
    def doubted(self) -> list[_LedgerRow]:
        return [line for line in self.lines.values() if line.state != ACCEPTED]


def run(
    sessions: db.Sessions, events: Sequence[ProviderEvent], *, provider: str, now: datetime
) -> EventsReport:
    """Process and commit what a provider reported, :data:`EVENTS_PER_TRANSACTION` events in each transaction."""
    report = EventsReport()
    for start in range(0, len(events), EVENTS_PER_TRANSACTION):
        with db.reading(sessions) as session:
            batch = _match(session, events[start : start + EVENTS_PER_TRANSACTION], provider)
        if not batch.kept and not batch.doubted:  # nothing to store: do not wait for the write lock
            report += EventsReport(len(batch.events), batch.known, batch.unmatched)
            continue
        with sessions.begin() as session:
            report += _store(session, batch, provider, now)
    _log.info(
        "events.taken",
        new=report.new,
        known=report.known,
        accepted=report.accepted,
        suppressed=report.suppressed,
    )
    return report


def take(session: Session, events: Sequence[ProviderEvent], *, provider: str, now: datetime) -> EventsReport:
    """Do the same in the caller's transaction. The caller commits, and only then acknowledges."""
    return _store(session, _match(session, events, provider), provider, now)


def _match(session: Session, events: Sequence[ProviderEvent], provider: str) -> _EventBatch:
    """Match events with the ledger, without changing it. Unique keys and compare-and-sets detect what others write meanwhile."""
    stored = _already_stored(session, provider, [e.provider_event_id for e in events])
    fresh = {e.provider_event_id: e for e in events if e.provider_event_id not in stored}
    lines = _ledger_rows(session, fresh.values())
    # Sorted, so that two webhooks at once take their locks in the same order and cannot deadlock.
    ours = [e for _, e in sorted(fresh.items()) if e.reference in lines]
    return _EventBatch(ours, lines, len(events) - len(fresh), len(fresh) - len(ours))


def _store(session: Session, batch: _EventBatch, provider: str, now: datetime) -> EventsReport:
    kept, lines = batch.kept, batch.lines
    db.insert_new(session, DeliveryEvent, [_row(e, lines, provider, now) for e in kept])
    accepted = _accept_doubted(session, batch.doubted, now)
    in_doubt = _still_unsettled(session, batch.doubted)
    words = [e for e in batch.events if e.kind == "accepted" and e.reference in in_doubt]
    db.insert_new(session, DeliveryEvent, [_row(e, lines, provider, now) for e in words])
    suppressed = suppress(session, kept, {r: line.addressee for r, line in lines.items()})
    bad = [lines[e.reference] for e in kept if e.kind in ("bounced", "complained")]
    held = _hold_on_surge(session, sorted({line.number for line in bad if line.is_delivery})) if bad else ()
    return EventsReport(len(batch.events), batch.known, batch.unmatched, accepted, suppressed, held)


def _already_stored(session: Session, provider: str, ids: Sequence[str]) -> set[str]:
    statement = select(DeliveryEvent.provider_event_id).where(DeliveryEvent.provider == provider)
    return set(session.scalars(statement.where(DeliveryEvent.provider_event_id.in_(ids))))


def _ledger_rows(session: Session, events: Iterable[ProviderEvent]) -> dict[str | None, _LedgerRow]:
    """Return the existing rows of the ledger that the events name, by reference."""
    numbers: dict[str, set[int]] = {"delivery": set(), "notice": set()}
    for event in events:
        if named := _NAMED.fullmatch(event.reference or ""):
            numbers[named.group(1)].add(int(named.group(2)))
    found: dict[str | None, _LedgerRow] = {}
    if numbers["delivery"]:
        owed = select(Delivery.id, Delivery.address_hash, Delivery.subscriber_id, Delivery.state)
        for number, known_as, reader, state in session.execute(
            owed.where(Delivery.id.in_(numbers["delivery"]))
        ):
            found[f"delivery:{number}"] = _LedgerRow(number, True, Addressee(known_as, reader), state)
    if numbers["notice"]:
        owed = select(Notice.id, Subscriber.address_hash, Notice.subscriber_id, Notice.state)
        owed = owed.outerjoin(Subscriber, Subscriber.id == Notice.subscriber_id)
        for number, known_as, reader, state in session.execute(owed.where(Notice.id.in_(numbers["notice"]))):
            found[f"notice:{number}"] = _LedgerRow(number, False, Addressee(known_as, reader), state)
    return found


def _row(
    event: ProviderEvent, lines: Mapping[str | None, _LedgerRow], provider: str, now: datetime
) -> dict[str, object]:
    line = lines[event.reference]
    return {
        "provider": provider,
        "provider_event_id": event.provider_event_id,
        "delivery_id": line.number if line.is_delivery else None,
        "kind": event.kind,
        "bounce": event.bounce,
        "happened_at": event.happened_at,
        "received_at": now,
        "reason": event.reason,
    }


def _accept_doubted(session: Session, doubted: Iterable[_LedgerRow], now: datetime) -> int:
    """Accept rows in doubt: a provider that reports anything about a mail has accepted it. Returns how many."""
    deliveries = sorted(line.number for line in doubted if line.is_delivery)
    notices = sorted(line.number for line in doubted if not line.is_delivery)
    return ledger.accept(session, deliveries, now=now) + notice_ledger.accept(session, notices)


def _still_unsettled(session: Session, doubted: Iterable[_LedgerRow]) -> set[str]:
    """References of Deliveries that are still claimed. Their events are stored, should the Delivery become uncertain later."""
    numbers = [line.number for line in doubted if line.is_delivery]
    if not numbers:
        return set()
    unsettled = select(Delivery.id).where(Delivery.id.in_(numbers), Delivery.state != ACCEPTED)
    return {f"delivery:{number}" for number in session.scalars(unsettled)}


def _hold_on_surge(session: Session, deliveries: Sequence[int]) -> tuple[date, ...]:
    """Hold an Issue that is being dispatched when too many of its Messages bounce or bring complaints. Returns the days of those held.

    Many soft bounces mean that mail servers block our address or name, which further mail would make worse.
    """
    going = session.execute(
        select(Issue, func.min(Delivery.id))
        .join(Delivery, Delivery.issue_id == Issue.id)
        .where(Issue.state == "dispatching", Delivery.id.in_(deliveries))
        .group_by(Issue.id)
    ).all()
    held = []
    for issue, one_of_them in going:
        if reason := _hold_reason(session, issue, near=one_of_them):
            reason = f"too much went wrong: {reason}. Once it is resumed, the copies that go from then on are judged anew"
            if ledger.move_issue(session, issue, "held", hold_reason=reason):
                _log.warning("issue.held", issue_id=issue.id, reason=reason)
                held.append(issue.issued_on)
    return tuple(held)


def _hold_reason(session: Session, issue: Issue, *, near: int) -> str | None:
    """Return why an Issue must be held; None while it need not be.

    After an operator resumed it, only Messages accepted since count; all of them count again when failures have doubled.
    """
    bad = _failure_counts(session, issue, near=near)
    since = issue.released_at
    if since is not None and bad.in_all_since >= MIN_SURGE:
        accepted = _accepted(session, issue, bad.lasting_since, bad.in_all_since, since=since)
        if reason := surge_reason(bad.lasting_since, bad.in_all_since, accepted):
            return f"{reason}, since it was resumed"
    if bad.in_all < MIN_SURGE or (since is not None and bad.in_all < 2 * max(bad.seen, MIN_SURGE)):
        return None
    reason = surge_reason(bad.lasting, bad.in_all, _accepted(session, issue, bad.lasting, bad.in_all))
    return f"{reason}, twice as many as when it was resumed" if reason and since else reason


def _accepted(
    session: Session, issue: Issue, lasting: int, in_all: int, *, since: datetime | None = None
) -> int:
    """Return how many Messages were accepted (``since`` then), counted only up to the number at which the answer cannot change."""
    bearable = int(max(lasting / SURGE_SHARE, in_all / BLOCKED_SHARE))
    some = select(Delivery.id).where(Delivery.issue_id == issue.id, Delivery.state == ACCEPTED)
    if since is not None:  # the last due are the last mailed, or nearly
        some = some.where(Delivery.settled_at >= since).order_by(Delivery.due_at.desc())
    return session.scalar(select(func.count()).select_from(some.limit(bearable).subquery())) or 0


def surge_reason(lasting: int, in_all: int, accepted: int) -> str | None:
    """Return why an Issue must be held; None while it need not be. ``lasting`` counts hard bounces and complaints, ``in_all`` soft bounces too."""
    if lasting >= MIN_SURGE and lasting > SURGE_SHARE * accepted:
        return f"{lasting} of {accepted} accepted Messages bounced or were complained about"
    if in_all >= MIN_SURGE and in_all > BLOCKED_SHARE * accepted:
        return (
            f"{in_all} of {accepted} accepted Messages bounced, {in_all - lasting} of them for now:"
            " mail servers may be turning us away"
        )
    return None


@dataclass(frozen=True)
class _FailureCounts:
    """Numbers of Deliveries of an Issue: ``lasting`` bounced hard or brought a complaint, ``in_all`` includes soft bounces."""

    lasting: int
    in_all: int
    lasting_since: int  # of those accepted since an operator resumed the Issue; 0 when nobody did
    in_all_since: int
    seen: int  # already reported when it was resumed


def _failure_counts(session: Session, issue: Issue, *, near: int) -> _FailureCounts:
    """Count the failures of an Issue. ``near`` is the id of one of its Deliveries.

    The Deliveries of an Issue have consecutive ids, so only :data:`NUMBER_REACH` Audiences around ``near`` are read.
    """
    reach = NUMBER_REACH * max(issue.audience_size or 0, 1)
    since = issue.released_at
    later = Delivery.settled_at >= since if since else false()
    before = DeliveryEvent.received_at <= since if since else false()

    def those(*which: ColumnElement[bool]) -> Any:
        return func.count(func.distinct(case((and_(true(), *which), DeliveryEvent.delivery_id))))

    count = (
        select(those(_LASTING), those(), those(_LASTING, later), those(later), those(before))
        .join(Delivery, Delivery.id == DeliveryEvent.delivery_id)
        .where(DeliveryEvent.delivery_id.between(near - reach, near + reach))
        .where(Delivery.issue_id == issue.id)
        .where(_BAD)
    )
    return _FailureCounts(*session.execute(count).one())
