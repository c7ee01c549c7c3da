"""Hears what a provider reports later, in bulk: keeps DeliveryEvents, settles uncertain lines, suppresses who must not be mailed.

Any order and any number of repeats give the same final state. The caller commits, and only then acknowledges.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from newsletter import db, log
from newsletter.mailroom import ledger, notice_ledger
from newsletter.mailroom.providers.protocol import ProviderEvent
from newsletter.mailroom.states import ACCEPTED
from newsletter.mailroom.suppress import suppress
from newsletter.models import Delivery, DeliveryEvent, Issue, Notice, Subscriber

SURGE_FROM: Final = 100  # hard bounces or complaints of one Issue …
SURGE_SHARE: Final = 0.05  # … and of what was accepted of it: the Issue is held

_NAMED: Final = re.compile(r"(delivery|notice):(\d{1,18})")

_log = log.get("mailroom")


@dataclass(frozen=True)
class SettleReport:
    """What a bunch of events brought."""

    new: int = 0
    known: int = 0  # heard before
    strangers: int = 0  # name no line of ours
    accepted: int = 0  # lines in doubt, or to go once more, that this proved accepted
    suppressed: int = 0
    held: tuple[date, ...] = ()  # Issues held because too much bounced


@dataclass(frozen=True)
class _Line:
    """A line of the ledger that an event names. ``address_hash`` is None when its reader is gone."""

    number: int
    is_delivery: bool
    address_hash: str | None
    state: str = ""


def take(session: Session, events: Sequence[ProviderEvent], *, provider: str, now: datetime) -> SettleReport:
    """Take in what a provider reported."""
    heard = _heard_before(session, provider, [e.provider_event_id for e in events])
    fresh = {e.provider_event_id: e for e in events if e.provider_event_id not in heard}
    lines = _lines(session, fresh.values())
    ours = {k: e for k, e in sorted(fresh.items()) if e.reference in lines}
    deliveries = sorted({line.number for line in lines.values() if line.is_delivery})
    kept = [e for e in ours.values() if e.kind != "accepted"]
    db.insert_new(session, DeliveryEvent, [_row(e, lines, provider, now) for e in kept])
    accepted = _prove(session, lines, now)
    open_still = _not_settled(session, lines)
    words = [e for e in ours.values() if e.kind == "accepted" and e.reference in open_still]
    db.insert_new(session, DeliveryEvent, [_row(e, lines, provider, now) for e in words])
    hashes = {reference: line.address_hash for reference, line in lines.items()}
    suppressed = suppress(session, kept, hashes, now=now)
    went_badly = any(e.kind in ("bounced", "complained") for e in kept)
    held = _surge(session, deliveries) if went_badly else ()
    report = SettleReport(
        len(ours), len(events) - len(fresh), len(fresh) - len(ours), accepted, suppressed, held
    )
    _log.info("settle.taken", new=report.new, known=report.known, accepted=accepted, suppressed=suppressed)
    return report


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
        owed = select(Delivery.id, Delivery.address_hash, Delivery.state)
        for number, known_as, state in session.execute(owed.where(Delivery.id.in_(numbers["delivery"]))):
            found[f"delivery:{number}"] = _Line(number, True, known_as, state)
    if numbers["notice"]:
        told = select(Notice.id, Subscriber.address_hash).where(Notice.id.in_(numbers["notice"]))
        for number, theirs in session.execute(
            told.outerjoin(Subscriber, Subscriber.id == Notice.subscriber_id)
        ):
            found[f"notice:{number}"] = _Line(number, False, theirs)
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


def _prove(session: Session, lines: Mapping[str | None, _Line], now: datetime) -> int:
    """Whatever the provider reports of a mail, it must have taken it."""
    doubted = sorted(n.number for n in lines.values() if n.is_delivery and n.state != ACCEPTED)
    notices = [n.number for n in lines.values() if not n.is_delivery]
    return ledger.prove(session, doubted, now=now) + notice_ledger.prove(session, notices)


def _not_settled(session: Session, lines: Mapping[str | None, _Line]) -> set[str]:
    """Deliveries still in somebody's hands: the provider's word is kept for them, should doubt arise later."""
    doubted = [n.number for n in lines.values() if n.is_delivery and n.state != ACCEPTED]
    if not doubted:
        return set()
    unsettled = select(Delivery.id).where(Delivery.id.in_(doubted), Delivery.state != ACCEPTED)
    return {f"delivery:{number}" for number in session.scalars(unsettled)}


def _surge(session: Session, deliveries: Sequence[int]) -> tuple[date, ...]:
    """Hold an Issue that is being dispatched when too much of it bounces or is complained about."""
    going = session.scalars(
        select(Issue)
        .where(Issue.state == "dispatching")
        .where(Issue.id.in_(select(Delivery.issue_id).where(Delivery.id.in_(deliveries)).distinct()))
    ).all()
    held = []
    for issue in going:
        bad = session.scalar(
            select(func.count(func.distinct(DeliveryEvent.delivery_id)))
            .join(Delivery, Delivery.id == DeliveryEvent.delivery_id)
            .where(Delivery.issue_id == issue.id)
            .where((DeliveryEvent.bounce == "hard") | (DeliveryEvent.kind == "complained"))
        )
        if not bad or bad < SURGE_FROM:
            continue
        # Counted only as far as it matters: of a million accepted nobody needs the number at each bounce.
        bearable = int(bad / SURGE_SHARE)
        some = select(Delivery.id).where(Delivery.issue_id == issue.id, Delivery.state == ACCEPTED)
        accepted = session.scalar(select(func.count()).select_from(some.limit(bearable).subquery())) or 0
        if bad > SURGE_SHARE * accepted:
            reason = (
                f"too much went wrong: {bad} of {accepted} accepted Messages bounced or were complained about"
            )
            if ledger.move_issue(session, issue, "held", hold_reason=reason):
                _log.warning("issue.held", issue_id=issue.id, reason=reason)
                held.append(issue.issued_on)
    return tuple(held)
