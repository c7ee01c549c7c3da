"""Who must not be mailed any more, from what a provider reported: lasting bounces, complaints, unsubscribes, worn-out mailboxes.

The caller commits. Any order and any number of repeats end in the same Suppressions.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter import db
from newsletter.mailroom.providers.protocol import ProviderEvent
from newsletter.models import Delivery, DeliveryEvent, Suppression

SOFT_BOUNCES: Final = (
    5  # of different Issues, with nothing delivered since the first of them: taken for a dead mailbox
)
SOFT_WINDOW: Final = timedelta(days=30)

# The graver word stays, whichever came first.
_GRAVITY: Final = ("unsubscribed", "bounced", "complained", "operator", "erased")

Hashes = Mapping[
    str | None, str | None
]  # the keyed address hash behind each reference; None: its reader is gone


def suppress(session: Session, events: Iterable[ProviderEvent], hashes: Hashes, *, now: datetime) -> int:
    """Suppress whom these events say must not be mailed. How many addresses are new."""
    events = list(events)
    wanted = _lasting(events, hashes)
    _add_worn_out(session, events, hashes, wanted, now)
    return _write(session, wanted) if wanted else 0


def _lasting(events: Iterable[ProviderEvent], hashes: Hashes) -> dict[str, tuple[str, datetime]]:
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
    hashes: Hashes,
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


def _write(session: Session, wanted: Mapping[str, tuple[str, datetime]]) -> int:
    """In the order of the hashes, and new rows first: two webhooks at once wait for each other and neither overrules the other."""
    rows = [
        {"address_hash": known_as, "reason": reason, "suppressed_at": since}
        for known_as, (reason, since) in sorted(wanted.items())
    ]
    new = db.insert_new(session, Suppression, rows)
    if new == len(rows):
        return new
    known = select(Suppression).where(Suppression.address_hash.in_(wanted)).order_by(Suppression.address_hash)
    for there in session.scalars(known.with_for_update()):
        there.reason, there.suppressed_at = _graver(
            (there.reason, there.suppressed_at), wanted[there.address_hash]
        )
    session.flush()
    return new
