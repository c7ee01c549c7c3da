"""The ledger: the only writer of Deliveries, and of the states of Notices.

Never twice, never silently missing (DESIGN §4). Every change is a compare-and-set: it names the state it leaves and, for a line in
somebody's hands, the token of the claim. Who wakes up late finds the token gone and changes nothing. The caller commits.
"""

from __future__ import annotations

import secrets
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, NamedTuple, cast

from sqlalchemy import CursorResult, func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from newsletter import db, log
from newsletter.errors import Refused
from newsletter.mailroom import states
from newsletter.mailroom.messages import Template, content_hash
from newsletter.mailroom.providers.protocol import Outcome, Receipt
from newsletter.mailroom.states import ACCEPTED, FAILED, PENDING, SUBMITTING, UNCERTAIN, WITHDRAWN
from newsletter.mailroom.tally import LedgerSum, story_of, sum_up, uncertain_ones
from newsletter.models import Delivery, Issue, LeftOut, Notice, Rendition, Subscriber, Suppression

__all__ = [
    "AudienceRow",
    "Claimed",
    "LedgerSum",
    "claim",
    "expire",
    "freeze",
    "give_back",
    "mark_uncertain",
    "move_issue",
    "record",
    "resolve",
    "story_of",
    "sum_up",
    "uncertain_ones",
    "withdraw_pending",
]

FREEZE_CHUNK = 10_000  # rows inserted at once: flat memory however large the Audience
RETRY_PAUSE = timedelta(seconds=60)  # after a definite no for now, unless the provider named a longer time
LEASE_EXPIRED = "the owner's lease ran out"

_log = log.get("mailroom")


class AudienceRow(NamedTuple):
    """One line of the Audience: who, under which keyed address hash, gets which Rendition, and when at the earliest."""

    subscriber_id: int
    address_hash: str
    rendition: str  # "full" or "metered"
    due_at: datetime


class ClaimedRow(NamedTuple):
    """One Delivery in our hands. ``address`` was read at the claim."""

    delivery_id: int
    subscriber_id: int
    address: str
    rendition: str

    @property
    def reference(self) -> str:
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


@dataclass(frozen=True)
class Recorded:
    """How many of a batch became what. ``late`` lines were no longer ours: their lease had run out."""

    accepted: int = 0
    failed: int = 0
    uncertain: int = 0
    retried: int = 0
    late: int = 0


# --- the two compare-and-sets everything rests on ---------------------------------------------------------------


def move(
    session: Session,
    table: type[Delivery] | type[Notice],
    ids: Sequence[int],
    before: str,
    after: str,
    *,
    token: str | None = None,
    **values: Any,
) -> int:
    """Take lines from ``before`` to ``after``, those that still are in ``before`` (and in ``token``'s hands). How many were."""
    if not states.allowed(before, after):
        raise Refused(f"A line of the ledger cannot go from {before} to {after}.")
    if not ids:
        return 0
    statement = update(table).where(table.id.in_(ids), table.state == before)
    if before == SUBMITTING:
        statement = statement.where(table.claim == token)
        values = {"claim": None, "lease_until": None, **values}
    return _changed(session, statement.values(state=after, **values))


def move_issue(session: Session, issue: Issue, after: str, **values: Any) -> bool:
    """Take ``issue`` from the state it was read in to ``after``. False when somebody else moved it meanwhile."""
    before = issue.state
    if not states.issue_allowed(before, after):
        raise Refused(f"The Issue of {issue.issued_on} is {before}; from there it cannot become {after}.")
    statement = update(Issue).where(Issue.id == issue.id, Issue.state == before)
    moved = _changed(session, statement.values(state=after, **values)) == 1
    session.refresh(issue)
    return moved


def _changed(session: Session, statement: Any) -> int:
    result = session.execute(statement, execution_options={"synchronize_session": False})
    return cast("CursorResult[Any]", result).rowcount


# --- freezing ---------------------------------------------------------------------------------------------------


def issue_hash(renditions: Mapping[str, str]) -> str:
    """The hash of an Issue from the content hashes of its Renditions, by kind."""
    return content_hash(renditions["full"], renditions["metered"], "")


def stored_templates(session: Session, issue_id: int) -> dict[str, Template]:
    """The Renditions of an Issue by kind, each with the hash of the bytes as they lie in the table now."""
    found = session.scalars(select(Rendition).where(Rendition.issue_id == issue_id))
    return {
        r.kind: Template(r.subject, r.html, r.text, content_hash(r.subject, r.html, r.text, r.preheader))
        for r in found
    }


def wrong_bytes(session: Session, issue: Issue) -> str | None:
    """Why the stored Renditions are not what was approved; None when they are."""
    hashes = {kind: t.content_hash for kind, t in stored_templates(session, issue.id).items()}
    if set(hashes) != {"full", "metered"}:
        return "a Rendition is missing"
    if issue.content_hash is None:
        return "nothing was approved"
    if issue_hash(hashes) != issue.content_hash:
        return "the Renditions are not the bytes that were approved"
    return None


def freeze(
    session: Session,
    issue: Issue,
    audience: Iterable[AudienceRow],
    left_out: Iterable[tuple[int, str]],
    *,
    now: datetime,
) -> bool:
    """Open the ledger of an approved Issue: one Delivery per line of the Audience, one reason per Subscriber left out.

    All in the caller's one transaction. False, and nothing done, when it was frozen before. Raises :class:`Refused` unless the
    Issue is approved and its Renditions are the approved bytes.
    """
    session.refresh(issue)
    if issue.frozen_at is not None:
        return False
    if issue.state != "approved":
        raise Refused(
            f"The Issue of {issue.issued_on} is {issue.state}, not approved: its Audience stays open."
        )
    if reason := wrong_bytes(session, issue):
        raise Refused(f"The Issue of {issue.issued_on} cannot go out: {reason}.")
    if not move_issue(session, issue, "dispatching", frozen_at=now):
        return False  # another process froze it in this very moment
    hashes = {kind: t.content_hash for kind, t in stored_templates(session, issue.id).items()}
    lines = (
        (
            issue.id,
            row.subscriber_id,
            row.address_hash,
            row.rendition,
            hashes[row.rendition],
            row.due_at,
            PENDING,
            0,
        )
        for row in audience
    )
    reasons = ((issue.id, who, why) for who, why in left_out)
    try:
        size = _insert_all(session, Delivery, _LINE, lines)
        left = _insert_all(session, LeftOut, _REASON, reasons)
    except IntegrityError:
        raise Refused("The Audience names a Subscriber or an address twice: nothing was frozen.") from None
    session.execute(update(Issue).where(Issue.id == issue.id).values(audience_size=size))
    session.refresh(issue)
    _log.info("ledger.frozen", issue_id=issue.id, audience=size, left_out=left)
    return True


_LINE = (
    "issue_id",
    "subscriber_id",
    "address_hash",
    "rendition",
    "content_hash",
    "due_at",
    "state",
    "attempts",
)
_REASON = ("issue_id", "subscriber_id", "reason")


def _insert_all(session: Session, table: Any, columns: Sequence[str], rows: Iterable[tuple[Any, ...]]) -> int:
    """In chunks, because the Audience may be read over the same connection while it is walked."""
    count = 0
    rows = iter(rows)
    while chunk := list(islice(rows, FREEZE_CHUNK)):
        db.insert_many(session, table, columns, chunk)
        count += len(chunk)
    return count


# --- claiming ---------------------------------------------------------------------------------------------------


def claim(
    session: Session,
    issue_id: int,
    *,
    limit: int,
    now: datetime,
    lease: timedelta = states.LEASE,
    stale_after: timedelta | None = None,
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


# --- what became of them ----------------------------------------------------------------------------------------


def record(
    session: Session, claimed: Claimed, receipts: Sequence[Receipt], *, now: datetime, provider: str
) -> Recorded:
    """Write down the provider's Receipts. A Delivery of the batch without a Receipt becomes uncertain."""
    by_reference = {r.reference: r for r in receipts}
    pairs = [
        (row.delivery_id, by_reference.get(row.reference) or unheard(row.reference)) for row in claimed.rows
    ]
    return record_receipts(session, Delivery, pairs, token=claimed.token, now=now, provider=provider)


def unheard(reference: str) -> Receipt:
    """Stands in for a Receipt the provider owes us."""
    return Receipt(reference, Outcome.UNCERTAIN, reason="the provider gave no receipt")


def record_receipts(
    session: Session,
    table: type[Delivery] | type[Notice],
    pairs: Iterable[tuple[int, Receipt]],
    *,
    token: str,
    now: datetime,
    provider: str,
) -> Recorded:
    """The same for Deliveries and Notices: (id, Receipt) pairs, alike ones written in one statement."""
    alike: dict[tuple[Any, ...], list[int]] = defaultdict(list)
    for line_id, r in pairs:
        alike[(r.outcome, r.provider_id, r.reason, r.retry_after)].append(line_id)
    asked = {Outcome.ACCEPTED: 0, Outcome.FAILED: 0, Outcome.UNCERTAIN: 0, Outcome.RETRY: 0}
    late = 0
    for (outcome, provider_id, reason, retry_after), ids in alike.items():
        if outcome is Outcome.RETRY:
            pause = max(RETRY_PAUSE, timedelta(seconds=retry_after or 0.0))
            done = give_back_lines(session, table, ids, token=token, due_at=now + pause)
        else:
            values: dict[str, Any] = {"reason": None if outcome is Outcome.ACCEPTED else reason}
            values["provider_id"] = provider_id
            if table is Delivery:
                values["provider"] = provider
                values["settled_at"] = None if outcome is Outcome.UNCERTAIN else now
            done = move(session, table, ids, SUBMITTING, _STATE_OF[outcome], token=token, **values)
        asked[outcome] += done
        late += len(ids) - done
    if late:
        _log.warning("ledger.late", lines=late)
    return Recorded(
        asked[Outcome.ACCEPTED], asked[Outcome.FAILED], asked[Outcome.UNCERTAIN], asked[Outcome.RETRY], late
    )


_STATE_OF = {Outcome.ACCEPTED: ACCEPTED, Outcome.FAILED: FAILED, Outcome.UNCERTAIN: UNCERTAIN}


def give_back_lines(
    session: Session,
    table: type[Delivery] | type[Notice],
    ids: Sequence[int],
    *,
    token: str,
    due_at: datetime | None = None,
) -> int:
    """Back to pending without spending an attempt, after a definite no. ``due_at``: not before then."""
    later: dict[str, Any] = {} if due_at is None else {"due_at": due_at}
    return move(
        session,
        table,
        ids,
        SUBMITTING,
        PENDING,
        token=token,
        attempts=table.attempts - 1,
        reason=None,
        **later,
    )


def give_back(session: Session, claimed: Claimed) -> int:
    """The whole batch back to pending: nothing of it left us."""
    return give_back_lines(session, Delivery, claimed.ids, token=claimed.token)


def mark_uncertain(session: Session, claimed: Claimed, *, reason: str) -> int:
    """We asked and did not hear: never resent by itself."""
    return move(session, Delivery, claimed.ids, SUBMITTING, UNCERTAIN, token=claimed.token, reason=reason)


def expire(session: Session, issue_id: int, *, now: datetime) -> int:
    """Deliveries whose owner's lease ran out become uncertain: the owner may have died before or after the hand-over."""
    return expire_lines(session, Delivery, (Delivery.issue_id == issue_id,), now=now)


def expire_lines(
    session: Session, table: type[Delivery] | type[Notice], which: Iterable[Any], *, now: datetime
) -> int:
    """The same for Deliveries and Notices. ``which`` are further conditions."""
    return _changed(
        session,
        update(table)
        .where(*which, table.state == SUBMITTING, table.lease_until < now)
        .values(state=UNCERTAIN, reason=LEASE_EXPIRED, claim=None, lease_until=None),
    )


def withdraw_pending(session: Session, issue_id: int, *, reason: str, now: datetime) -> int:
    """Withdraw whatever has not left yet. What was accepted stays accepted; what is in somebody's hands is finished."""
    return _changed(
        session,
        update(Delivery)
        .where(Delivery.issue_id == issue_id, Delivery.state == PENDING)
        .values(state=WITHDRAWN, reason=reason, settled_at=now),
    )


def resolve(session: Session, delivery_ids: Sequence[int], after: str, *, reason: str, now: datetime) -> int:
    """Decide uncertain Deliveries: ``accepted`` (it did arrive), ``withdrawn`` (leave it) or ``pending`` (send once more).

    An operator's decision, or a provider event's word that it arrived. Returns how many were still uncertain.
    """
    if after == PENDING:
        return move(session, Delivery, delivery_ids, UNCERTAIN, PENDING, reason=None, due_at=now)
    said = None if after == ACCEPTED else reason
    return move(session, Delivery, delivery_ids, UNCERTAIN, after, reason=said, settled_at=now)
