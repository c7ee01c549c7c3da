"""The ledger's claims: due Deliveries taken into one worker's hands, under a lease and a fencing token."""

from __future__ import annotations

import secrets
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from newsletter import db, log
from newsletter.errors import Refused
from newsletter.mailroom import states
from newsletter.mailroom.approved_bytes import stored_templates, wrong_bytes
from newsletter.mailroom.lines import move, move_issue
from newsletter.mailroom.messages import Template
from newsletter.mailroom.states import PENDING, SUBMITTING, WITHDRAWN
from newsletter.models import Delivery, Issue, Subscriber, Suppression

_log = log.get("mailroom")


class ClaimedRow(NamedTuple):
    """One Delivery in our hands. ``address`` was read at the claim."""

    delivery_id: int
    subscriber_id: int
    address: str
    rendition: str

    @property
    def line(self) -> str:
        return f"delivery:{self.delivery_id}"


@dataclass(frozen=True)
class Claimed:
    """What one claim took: nobody else takes these rows while ``lease_until`` lies ahead."""

    issue_id: int
    token: str
    lease_until: datetime
    rows: tuple[ClaimedRow, ...] = ()
    templates: Mapping[str, Template] = field(default_factory=dict)  # by kind, of the approved bytes
    withdrawn: int = 0  # found unsubscribed, suppressed, paused or erased since the freeze
    held: str | None = None  # why the Issue was held instead

    @property
    def ids(self) -> list[int]:
        return [row.delivery_id for row in self.rows]


def claim(
    session: Session,
    issue_id: int,
    *,
    limit: int,
    now: datetime,
    lease: timedelta = states.LEASE,
    stale_after: timedelta | None = None,
    provider: str | None = None,
) -> Claimed:
    """Take up to ``limit`` due Deliveries into our hands. Commit before the first byte leaves.

    Who unsubscribed, paused, was suppressed or erased since the freeze is withdrawn instead. When the bytes are not the approved
    ones, or the news is older than ``stale_after``, the Issue is held and nothing is claimed.
    """
    token = secrets.token_hex(16)
    nothing = Claimed(issue_id, token, now + lease)
    issue = session.get_one(Issue, issue_id, populate_existing=True)
    if issue.state != "dispatching":
        return nothing
    due = session.execute(db.skip_locked(session, _due(issue_id, limit, now))).all()
    if not due:
        return nothing
    fresh_since = max(filter(None, (issue.composed_at, issue.released_at)))
    if stale_after is not None and now - fresh_since > stale_after:
        hours = int((now - fresh_since) / timedelta(hours=1))
        return _held(
            session, issue, nothing, f"stale: the news is {hours} hours old and waits for an operator"
        )
    templates = stored_templates(session, issue_id)
    if (reason := wrong_bytes(session, issue)) or any(
        row.content_hash != templates[row.rendition].content_hash for row in due
    ):
        return _held(session, issue, nothing, reason or "a Delivery owes other bytes than the approved ones")
    readers = _readers(session, [row.id for row in due])
    rows, withdrawn = [], defaultdict(list)
    for row in due:
        reader = readers[row.id]
        if why := _no_longer_wanted(reader, issue):
            withdrawn[why].append(row.id)
        else:
            rows.append(ClaimedRow(row.id, reader.subscriber_id, reader.address, row.rendition))
    for why, ids in withdrawn.items():
        move(session, Delivery, ids, PENDING, WITHDRAWN, reason=why, settled_at=now)
    claimed = Claimed(issue_id, token, now + lease, tuple(rows), templates, len(due) - len(rows))
    taken = move(
        session,
        Delivery,
        claimed.ids,
        PENDING,
        SUBMITTING,
        claim=token,
        lease_until=claimed.lease_until,
        submitted_at=now,
        attempts=Delivery.attempts + 1,
        provider=provider,
    )
    if taken != len(rows):  # the rows are locked by us, so this cannot be; if it is, nothing may leave
        raise Refused("The ledger changed under a claim: nothing was handed over.")
    return claimed


def _due(issue_id: int, limit: int, now: datetime) -> Any:
    return (
        select(Delivery.id, Delivery.rendition, Delivery.content_hash)
        .where(Delivery.issue_id == issue_id, Delivery.state == PENDING, Delivery.due_at <= now)
        .order_by(Delivery.due_at, Delivery.id)
        .limit(limit)
    )


def _readers(session: Session, ids: Sequence[int]) -> dict[int, Any]:
    """What is known today of the readers behind these Deliveries, by Delivery."""
    statement = (
        select(
            Delivery.id,
            Delivery.subscriber_id,
            Subscriber.address,
            Subscriber.confirmed_at,
            Subscriber.unsubscribed_at,
            Subscriber.paused_until,
            func.coalesce(Suppression.reason, "").label("suppressed"),
        )
        .outerjoin(Subscriber, Subscriber.id == Delivery.subscriber_id)
        .outerjoin(Suppression, Suppression.address_hash == Subscriber.address_hash)
        .where(Delivery.id.in_(ids))
    )
    return {row.id: row for row in session.execute(statement)}


def _no_longer_wanted(reader: Any, issue: Issue) -> str | None:
    """Why this reader must not get the Issue after all, as a word; None when they may."""
    if reader.address is None:
        return "erased"
    if reader.unsubscribed_at is not None:
        return "unsubscribed"
    if reader.suppressed:
        return "suppressed"
    if reader.confirmed_at is None:
        return "unconfirmed"
    if reader.paused_until is not None and reader.paused_until > issue.issued_on:
        return "paused"
    return None


def _held(session: Session, issue: Issue, nothing: Claimed, reason: str) -> Claimed:
    move_issue(session, issue, "held", hold_reason=reason)
    _log.warning("issue.held", issue_id=issue.id, reason=reason)
    return Claimed(nothing.issue_id, nothing.token, nothing.lease_until, held=reason)
