"""Hears what a provider reports later, in bulk: keeps DeliveryEvents, settles uncertain lines, suppresses who must not be mailed.

Any order and any number of repeats give the same final state. What is acknowledged was committed before.
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

SURGE_FROM: Final = 100  # mails of one Issue that went badly …
SURGE_SHARE: Final = (
    0.05  # … lasting bounces and complaints as a share of what was accepted of it: the Issue is held
)
BLOCKED_SHARE: Final = (
    0.10  # … or bounces of any kind: full mailboxes are a few; past that, mail servers turn us away
)
AT_ONCE: Final = 1_000  # events written down in one transaction
FAR: Final = 8  # Audiences; two Issues frozen at once may mingle their numbers, more do not
# Written as the index is, so that both databases know it for the same.
_BAD: Final = text("(kind IN ('bounced', 'complained'))")
_LASTING: Final = (DeliveryEvent.bounce == "hard") | (DeliveryEvent.kind == "complained")

_NAMED: Final = re.compile(r"(delivery|notice):(\d{1,18})")

_log = log.get("delivery")


@dataclass(frozen=True)
class SettleReport:
    """What a bunch of events brought."""

    new: int = 0
    known: int = 0  # heard before
    strangers: int = 0  # name no line of ours
    accepted: int = 0  # lines in doubt, or to go once more, that this proved accepted
    suppressed: int = 0
    held: tuple[date, ...] = ()  # Issues held because too much bounced

    def __add__(self, more: SettleReport) -> SettleReport:
        return SettleReport(*(getattr(self, f.name) + getattr(more, f.name) for f in fields(self)))


@dataclass(frozen=True)
class _Line:
    """A line of the ledger that an event names, and whose mail it was."""

    number: int
    is_delivery: bool
    addressee: Addressee
    state: str


@dataclass(frozen=True)
class _Looked:
    """What of a bunch of events is news to us, and the lines it is about."""

    events: Sequence[ProviderEvent]  # of lines of ours, not heard before, in the order of their ids
    lines: Mapping[str | None, _Line]
    known: int
    strangers: int

    @property
    def kept(self) -> list[ProviderEvent]:
        """That a mail was taken is kept only while its line is in doubt: of all others we know it."""
        return [e for e in self.events if e.kind != "accepted"]

    @property
    def doubted(self) -> list[_Line]:
        return [line for line in self.lines.values() if line.state != ACCEPTED]


def run(
    sessions: db.Sessions, events: Sequence[ProviderEvent], *, provider: str, now: datetime
) -> SettleReport:
    """Take in what a provider reported, and commit it. A flood never holds the write lock for longer than :data:`AT_ONCE` events."""
    report = SettleReport()
    for start in range(0, len(events), AT_ONCE):
        with db.reading(sessions) as session:
            looked = _look(session, events[start : start + AT_ONCE], provider)
        if not looked.kept and not looked.doubted:  # nothing to write down: no need to wait for the lock
            report += SettleReport(len(looked.events), looked.known, looked.strangers)
            continue
        with sessions.begin() as session:
            report += _write_down(session, looked, provider, now)
    _log.info(
        "settle.taken",
        new=report.new,
        known=report.known,
        accepted=report.accepted,
        suppressed=report.suppressed,
    )
    return report


def take(session: Session, events: Sequence[ProviderEvent], *, provider: str, now: datetime) -> SettleReport:
    """The same in the caller's transaction. The caller commits, and only then acknowledges."""
    return _write_down(session, _look(session, events, provider), provider, now)


def _look(session: Session, events: Sequence[ProviderEvent], provider: str) -> _Looked:
    """Changes nothing. What others write down meanwhile is met by unique keys and compare-and-sets."""
    heard = _heard_before(session, provider, [e.provider_event_id for e in events])
    fresh = {e.provider_event_id: e for e in events if e.provider_event_id not in heard}
    lines = _lines(session, fresh.values())
    # In one order for everybody, so that two webhooks at once wait for each other and never in a circle.
    ours = [e for _, e in sorted(fresh.items()) if e.reference in lines]
    return _Looked(ours, lines, len(events) - len(fresh), len(fresh) - len(ours))


def _write_down(session: Session, looked: _Looked, provider: str, now: datetime) -> SettleReport:
    kept, lines = looked.kept, looked.lines
    db.insert_new(session, DeliveryEvent, [_row(e, lines, provider, now) for e in kept])
    accepted = _prove(session, looked.doubted, now)
    in_doubt = _not_settled(session, looked.doubted)
    words = [e for e in looked.events if e.kind == "accepted" and e.reference in in_doubt]
    db.insert_new(session, DeliveryEvent, [_row(e, lines, provider, now) for e in words])
    suppressed = suppress(session, kept, {r: line.addressee for r, line in lines.items()})
    bad = [lines[e.reference] for e in kept if e.kind in ("bounced", "complained")]
    held = _surge(session, sorted({line.number for line in bad if line.is_delivery})) if bad else ()
    return SettleReport(len(looked.events), looked.known, looked.strangers, accepted, suppressed, held)


def _heard_before(session: Session, provider: str, ids: Sequence[str]) -> set[str]:
    statement = select(DeliveryEvent.provider_event_id).where(DeliveryEvent.provider == provider)
    return set(session.scalars(statement.where(DeliveryEvent.provider_event_id.in_(ids))))


def _lines(session: Session, events: Iterable[ProviderEvent]) -> dict[str | None, _Line]:
    """The lines of the ledger that the events name, those that there are, by reference."""
    numbers: dict[str, set[int]] = {"delivery": set(), "notice": set()}
    for event in events:
        if named := _NAMED.fullmatch(event.reference or ""):
            numbers[named.group(1)].add(int(named.group(2)))
    found: dict[str | None, _Line] = {}
    if numbers["delivery"]:
        owed = select(Delivery.id, Delivery.address_hash, Delivery.subscriber_id, Delivery.state)
        for number, known_as, reader, state in session.execute(
            owed.where(Delivery.id.in_(numbers["delivery"]))
        ):
            found[f"delivery:{number}"] = _Line(number, True, Addressee(known_as, reader), state)
    if numbers["notice"]:
        told = select(Notice.id, Subscriber.address_hash, Notice.subscriber_id, Notice.state)
        told = told.outerjoin(Subscriber, Subscriber.id == Notice.subscriber_id)
        for number, known_as, reader, state in session.execute(told.where(Notice.id.in_(numbers["notice"]))):
            found[f"notice:{number}"] = _Line(number, False, Addressee(known_as, reader), state)
    return found


def _row(
    event: ProviderEvent, lines: Mapping[str | None, _Line], provider: str, now: datetime
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


def _prove(session: Session, doubted: Iterable[_Line], now: datetime) -> int:
    """Whatever the provider reports of a mail, it must have taken it."""
    deliveries = sorted(line.number for line in doubted if line.is_delivery)
    notices = sorted(line.number for line in doubted if not line.is_delivery)
    return ledger.prove(session, deliveries, now=now) + notice_ledger.prove(session, notices)


def _not_settled(session: Session, doubted: Iterable[_Line]) -> set[str]:
    """Deliveries still in somebody's hands: the provider's word is kept for them, should doubt arise later."""
    numbers = [line.number for line in doubted if line.is_delivery]
    if not numbers:
        return set()
    unsettled = select(Delivery.id).where(Delivery.id.in_(numbers), Delivery.state != ACCEPTED)
    return {f"delivery:{number}" for number in session.scalars(unsettled)}


def _surge(session: Session, deliveries: Sequence[int]) -> tuple[date, ...]:
    """Hold an Issue that is being dispatched when too much of it bounces for good, is complained about, or is turned away for now
    (a block on our address or name: going on would only make it worse)."""
    going = session.execute(
        select(Issue, func.min(Delivery.id))
        .join(Delivery, Delivery.issue_id == Issue.id)
        .where(Issue.state == "dispatching", Delivery.id.in_(deliveries))
        .group_by(Issue.id)
    ).all()
    held = []
    for issue, one_of_them in going:
        if reason := _too_much(session, issue, near=one_of_them):
            reason = f"too much went wrong: {reason}. Once it is resumed, the copies that go from then on are judged anew"
            if ledger.move_issue(session, issue, "held", hold_reason=reason):
                _log.warning("issue.held", issue_id=issue.id, reason=reason)
                held.append(issue.issued_on)
    return tuple(held)


def _too_much(session: Session, issue: Issue, *, near: int) -> str | None:
    """Why an Issue must stop. Once an operator looked and resumed it, what went before is known to them: judged are the copies that
    were accepted since, and all of them only when twice as many went badly as they saw."""
    bad = _gone_badly(session, issue, near=near)
    since = issue.released_at
    if since is not None and bad.in_all_since >= SURGE_FROM:
        accepted = _accepted(session, issue, bad.lasting_since, bad.in_all_since, since=since)
        if reason := surge_of(bad.lasting_since, bad.in_all_since, accepted):
            return f"{reason}, since it was resumed"
    if bad.in_all < SURGE_FROM or (since is not None and bad.in_all < 2 * max(bad.seen, SURGE_FROM)):
        return None
    reason = surge_of(bad.lasting, bad.in_all, _accepted(session, issue, bad.lasting, bad.in_all))
    return f"{reason}, twice as many as when it was resumed" if reason and since else reason


def _accepted(
    session: Session, issue: Issue, lasting: int, in_all: int, *, since: datetime | None = None
) -> int:
    """How many copies were accepted (``since`` then), counted only as far as it matters: of a million nobody needs the number at
    each bounce."""
    bearable = int(max(lasting / SURGE_SHARE, in_all / BLOCKED_SHARE))
    some = select(Delivery.id).where(Delivery.issue_id == issue.id, Delivery.state == ACCEPTED)
    if since is not None:  # who is due last was mailed last, or nearly
        some = some.where(Delivery.settled_at >= since).order_by(Delivery.due_at.desc())
    return session.scalar(select(func.count()).select_from(some.limit(bearable).subquery())) or 0


def surge_of(lasting: int, in_all: int, accepted: int) -> str | None:
    """Why so much went badly that an Issue must stop; None while it need not. ``in_all`` has those that bounced for now as well."""
    if lasting >= SURGE_FROM and lasting > SURGE_SHARE * accepted:
        return f"{lasting} of {accepted} accepted Messages bounced or were complained about"
    if in_all >= SURGE_FROM and in_all > BLOCKED_SHARE * accepted:
        return (
            f"{in_all} of {accepted} accepted Messages bounced, {in_all - lasting} of them for now:"
            " mail servers may be turning us away"
        )
    return None


@dataclass(frozen=True)
class _Bad:
    """Deliveries of an Issue that bounced for good or were complained about (``lasting``), and these with those that bounced for now."""

    lasting: int
    in_all: int
    lasting_since: int  # of the copies accepted since an operator resumed it; 0 when nobody did
    in_all_since: int
    seen: int  # of which we had heard when they resumed it


def _gone_badly(session: Session, issue: Issue, *, near: int) -> _Bad:
    """``near`` is one of the Issue's Deliveries.

    An Issue's lines were numbered in one go, so that years of older Issues' bounces need not be walked: they lie further away than
    several Audiences.
    """
    reach = FAR * max(issue.audience_size or 0, 1)
    since = issue.released_at
    later = Delivery.settled_at >= since if since else false()
    heard = DeliveryEvent.received_at <= since if since else false()

    def those(*which: ColumnElement[bool]) -> Any:
        return func.count(func.distinct(case((and_(true(), *which), DeliveryEvent.delivery_id))))

    count = (
        select(those(_LASTING), those(), those(_LASTING, later), those(later), those(heard))
        .join(Delivery, Delivery.id == DeliveryEvent.delivery_id)
        .where(DeliveryEvent.delivery_id.between(near - reach, near + reach))
        .where(Delivery.issue_id == issue.id)
        .where(_BAD)
    )
    return _Bad(*session.execute(count).one())
