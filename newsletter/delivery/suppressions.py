"""Suppresses addresses because of what a provider reported: hard bounces, complaints, unsubscribes, repeated soft bounces.

The caller commits. Any order and any number of repeats end in the same Suppressions.

Soft bounces: a mailbox that bounced softly with :data:`SOFT_BOUNCES` Issues within :data:`SOFT_WINDOW`, nothing having been delivered
since the first of them, is suppressed. A delivery that is reported late and lies between them lifts that.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter import db
from newsletter.db.models import Delivery, DeliveryEvent, Suppression
from newsletter.delivery.providers.protocol import ProviderEvent

SOFT_BOUNCES: Final = 5  # different Issues; a weekly reader's fifth comes on the 29th day
SOFT_WINDOW: Final = timedelta(days=30)

# Of two reasons the one further right is kept, whichever came first.
_SEVERITY: Final = ("unsubscribed", "bounced", "complained", "operator", "erased")


class Addressee(NamedTuple):
    """Whose mail an event is about. Both are None when the reader is gone."""

    address_hash: str | None  # keyed
    subscriber_id: int | None


Addressees = Mapping[str | None, Addressee]  # by reference


def suppress(session: Session, events: Iterable[ProviderEvent], whose: Addressees) -> int:
    """Suppress the addresses that these events (already stored) are about. Returns how many are newly suppressed."""
    events = list(events)
    wanted = _lasting(events, whose)
    _add_repeated_soft(session, events, whose, wanted)
    new = keep(session, wanted) if wanted else 0
    _lift_contradicted(session, events, whose)
    return new


def _lasting(events: Iterable[ProviderEvent], whose: Addressees) -> dict[str, tuple[str, datetime]]:
    """Address hash → (reason, since) from hard bounces, complaints and unsubscribes."""
    wanted: dict[str, tuple[str, datetime]] = {}
    for event in events:
        known_as = whose[event.reference].address_hash
        lasting = event.kind in ("complained", "unsubscribed") or event.bounce == "hard"
        if known_as and lasting:
            new = (event.kind, event.happened_at)
            wanted[known_as] = _more_severe(wanted.get(known_as, new), new)
    return wanted


def _more_severe(one: tuple[str, datetime], other: tuple[str, datetime]) -> tuple[str, datetime]:
    reason = max(one[0], other[0], key=_SEVERITY.index)
    return reason, min(one[1], other[1])


# --- repeated soft bounces ---


@dataclass
class _Mailbox:
    """The events of one reader's Issues."""

    address_hash: str = ""
    bounced: dict[str, tuple[int, datetime]] = field(default_factory=dict)  # softly: event id → Issue, moment
    delivered: dict[str, datetime] = field(default_factory=dict)  # by event id
    is_hard: bool = False

    def soft_suppressed_at(self, *, without: Collection[str] = ()) -> datetime | None:
        """Return the moment of the soft bounce that suppresses it; None when none does. ``without`` leaves out these event ids."""
        alive = max((at for key, at in self.delivered.items() if key not in without), default=None)
        by_issue: dict[int, datetime] = {}
        for key, (issue, at) in self.bounced.items():
            if key not in without and (alive is None or at > alive):
                by_issue[issue] = min(at, by_issue.get(issue, at))
        lately = sorted(by_issue.values())
        for first, last in zip(lately, lately[SOFT_BOUNCES - 1 :], strict=False):
            if last - first <= SOFT_WINDOW:
                return last
        return None


def _add_repeated_soft(
    session: Session,
    events: Iterable[ProviderEvent],
    whose: Addressees,
    wanted: dict[str, tuple[str, datetime]],
) -> None:
    soft = [e for e in events if e.bounce == "soft"]
    for mailbox in _mailboxes(session, soft, whose):
        if at := mailbox.soft_suppressed_at():
            new = ("bounced", at)
            wanted[mailbox.address_hash] = _more_severe(wanted.get(mailbox.address_hash, new), new)


def _lift_contradicted(session: Session, events: Collection[ProviderEvent], whose: Addressees) -> None:
    """Lift or postpone suppressions for soft bounces that a delivery, reported late, contradicts."""
    late = [e for e in events if e.kind == "delivered" and whose[e.reference].address_hash]
    if not late:
        return
    hashes = {whose[e.reference].address_hash for e in late}
    bounced = select(Suppression).where(Suppression.reason == "bounced", Suppression.address_hash.in_(hashes))
    doubtful = {s.address_hash: s for s in session.scalars(bounced)}
    just_heard = {e.provider_event_id for e in events}
    late = [e for e in late if whose[e.reference].address_hash in doubtful]
    for mailbox in _mailboxes(session, late, whose):
        there = doubtful[mailbox.address_hash]
        before = mailbox.soft_suppressed_at(without=just_heard)
        if mailbox.is_hard or before is None or there.suppressed_at != before:
            continue  # not for its soft bounces
        if (now := mailbox.soft_suppressed_at()) is None:
            session.delete(there)
        else:
            there.suppressed_at = now
    session.flush()


def _mailboxes(session: Session, events: Iterable[ProviderEvent], whose: Addressees) -> list[_Mailbox]:
    """Return the bounces and deliveries of these readers' Issues around that time."""
    events = list(events)
    readers = {whose[e.reference].subscriber_id for e in events} - {None}
    if not readers:
        return []
    around = min(e.happened_at for e in events) - 2 * SOFT_WINDOW
    found: dict[int | None, _Mailbox] = defaultdict(_Mailbox)
    statement = (
        select(Delivery.subscriber_id, Delivery.address_hash, Delivery.issue_id, DeliveryEvent)
        .join(DeliveryEvent, DeliveryEvent.delivery_id == Delivery.id)
        .where(
            Delivery.subscriber_id.in_(readers),
            DeliveryEvent.kind.in_(("bounced", "delivered")),
            DeliveryEvent.happened_at > around,
        )
    )
    for reader, known_as, issue_id, event in session.execute(statement):
        mailbox = found[reader]
        mailbox.address_hash = known_as
        if event.kind == "delivered":
            mailbox.delivered[event.provider_event_id] = event.happened_at
        elif event.bounce == "hard":
            mailbox.is_hard = True
        else:
            mailbox.bounced[event.provider_event_id] = (issue_id, event.happened_at)
    return list(found.values())


# --- storing ---


def keep(session: Session, wanted: Mapping[str, tuple[str, datetime]]) -> int:
    """Suppress addresses, given by hash with a reason and a moment. Returns how many are new.

    Rows are locked in the order of the hashes, new ones first, so that two webhooks at once cannot deadlock or overwrite each other.
    """
    rows = [
        {"address_hash": known_as, "reason": reason, "suppressed_at": since}
        for known_as, (reason, since) in sorted(wanted.items())
    ]
    new = db.insert_new(session, Suppression, rows)
    if new == len(rows):
        return new
    known = select(Suppression).where(Suppression.address_hash.in_(wanted)).order_by(Suppression.address_hash)
    for there in session.scalars(known.with_for_update()):
        there.reason, there.suppressed_at = _more_severe(
            (there.reason, there.suppressed_at), wanted[there.address_hash]
        )
    session.flush()
    return new
