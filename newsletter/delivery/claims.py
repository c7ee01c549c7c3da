"""Claims of the ledger: a worker takes due Deliveries under a lease and a fencing token."""

from __future__ import annotations

import secrets
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, Date, Integer, Select, bindparam, case, literal_column, select, tuple_
from sqlalchemy.orm import Session

from newsletter import db, log
from newsletter.db import UTCDateTime
from newsletter.db.models import Delivery, Issue, Subscriber, Suppression
from newsletter.delivery import states
from newsletter.delivery.approved_bytes import stored_templates, wrong_bytes
from newsletter.delivery.mail.messages import Template
from newsletter.delivery.states import PENDING, SUBMITTING, WITHDRAWN
from newsletter.delivery.transitions import move, move_issue
from newsletter.errors import Refused

_log = log.get("delivery")


_BEGINNING = (datetime(1970, 1, 1, tzinfo=UTC), 0)
ClaimPosition = tuple[datetime, int]  # of a Delivery in the order of claims: due_at, id


class ClaimedRow(NamedTuple):
    """One claimed Delivery. ``address`` was read at the claim."""

    delivery_id: int
    subscriber_id: int
    address: str
    rendition: str

    @property
    def reference(self) -> str:
        return f"delivery:{self.delivery_id}"


@dataclass(frozen=True)
class Claimed:
    """The result of one claim: no other worker takes these rows before ``lease_until``."""

    issue_id: int
    token: str
    lease_until: datetime
    rows: tuple[ClaimedRow, ...] = ()
    templates: Mapping[str, Template] = field(default_factory=dict)  # by kind, of the approved bytes
    withdrawn: int = 0  # found unsubscribed, suppressed, paused or erased since the freeze
    held: str | None = None  # why the Issue was held instead
    last: ClaimPosition | None = None  # of the last row that was read; None when none was due

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
    after: ClaimPosition | None = None,
) -> Claimed:
    """Claim up to ``limit`` due Deliveries, of those behind ``after`` if it is given. The caller commits before it submits.

    Deliveries of readers who unsubscribed, paused, were suppressed or erased since the freeze are withdrawn instead. When the bytes
    are not the approved ones, or the news is older than ``stale_after``, the Issue is held and nothing is claimed.
    """
    token = secrets.token_hex(16)
    nothing = Claimed(issue_id, token, now + lease)
    issue = session.get_one(Issue, issue_id, populate_existing=True)
    if issue.state != "dispatching":
        return nothing
    session.flush()
    since, number = after or _BEGINNING
    moments = {"now": now, "day": issue.issued_on, "since": since, "number": number}
    due = session.execute(_due(db.dialect_of(session)), {"issue": issue_id, "limit": limit, **moments}).all()
    if not due:
        return nothing
    if stale_after is not None and (reason := _stale_reason(issue, now, stale_after)):
        return _held(session, issue, nothing, reason)
    templates = stored_templates(session, issue_id)
    if reason := wrong_bytes(issue, templates):
        return _held(session, issue, nothing, reason)
    rows, withdrawn = [], defaultdict(list)
    for number, subscriber_id, rendition, content_hash, _, address, unwanted in due:
        if content_hash != templates[rendition].content_hash:
            return _held(session, issue, nothing, "a Delivery owes other bytes than the approved ones")
        if unwanted:
            withdrawn[unwanted].append(number)
        else:
            rows.append(ClaimedRow(number, subscriber_id, address, rendition))
    for why, ids in withdrawn.items():
        move(session, Delivery, ids, PENDING, WITHDRAWN, reason=why, settled_at=now)
    last = (due[-1].due_at, due[-1].id)
    claimed = Claimed(issue_id, token, now + lease, tuple(rows), templates, len(due) - len(rows), last=last)
    taken = move(
        session,
        Delivery,
        claimed.ids,
        PENDING,
        SUBMITTING,
        claim=token,
        lease_until=claimed.lease_until,
        submitted_at=now,
        attempts=1,
        provider=provider,
    )
    # Cannot happen, because this transaction has locked the rows; if it does, nothing may be sent.
    if taken != len(rows):
        raise Refused("The ledger changed under a claim: nothing was handed over.")
    return claimed


def _stale_reason(issue: Issue, now: datetime, stale_after: timedelta) -> str | None:
    """Return why the news of an Issue is too old to be sent by itself; None when it is not."""
    age = now - max(filter(None, (issue.composed_at, issue.released_at)))
    if age <= stale_after:
        return None
    return f"stale: the news is {int(age / timedelta(hours=1))} hours old and waits for an operator"


@lru_cache(maxsize=2)
def _due(dialect: str) -> Select[Any]:
    """Return the SELECT of due Deliveries with the reader's present address and the reason, a word, why they must not be mailed any more."""
    owed, reader, word = Delivery.__table__, Subscriber.__table__, Suppression.__table__
    no_longer_wanted = case(
        (reader.c.id.is_(None), "erased"),
        (reader.c.unsubscribed_at.is_not(None), "unsubscribed"),
        (word.c.id.is_not(None), "suppressed"),
        (reader.c.confirmed_at.is_(None), "unconfirmed"),
        (reader.c.paused_until > bindparam("day", type_=Date), "paused"),
        else_=None,
    )
    since = bindparam("since", type_=UTCDateTime())
    statement = (
        select(
            owed.c.id,
            owed.c.subscriber_id,
            owed.c.rendition,
            owed.c.content_hash,
            owed.c.due_at,
            reader.c.address,
            no_longer_wanted,
        )
        .select_from(
            owed.outerjoin(reader, reader.c.id == owed.c.subscriber_id).outerjoin(
                word, word.c.address_hash == reader.c.address_hash
            )
        )
        .where(
            owed.c.issue_id == bindparam("issue", type_=Integer),
            owed.c.state == literal_column(f"'{PENDING}'"),
            owed.c.due_at <= bindparam("now", type_=UTCDateTime()),
            tuple_(owed.c.due_at, owed.c.id) > tuple_(since, bindparam("number", type_=BigInteger)),
        )
        .order_by(owed.c.due_at, owed.c.id)
        .limit(bindparam("limit", type_=Integer))
    )
    return db.skip_locked(dialect, statement, of=owed)


def _held(session: Session, issue: Issue, nothing: Claimed, reason: str) -> Claimed:
    move_issue(session, issue, "held", hold_reason=reason)
    _log.warning("issue.held", issue_id=issue.id, reason=reason)
    return Claimed(nothing.issue_id, nothing.token, nothing.lease_until, held=reason)
