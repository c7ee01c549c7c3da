"""Applies an unsubscribe log (``unsubscribe_log.py``) to a database that was restored from an older backup."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from newsletter import db, log
from newsletter.db.models import Delivery, Instance, Issue, Run, Subscriber, Subscription
from newsletter.delivery import ledger, suppressions
from newsletter.delivery.states import ACCEPTED, LEASE
from newsletter.subscribers import erasure
from newsletter.subscribers.unsubscribing import unsubscribe_log

_log = log.get("subscribers")


@dataclass(frozen=True)
class Applied:
    """What a log changed in this database. ``doubt`` says why somebody may be missing in it; None when nobody is."""

    left: int = 0
    suppressed: int = 0
    paused: int = 0
    erased: int = 0
    handed_over: int = 0
    doubt: str | None = None
    written_at: datetime | None = None
    issues: dict[str, int] = field(default_factory=dict)  # Deliveries in the log, by the Issue's day


def apply_log(
    sessions: db.Sessions,
    path: Path,
    *,
    now: datetime,
    by: str,
    outbox: Path | None = None,
    mailbox: Path | None = None,
) -> Applied:
    """Apply a log to this database; a second call changes nothing. Raises ``UnreadableLog`` before anything is changed.

    Readers who left, paused or were erased according to the log do so here, unless they asked for the mail again after that. ``by`` is
    for the audit trail; ``outbox`` and ``mailbox`` are as in ``erasure.erase``.
    """
    heading = unsubscribe_log.read_heading(path)
    with db.reading(sessions) as session:
        doubt = _doubt(session, heading)
        issues = dict(session.execute(select(Issue.issued_on, Issue.id)).all())
    total: defaultdict[str, int] = defaultdict(int)
    copies: defaultdict[str, int] = defaultdict(int)
    for lines in unsubscribe_log.batches(path):
        with sessions.begin() as session:
            total["left"] += _unsubscribe(session, lines)
            total["suppressed"] += _suppress(session, lines)
            total["paused"] += _pause(session, lines)
            total["erased"] += _erase(session, lines, now=now, by=by, outbox=outbox, mailbox=mailbox)
            total["handed_over"] += _mark_submitted(session, lines, issues, now)
        for line in lines:
            if "issue" in line:
                copies[line["issue"]] += 1
    _log.info("unsubscribe_log.applied", **total)
    written = datetime.fromisoformat(heading["written_at"])
    return Applied(**total, doubt=doubt, written_at=written, issues=dict(copies))


def _doubt(session: Session, heading: dict[str, Any]) -> str | None:
    """Why somebody may be missing in the log who left the database that this one is an older copy of."""
    here = session.get(Instance, 1)
    if here is None or here.mark not in heading["marks"]:
        return "the list is of another database than this backup is"
    latest, known = session.scalar(select(func.max(Run.started_at))), heading["latest_run_at"]
    if latest is not None and (known is None or datetime.fromisoformat(known) < latest):
        return "the list is older than what was done in this database last"
    return str(heading["doubt"]) if heading["doubt"] else None


def _unsubscribe(session: Session, lines: list[dict[str, Any]]) -> int:
    left = {line["who"]: datetime.fromisoformat(line["left"]) for line in lines if "left" in line}
    still = select(Subscriber).where(Subscriber.address_hash.in_(left), Subscriber.unsubscribed_at.is_(None))
    gone = [
        r for r in session.scalars(still) if not (r.confirmed_at and r.confirmed_at > left[r.address_hash])
    ]
    for reader in gone:
        reader.unsubscribed_at = left[reader.address_hash]
    session.flush()
    return len(gone)


def _suppress(session: Session, lines: list[dict[str, Any]]) -> int:
    wanted = {
        line["who"]: (line["suppressed"], datetime.fromisoformat(line["since"]))
        for line in lines
        if "suppressed" in line
    }
    return suppressions.keep(session, wanted) if wanted else 0


def _pause(session: Session, lines: list[dict[str, Any]]) -> int:
    until = {
        line["who"]: date.fromisoformat(line["paused_until"]) for line in lines if "paused_until" in line
    }
    readers = session.scalars(select(Subscriber).where(Subscriber.address_hash.in_(until)))
    sooner = [r for r in readers if (r.paused_until or date.min) < until[r.address_hash]]
    for reader in sooner:
        reader.paused_until = until[reader.address_hash]
    session.flush()
    return len(sooner)


def _erase(session: Session, lines: list[dict[str, Any]], **how: Any) -> int:
    erased = {
        line["who"]: datetime.fromisoformat(line["since"])
        for line in lines
        if line.get("suppressed") == "erased"
    }
    readers = session.scalars(select(Subscriber).where(Subscriber.address_hash.in_(erased))).all()
    signed_up_again = [r for r in readers if r.asked_at > erased[r.address_hash]]
    for reader in (r for r in readers if r not in signed_up_again):
        # Their payment was cancelled before the erasure; this backup does not know that.
        session.execute(delete(Subscription).where(Subscription.subscriber_id == reader.id))
        session.expire_all()
        erasure.erase(session, reader, **how)
    return len(readers) - len(signed_up_again)


def _mark_submitted(
    session: Session, lines: list[dict[str, Any]], issues: dict[date, int], now: datetime
) -> int:
    """Give Deliveries of the log the state they have there, accepted or uncertain; returns how many were changed."""
    by_state: defaultdict[tuple[int, str, str | None], list[str]] = defaultdict(list)
    for line in lines:
        issue = issues.get(date.fromisoformat(line["issue"])) if "issue" in line else None
        if issue is not None:
            by_state[issue, line["state"], line["provider"]].append(line["who"])
    done = 0
    for issue_id in {issue_id for issue_id, _, _ in by_state}:
        # Any claim in this database was made before the backup.
        ledger.expire(session, issue_id, now=now + 2 * LEASE)
    for (issue_id, state, provider), hashes in by_state.items():
        known = select(Delivery.id).where(Delivery.issue_id == issue_id, Delivery.address_hash.in_(hashes))
        act: Callable[..., int] = (
            ledger.mark_accepted_elsewhere if state == ACCEPTED else ledger.mark_uncertain_elsewhere
        )
        done += act(session, session.scalars(known).all(), provider=provider, now=now)
    return done
