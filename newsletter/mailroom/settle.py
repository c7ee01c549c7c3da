"""Hears what a provider reports later, in bulk: keeps DeliveryEvents, settles uncertain lines, suppresses who must not be mailed.

Any order and any number of repeats give the same final state. The caller commits, and only then acknowledges.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from newsletter import db, log
from newsletter.mailroom import ledger, notice_ledger
from newsletter.mailroom.providers.protocol import ProviderEvent
from newsletter.mailroom.states import ACCEPTED, UNCERTAIN
from newsletter.models import Delivery, DeliveryEvent, Issue, Notice, Subscriber, Suppression

SOFT_BOUNCES: Final = (
    5  # of different Issues, with nothing delivered since the first of them: taken for a dead mailbox
)
SOFT_WINDOW: Final = timedelta(days=30)
SURGE_FROM: Final = 100  # hard bounces or complaints of one Issue …
SURGE_SHARE: Final = 0.05  # … and of what was accepted of it: the Issue is held

# The graver word stays, whichever came first.
_GRAVITY: Final = ("unsubscribed", "bounced", "complained", "operator", "erased")
_NAMED: Final = re.compile(r"(delivery|notice):(\d{1,18})")

_log = log.get("mailroom")


@dataclass(frozen=True)
class SettleReport:
    """What a bunch of events brought."""

    new: int = 0
    known: int = 0  # heard before
    strangers: int = 0  # name no line of ours
    accepted: int = 0  # uncertain lines that this proved accepted
    suppressed: int = 0
    held: tuple[int, ...] = ()  # Issues held because too much bounced


def take(session: Session, events: Sequence[ProviderEvent], *, provider: str, now: datetime) -> SettleReport:
    """Take in what a provider reported."""
    heard = _heard_before(session, provider, [e.provider_event_id for e in events])
    fresh = {e.provider_event_id: e for e in events if e.provider_event_id not in heard}
    hashes = _address_hashes(session, fresh.values())
    ours = {k: e for k, e in fresh.items() if e.reference in hashes}
    rows = [_row(e, provider, now) for e in ours.values() if e.kind != "processed"]
    db.insert_new(session, DeliveryEvent, rows)
    deliveries = sorted({n for e in ours.values() if (n := _number(e, "delivery")) is not None})
    accepted = _prove(session, ours.values(), deliveries, now)
    wanted = _suppressions(ours.values(), hashes)
    _add_worn_out(session, ours.values(), hashes, wanted, now)
    suppressed = _suppress(session, wanted)
    held = (
        _surge(session, deliveries) if any(e.kind in ("bounced", "complained") for e in ours.values()) else ()
    )
    report = SettleReport(
        len(ours), len(events) - len(fresh), len(fresh) - len(ours), accepted, suppressed, held
    )
    _log.info("settle.taken", new=report.new, known=report.known, accepted=accepted, suppressed=suppressed)
    return report


def _heard_before(session: Session, provider: str, ids: Sequence[str]) -> set[str]:
    statement = select(DeliveryEvent.provider_event_id).where(DeliveryEvent.provider == provider)
    return set(session.scalars(statement.where(DeliveryEvent.provider_event_id.in_(ids))))


def _number(event: ProviderEvent, kind: str) -> int | None:
    """The line of the ledger that an event names, when it is one of this kind."""
    found = _NAMED.fullmatch(event.reference or "")
    return int(found.group(2)) if found and found.group(1) == kind else None


def _address_hashes(session: Session, events: Iterable[ProviderEvent]) -> dict[str | None, str | None]:
    """The keyed address hash behind each line that the events name; None where its reader is gone."""
    numbers: dict[str, set[int]] = {"delivery": set(), "notice": set()}
    for event in events:
        for kind, known in numbers.items():
            if (number := _number(event, kind)) is not None:
                known.add(number)
    found: dict[str | None, str | None] = {}
    for number, known_as in session.execute(
        select(Delivery.id, Delivery.address_hash).where(Delivery.id.in_(numbers["delivery"]))
    ):
        found[f"delivery:{number}"] = known_as
    for number, theirs in session.execute(
        select(Notice.id, Subscriber.address_hash)
        .outerjoin(Subscriber, Subscriber.id == Notice.subscriber_id)
        .where(Notice.id.in_(numbers["notice"]))
    ):
        found[f"notice:{number}"] = theirs
    return found


def _row(event: ProviderEvent, provider: str, now: datetime) -> dict[str, object]:
    return {
        "provider": provider,
        "provider_event_id": event.provider_event_id,
        "delivery_id": _number(event, "delivery"),
        "kind": event.kind,
        "bounce": event.bounce,
        "happened_at": event.happened_at,
        "received_at": now,
        "reason": event.reason,
    }


def _prove(
    session: Session, events: Iterable[ProviderEvent], deliveries: Sequence[int], now: datetime
) -> int:
    """Whatever the provider reports of a mail, it must have taken it: what was uncertain is accepted."""
    doubted = session.scalars(
        select(Delivery.id).where(Delivery.id.in_(deliveries), Delivery.state == UNCERTAIN)
    ).all()
    proved = ledger.resolve(session, doubted, ACCEPTED, reason="", now=now)
    notices = [n for e in events if (n := _number(e, "notice")) is not None]
    return proved + notice_ledger.prove(session, notices)


def _suppressions(
    events: Iterable[ProviderEvent], hashes: dict[str | None, str | None]
) -> dict[str, tuple[str, datetime]]:
    """Address hash → (reason, since) from hard bounces, complaints and unsubscribes."""
    wanted: dict[str, tuple[str, datetime]] = {}
    for event in events:
        known_as = hashes[event.reference]
        lasting = event.kind in ("complained", "unsubscribed") or event.bounce == "hard"
        if known_as and lasting:
            new = (event.kind, event.happened_at)
            wanted[known_as] = _graver(wanted.get(known_as, new), new)
    return wanted


def _graver(one: tuple[str, datetime], other: tuple[str, datetime]) -> tuple[str, datetime]:
    reason = max(one[0], other[0], key=_GRAVITY.index)
    return reason, min(one[1], other[1])


def _add_worn_out(
    session: Session,
    events: Iterable[ProviderEvent],
    hashes: dict[str | None, str | None],
    wanted: dict[str, tuple[str, datetime]],
    now: datetime,
) -> None:
    """A mailbox that bounced softly for Issue after Issue, with nothing delivered in between, is taken for dead."""
    soft = {known_as for e in events if e.bounce == "soft" and (known_as := hashes[e.reference])}
    if not soft:
        return
    bounced: dict[str, dict[int, datetime]] = defaultdict(dict)
    delivered: dict[str, list[datetime]] = defaultdict(list)
    statement = (
        select(Delivery.address_hash, Delivery.issue_id, DeliveryEvent.kind, DeliveryEvent.happened_at)
        .join(Delivery, Delivery.id == DeliveryEvent.delivery_id)
        .where(
            Delivery.address_hash.in_(soft),
            DeliveryEvent.kind.in_(("bounced", "delivered")),
            DeliveryEvent.happened_at > now - SOFT_WINDOW,
        )
    )
    for known_as, issue_id, kind, at in session.execute(statement):
        if kind == "delivered":
            delivered[known_as].append(at)
        else:
            bounced[known_as][issue_id] = max(at, bounced[known_as].get(issue_id, at))
    for known_as, issues in bounced.items():
        since = max(delivered[known_as], default=None)
        lately = [at for at in issues.values() if since is None or at > since]
        if len(lately) >= SOFT_BOUNCES:
            new = ("bounced", max(lately))
            wanted[known_as] = _graver(wanted.get(known_as, new), new)


def _suppress(session: Session, wanted: dict[str, tuple[str, datetime]]) -> int:
    known = {
        s.address_hash: s
        for s in session.scalars(select(Suppression).where(Suppression.address_hash.in_(wanted)))
    }
    for known_as, new in wanted.items():
        if (there := known.get(known_as)) is not None:
            there.reason, there.suppressed_at = _graver((there.reason, there.suppressed_at), new)
    session.flush()
    rows = [
        {"address_hash": known_as, "reason": reason, "suppressed_at": since}
        for known_as, (reason, since) in wanted.items()
        if known_as not in known
    ]
    return db.insert_new(session, Suppression, rows)


def _surge(session: Session, deliveries: Sequence[int]) -> tuple[int, ...]:
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
        accepted = ledger.sum_up(session, issue.id).accepted
        if (bad or 0) >= SURGE_FROM and (bad or 0) > SURGE_SHARE * accepted:
            reason = (
                f"too much went wrong: {bad} of {accepted} accepted Messages bounced or were complained about"
            )
            if ledger.move_issue(session, issue, "held", hold_reason=reason):
                _log.warning("issue.held", issue_id=issue.id, reason=reason)
                held.append(issue.id)
    return tuple(held)
