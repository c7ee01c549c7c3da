"""The compare-and-set under the ledger: a change names the state it leaves and, for a claimed row, the token of the claim.

It is the same for Deliveries and Notices. Only the ledgers use it; the caller commits.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, cast

from sqlalchemy import ColumnElement, CursorResult, Integer, Text, Update, bindparam, exists, or_, update
from sqlalchemy.orm import Session

from newsletter import db, log
from newsletter.db.models import Delivery, DeliveryEvent, Issue, Notice
from newsletter.delivery import states
from newsletter.delivery.providers.protocol import Outcome, Receipt
from newsletter.delivery.states import ACCEPTED, FAILED, PENDING, SUBMITTING, UNCERTAIN
from newsletter.errors import Refused

RETRY_PAUSE = timedelta(seconds=60)  # after a definite no for now, unless the provider named a longer time
LEASE_EXPIRED = "the owner's lease ran out"

_log = log.get("delivery")


@dataclass(frozen=True)
class Recorded:
    """How many rows of a batch got which state. ``late`` rows were not changed, because their lease had expired."""

    accepted: int = 0
    failed: int = 0
    uncertain: int = 0
    retried: int = 0
    late: int = 0


def move(
    session: Session,
    table: type[Delivery] | type[Notice],
    ids: Sequence[int],
    before: str,
    after: str,
    *,
    token: str | None = None,
    attempts: int = 0,
    **values: Any,
) -> int:
    """Change the state of rows from ``before`` to ``after`` where it still is ``before`` (and the claim is ``token``).

    ``attempts`` is added to theirs, and ``values`` are set. Returns how many rows changed. Raises :class:`Refused` for a change that
    ``states.py`` does not allow.
    """
    if not states.allowed(before, after):
        raise Refused(f"A line of the ledger cannot go from {before} to {after}.")
    if not ids:
        return 0
    if before == SUBMITTING:
        values = {"claim": None, "lease_until": None, **values}
    session.flush()
    dialect = db.dialect_of(session)
    statement = _move(dialect, table, before, after, bool(attempts), tuple(values))
    given = {"ids": db.ids_value(dialect, ids), **{f"to_{name}": value for name, value in values.items()}}
    if before == SUBMITTING:
        given["token"] = token
    if attempts:
        given["more"] = attempts
    return cast("CursorResult[Any]", session.execute(statement, given)).rowcount


@lru_cache(maxsize=128)
def _move(dialect: str, model: Any, before: str, after: str, counts: bool, names: tuple[str, ...]) -> Update:
    """Return the UPDATE statement of one kind of move, cached because a dispatch uses it thousands of times."""
    table = model.__table__
    to = {name: bindparam(f"to_{name}", type_=table.c[name].type) for name in names}
    if counts:
        to["attempts"] = table.c.attempts + bindparam("more", type_=Integer)
    statement = update(table).where(db.id_in(dialect, table.c.id), table.c.state == before)
    if before == SUBMITTING:
        statement = statement.where(table.c.claim == bindparam("token", type_=Text))
    return statement.values(state=after, **to)


def move_issue(session: Session, issue: Issue, after: str, **values: Any) -> bool:
    """Change the state of ``issue`` from the one it was read in to ``after``. False when another process changed it meanwhile."""
    before = issue.state
    if not states.issue_allowed(before, after):
        raise Refused(f"The Issue of {issue.issued_on} is {before}; from there it cannot become {after}.")
    statement = update(Issue).where(Issue.id == issue.id, Issue.state == before)
    moved = changed(session, statement.values(state=after, **values)) == 1
    session.refresh(issue)
    return moved


def changed(session: Session, statement: Any, given: dict[str, Any] | None = None) -> int:
    """Execute an UPDATE with parameters ``given``. Returns how many rows it changed."""
    result = session.execute(statement, given, execution_options={"synchronize_session": False})
    return cast("CursorResult[Any]", result).rowcount


def missing_receipt(reference: str) -> Receipt:
    """Return the Receipt for a Message of which the provider returned none."""
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
    """Record (id, Receipt) pairs of Deliveries or Notices; pairs with equal results share one statement."""
    alike: dict[tuple[Any, ...], list[int]] = defaultdict(list)
    for line_id, r in pairs:
        alike[(r.outcome, r.provider_id, r.reason, r.retry_after)].append(line_id)
    asked = {Outcome.ACCEPTED: 0, Outcome.FAILED: 0, Outcome.UNCERTAIN: 0, Outcome.RETRY: 0}
    late = 0
    for (outcome, provider_id, reason, retry_after), ids in alike.items():
        if outcome is Outcome.RETRY:
            pause = max(RETRY_PAUSE, timedelta(seconds=retry_after or 0.0))
            done = release_rows(session, table, ids, token=token, due_at=now + pause)
        else:
            values: dict[str, Any] = {"reason": None if outcome is Outcome.ACCEPTED else reason}
            values["provider_id"] = provider_id
            if table is Delivery:
                values["provider"] = provider
                values["settled_at"] = None if outcome is Outcome.UNCERTAIN else now
            done = move(session, table, ids, SUBMITTING, _STATE_OF[outcome], token=token, **values)
            if outcome is Outcome.UNCERTAIN and table is Delivery:
                proven = accept_reported(session, (), now=now, ids=ids)
                asked[Outcome.ACCEPTED] += proven
                asked[outcome] -= proven
        asked[outcome] += done
        late += len(ids) - done
    if late:
        _log.warning("ledger.lease_lost", lines=late)
    return Recorded(
        asked[Outcome.ACCEPTED], asked[Outcome.FAILED], asked[Outcome.UNCERTAIN], asked[Outcome.RETRY], late
    )


_STATE_OF = {Outcome.ACCEPTED: ACCEPTED, Outcome.FAILED: FAILED, Outcome.UNCERTAIN: UNCERTAIN}


def release_rows(
    session: Session,
    table: type[Delivery] | type[Notice],
    ids: Sequence[int],
    *,
    token: str,
    due_at: datetime | None = None,
) -> int:
    """Return claimed rows to pending without counting the attempt. ``due_at`` postpones them. Returns how many were still claimed."""
    later: dict[str, Any] = {} if due_at is None else {"due_at": due_at}
    return move(
        session,
        table,
        ids,
        SUBMITTING,
        PENDING,
        token=token,
        attempts=-1,
        reason=None,
        **later,
    )


def lease_is_over(table: type[Delivery] | type[Notice], now: datetime) -> ColumnElement[bool]:
    """The condition that a lease has expired. One that ends later than any given now was given before the clock was set back."""
    return or_(table.lease_until < now, table.lease_until > now + 2 * states.LEASE)


def expire_leases(
    session: Session, table: type[Delivery] | type[Notice], which: Iterable[Any], *, now: datetime
) -> int:
    """Make rows uncertain whose lease has expired. ``which`` are further conditions. Returns how many."""
    expired = changed(
        session,
        update(table)
        .where(*which, table.state == SUBMITTING, lease_is_over(table, now))
        .values(state=UNCERTAIN, reason=LEASE_EXPIRED, claim=None, lease_until=None),
    )
    if expired and table is Delivery:
        accept_reported(session, which, now=now)
    return expired


def accept_reported(
    session: Session, which: Iterable[Any], *, now: datetime, ids: Sequence[int] | None = None
) -> int:
    """Accept uncertain Deliveries (of ``ids``, any number) that have a stored DeliveryEvent. Returns how many.

    The event may have arrived while the Delivery was still claimed; it was stored then and decides now.
    """
    has_event = exists().where(DeliveryEvent.delivery_id == Delivery.id)
    statement = update(Delivery).where(*which, Delivery.state == UNCERTAIN, has_event)
    given: dict[str, Any] = {}
    if ids is not None:
        dialect = db.dialect_of(session)
        statement = statement.where(db.id_in(dialect, Delivery.id))
        given = {"ids": db.ids_value(dialect, ids)}
    return changed(session, statement.values(state=ACCEPTED, reason=None, settled_at=now), given)
