"""Carries who left, from a list (``leavers_list.py``), into a database that was restored from an older backup."""

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
from newsletter.subscribers.unsubscribing import log as leavers_list

_log = log.get("subscribers")


@dataclass(frozen=True)
class Brought:
    """What a list changed in this database. ``doubt`` says why somebody may be missing in it; None when nobody is."""

    left: int = 0
    suppressed: int = 0
    paused: int = 0
    erased: int = 0
    handed_over: int = 0
    doubt: str | None = None
    written_at: datetime | None = None
    issues: dict[str, int] = field(default_factory=dict)  # copies that the list knows of, by the Issue's day


def take_up(
    sessions: db.Sessions,
    path: Path,
    *,
    now: datetime,
    by: str,
    outbox: Path | None = None,
    mailbox: Path | None = None,
) -> Brought:
    """Carry a list into this database. A second time changes nothing. Raises :class:`UnreadableList` before anything is changed.

    Whoever left or was erased by that list and reads on here leaves here as well; only a wish for the mail that is younger than
    the list's counts more. ``outbox`` and ``mailbox``: where mails to and of an erased reader lie (see ``erase.erase``).
    """
    heading = leavers_list.look_through(path)
    with db.reading(sessions) as session:
        doubt = _doubt(session, heading)
        issues = dict(session.execute(select(Issue.issued_on, Issue.id)).all())
    total: defaultdict[str, int] = defaultdict(int)
    copies: defaultdict[str, int] = defaultdict(int)
    for some in leavers_list.batches(path):
        with sessions.begin() as session:
            total["left"] += _leave(session, some)
            total["suppressed"] += _suppress(session, some)
            total["paused"] += _pause(session, some)
            total["erased"] += _erase(session, some, now=now, by=by, outbox=outbox, mailbox=mailbox)
            total["handed_over"] += _hand_over(session, some, issues, now)
        for line in some:
            if "issue" in line:
                copies[line["issue"]] += 1
    _log.info("leavers.taken_up", **total)
    written = datetime.fromisoformat(heading["written_at"])
    return Brought(**total, doubt=doubt, written_at=written, issues=dict(copies))


def _doubt(session: Session, heading: dict[str, Any]) -> str | None:
    """Why the list may lack somebody who left the database that this one is an older copy of."""
    here = session.get(Instance, 1)
    if here is None or here.mark not in heading["marks"]:
        return "the list is of another database than this backup is"
    latest, known = session.scalar(select(func.max(Run.started_at))), heading["latest_run_at"]
    if latest is not None and (known is None or datetime.fromisoformat(known) < latest):
        return "the list is older than what was done in this database last"
    return str(heading["doubt"]) if heading["doubt"] else None


def _leave(session: Session, some: list[dict[str, Any]]) -> int:
    left = {line["who"]: datetime.fromisoformat(line["left"]) for line in some if "left" in line}
    still = select(Subscriber).where(Subscriber.address_hash.in_(left), Subscriber.unsubscribed_at.is_(None))
    gone = [
        r for r in session.scalars(still) if not (r.confirmed_at and r.confirmed_at > left[r.address_hash])
    ]
    for reader in gone:
        reader.unsubscribed_at = left[reader.address_hash]
    session.flush()
    return len(gone)


def _suppress(session: Session, some: list[dict[str, Any]]) -> int:
    wanted = {
        line["who"]: (line["suppressed"], datetime.fromisoformat(line["since"]))
        for line in some
        if "suppressed" in line
    }
    return suppressions.keep(session, wanted) if wanted else 0


def _pause(session: Session, some: list[dict[str, Any]]) -> int:
    until = {line["who"]: date.fromisoformat(line["paused_until"]) for line in some if "paused_until" in line}
    readers = session.scalars(select(Subscriber).where(Subscriber.address_hash.in_(until)))
    sooner = [r for r in readers if (r.paused_until or date.min) < until[r.address_hash]]
    for reader in sooner:
        reader.paused_until = until[reader.address_hash]
    session.flush()
    return len(sooner)


def _erase(session: Session, some: list[dict[str, Any]], **how: Any) -> int:
    erased = {
        line["who"]: datetime.fromisoformat(line["since"])
        for line in some
        if line.get("suppressed") == "erased"
    }
    readers = session.scalars(select(Subscriber).where(Subscriber.address_hash.in_(erased))).all()
    back_since = [r for r in readers if r.asked_at > erased[r.address_hash]]
    for reader in (r for r in readers if r not in back_since):
        # What they paid ended before they could be erased; here it still stands as it was.
        session.execute(delete(Subscription).where(Subscription.subscriber_id == reader.id))
        session.expire_all()
        erasure.erase(session, reader, **how)
    return len(readers) - len(back_since)


def _hand_over(session: Session, some: list[dict[str, Any]], issues: dict[date, int], now: datetime) -> int:
    alike: defaultdict[tuple[int, str, str | None], list[str]] = defaultdict(list)
    for line in some:
        issue = issues.get(date.fromisoformat(line["issue"])) if "issue" in line else None
        if issue is not None:
            alike[issue, line["state"], line["provider"]].append(line["who"])
    done = 0
    for issue_id in {issue_id for issue_id, _, _ in alike}:
        ledger.expire(
            session, issue_id, now=now + 2 * LEASE
        )  # whoever had it in hand did so before the backup
    for (issue_id, state, provider), hashes in alike.items():
        known = select(Delivery.id).where(Delivery.issue_id == issue_id, Delivery.address_hash.in_(hashes))
        act: Callable[..., int] = ledger.had if state == ACCEPTED else ledger.may_have_had
        done += act(session, session.scalars(known).all(), provider=provider, now=now)
    return done
