"""Opens the ledger of an approved Issue: writes its Audience as Deliveries, in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Column,
    Integer,
    MetaData,
    Select,
    Table,
    Text,
    case,
    func,
    insert,
    literal,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from newsletter import db, log
from newsletter.db import UTCDateTime
from newsletter.db.models import Delivery, Instance, Issue, LeftOut, Subscriber
from newsletter.delivery.approved_bytes import stored_templates, wrong_bytes
from newsletter.delivery.fence import went_before_restore
from newsletter.delivery.states import PENDING
from newsletter.delivery.transitions import move_issue
from newsletter.errors import Refused

_log = log.get("delivery")


@dataclass(frozen=True)
class Audience:
    """Who gets an Issue and why the others do not, asked of the database in one statement when the ledger is opened.

    ``everybody`` selects each row of ``subscriber`` once, by these names: ``subscriber_id``, ``address_hash``, ``rendition`` ("full"
    or "metered"), ``hour``, ``zone``, and ``reason``, the word why they are left out, NULL for who gets it.
    ``due`` says when it is due to who reads at that hour in that zone.
    """

    everybody: Select[Any]
    due: Callable[[int, str], datetime]


def freeze(
    session: Session,
    issue: Issue,
    audience: Audience,
    *,
    now: datetime,
    waypoint: Callable[[str], None] | None = None,
) -> bool:
    """Open the ledger of an approved Issue: one Delivery per reader of the Audience, one reason per Subscriber left out.

    All of it happens in the caller's transaction. Returns False, and does nothing, when the Issue was frozen before. Raises :class:`Refused` unless the
    Issue is approved and its Renditions are the approved bytes. ``waypoint`` is called with "freezing" when the readers were read, and
    again when the Deliveries are inserted and the reasons are not.
    """
    session.refresh(issue)
    if issue.frozen_at is not None:
        return False
    if issue.state != "approved":
        raise Refused(
            f"The Issue of {issue.issued_on} is {issue.state}, not approved: its Audience stays open."
        )
    here = session.get(Instance, 1)
    if here and here.confirmed_at and here.restored_on and issue.issued_on <= here.restored_on:
        if went_before_restore(session, issue.issued_on):
            move_issue(session, issue, "held", hold_reason=_WENT_BEFORE_RESTORE)
            return False
        if issue.released_at is None or issue.released_at < here.confirmed_at:
            move_issue(session, issue, "held", hold_reason=_RESTORED_THAT_DAY)
            return False
    templates = stored_templates(session, issue.id)
    if reason := wrong_bytes(issue, templates):
        raise Refused(f"The Issue of {issue.issued_on} cannot go out: {reason}.")
    if not move_issue(session, issue, "dispatching", frozen_at=now):
        return False  # another process froze it at the same time
    reached = waypoint or (lambda _: None)
    try:
        seen = _snapshot(session, audience)
        reached("freezing")
        hashes = {kind: t.content_hash for kind, t in templates.items()}
        size = _insert_deliveries(session, issue.id, hashes)
        if here and here.restored_on:
            _renumber_after_restore(session, issue.id)
        reached("freezing")
        left = _insert_left_out(session, issue.id)
    except IntegrityError:
        raise Refused("The Audience names a Subscriber or an address twice: nothing was frozen.") from None
    if size + left != seen:
        raise Refused(
            f"Of {seen} Subscribers {size} are owed the Issue and {left} left out: nothing was frozen."
        )
    _TEMPORARY_TABLES.drop_all(session.connection(), checkfirst=False)
    session.execute(update(Issue).where(Issue.id == issue.id).values(audience_size=size))
    session.refresh(issue)
    _log.info("ledger.frozen", issue_id=issue.id, audience=size, left_out=left)
    return True


_WENT_BEFORE_RESTORE = "copies of it went out before the backup was put back: withdraw it"
_RESTORED_THAT_DAY = "this database was restored on that day: its readers may have had the Issue; resume it to send it all the same"
_TEMPORARY_TABLES = MetaData()  # dropped when the transaction ends
_TEMPORARY: dict[str, Any] = {"prefixes": ["TEMPORARY"], "postgresql_on_commit": "DROP"}
_candidate = Table(
    "candidate",
    _TEMPORARY_TABLES,
    Column("subscriber_id", Integer),
    Column("address_hash", Text),
    Column("rendition", Text),
    Column("hour", Integer),
    Column("zone", Text),
    Column("reason", Text),
    **_TEMPORARY,
)
_due_hour = Table(
    "due_hour",
    _TEMPORARY_TABLES,
    Column("zone", Text, primary_key=True),
    Column("hour", Integer, primary_key=True, autoincrement=False),
    Column("due_at", UTCDateTime),
    **_TEMPORARY,
)


def _snapshot(session: Session, audience: Audience) -> int:
    """Store what all Subscribers get at one moment, and when each hour is due. Returns how many they are.

    One statement reads all of them, so that each is either in the Audience or left out, whatever changes meanwhile. None of them can
    be erased until the caller commits (PostgreSQL locks the rows; SQLite has one writer).
    """
    _TEMPORARY_TABLES.create_all(session.connection(), checkfirst=False)
    looked = audience.everybody.with_for_update(key_share=True, read=True, of=Subscriber)
    seen = db.changed(session, insert(_candidate).from_select([c.name for c in _candidate.c], looked))
    hours = session.execute(select(_candidate.c.zone, _candidate.c.hour).distinct()).all()
    rows = [(zone, hour, audience.due(hour, zone)) for zone, hour in hours]
    db.insert_many(session, _due_hour, ("zone", "hour", "due_at"), rows)
    return seen


def _insert_deliveries(session: Session, issue_id: int, hashes: Mapping[str, str]) -> int:
    """Insert one pending Delivery for each reader who gets the Issue. Returns how many."""
    who, when = _candidate.c, _due_hour.c
    lines = (
        select(
            literal(issue_id),
            who.subscriber_id,
            who.address_hash,
            who.rendition,
            case(hashes, value=who.rendition),
            when.due_at,
            literal(PENDING),
            literal(0),
        )
        .join_from(_candidate, _due_hour, (when.zone == who.zone) & (when.hour == who.hour))
        .where(who.reason.is_(None))
        # Rows due together are stored together, and the index of claims grows only at its end.
        .order_by(when.due_at, who.zone, who.hour, who.subscriber_id)
    )
    return db.changed(session, insert(Delivery).from_select(_DELIVERY_COLUMNS, lines, include_defaults=False))


_DELIVERY_COLUMNS = (
    "issue_id",
    "subscriber_id",
    "address_hash",
    "rendition",
    "content_hash",
    "due_at",
    "state",
    "attempts",
)


def _renumber_after_restore(session: Session, issue_id: int) -> None:
    """In a restored database, give the Deliveries of its first Issue ids that were never used before (see ``fence.py``)."""
    floor = db.reserved_up_to(session, "delivery")
    first = session.scalar(select(func.min(Delivery.id)).where(Delivery.issue_id == issue_id))
    if first is not None and first <= floor:
        ahead = (
            update(Delivery).where(Delivery.issue_id == issue_id).values(id=Delivery.id + floor - first + 1)
        )
        session.execute(ahead, execution_options={"synchronize_session": False})


def _insert_left_out(session: Session, issue_id: int) -> int:
    """Insert one reason for each Subscriber who does not get the Issue. Returns how many."""
    who = _candidate.c
    reasons = select(literal(issue_id), who.subscriber_id, who.reason).where(who.reason.is_not(None))
    names = ("issue_id", "subscriber_id", "reason")
    return db.changed(session, insert(LeftOut).from_select(names, reasons.order_by(who.subscriber_id)))
