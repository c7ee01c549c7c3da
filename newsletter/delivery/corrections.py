"""Sends a Correction of an Issue, once, to the readers who got the wrong bytes or may have got them, and to nobody else.

Its bytes are rendered and approved once, as a Rendition's are. Each reader's copy is a Notice: claimed under a lease, never resent by
itself, and unique on (Correction, Subscriber). Deliveries of the Issue that were claimed when it was approved are followed until
their outcome is known. Unless said otherwise the caller commits.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import JSON, Text, cast, exists, func, literal, select, type_coerce
from sqlalchemy.orm import Session

from newsletter import db, log
from newsletter.db.models import AuditEntry, Correction, Delivery, Issue, Notice, Subscriber, Suppression
from newsletter.delivery import ledger, notice_ledger, states
from newsletter.delivery.mail.messages import Template, content_hash
from newsletter.delivery.notice_ledger import ClaimedNotices
from newsletter.delivery.states import ACCEPTED, OPEN, PENDING, STATES, SUBMITTING, UNCERTAIN, WITHDRAWN
from newsletter.errors import NotFound, Refused

KIND: Final = "correction"
LONGEST: Final = 4_000  # characters of its words
OTHER_BYTES: Final = "other bytes than the approved ones"

_log = log.get("delivery")


@dataclass(frozen=True)
class CorrectionSum:
    """One Correction and where its copies are. ``gone``: readers erased since, whose Notice went with them."""

    number: int
    subject: str
    approved_at: datetime
    approved_by: str
    owed: int
    states: dict[str, int]

    @property
    def gone(self) -> int:
        return self.owed - sum(self.states.values())

    @property
    def in_words(self) -> str:
        """ "12 = 0 pending + 0 submitting + 11 accepted + 0 failed + 1 uncertain + 0 withdrawn"."""
        parts = " + ".join(f"{self.states.get(s, 0)} {s}" for s in STATES)
        return f"{self.owed} = {parts}" + (f" + {self.gone} erased since" if self.gone else "")


def paragraphs(text: str) -> tuple[str, ...]:
    """Return the words of a Correction, paragraph by paragraph. Raises :class:`Refused` when there are none, or too many."""
    if len(text) > LONGEST:
        raise Refused(f"A correction has {LONGEST:,} characters at most; this one has {len(text):,}.")
    found = tuple(" ".join(part.split()) for part in text.replace("\r\n", "\n").split("\n\n"))
    if not any(found):
        raise Refused("Nothing was done: please write what was wrong and what is right.")
    return tuple(part for part in found if part)


def require_correctable(issue: Issue) -> None:
    """Raise :class:`Refused` unless copies of this Issue are out and no further ones go."""
    if issue.frozen_at is None:
        raise Refused(f"The Issue of {issue.issued_on} has not gone to anybody: edit it instead.")
    if issue.state == "dispatching":
        raise Refused(
            f"The Issue of {issue.issued_on} is still going out: hold or withdraw it first, so that nobody else gets the wrong words."
        )


def reach(session: Session, issue: Issue, rendition: str | None) -> int:
    """Return how many readers a Correction would go to now."""
    return session.scalar(select(func.count()).select_from(_readers(issue.id, rendition).subquery())) or 0


def approve(
    session: Session, issue: Issue, template: Template, *, rendition: str | None, by: str, now: datetime
) -> Correction:
    """Queue these bytes for all who got the wrong ones. Raises :class:`Refused` when nobody did, or they were sent before."""
    require_correctable(issue)
    db.hold_lock(session, f"{KIND}s of {issue.id}")
    said = select(Correction.id).where(
        Correction.issue_id == issue.id, Correction.content_hash == template.content_hash
    )
    if session.scalar(said) is not None:
        raise Refused("This correction was sent already, word for word.")
    ledger.expire(session, issue.id, now=now)
    if not reach(session, issue, rendition) and not _may_still_arrive(session, issue, rendition):
        raise Refused("Nobody got these bytes: there is nobody to send a correction to.")
    made = Correction(
        issue_id=issue.id,
        rendition=rendition,
        subject=template.subject,
        html=template.html,
        text=template.text,
        content_hash=template.content_hash,
        approved_at=now,
        approved_by=by,
        owed=0,
    )
    session.add(made)
    session.flush()
    _owe(session, made, issue, now)
    detail = {"correction": made.id, "hash": made.content_hash, "rendition": rendition, "readers": made.owed}
    about = f"issue:{issue.issued_on}"
    session.add(AuditEntry(at=now, by=by, act="issue.corrected", about=about, detail=detail))
    session.flush()
    _log.info("issue.corrected", issue_id=issue.id, correction_id=made.id, readers=made.owed)
    return made


def follow_up(sessions: db.Sessions, *, now: datetime) -> int:
    """Queue open Corrections for readers whose copy proved to be sent since; close those complete. Returns how many were queued."""
    with db.reading(sessions) as session:
        waiting = session.scalars(select(Correction.id).where(Correction.closed_at.is_(None))).all()
    added = 0
    for number in waiting:
        with sessions.begin() as session:
            one = session.get_one(Correction, number)
            issue = session.get_one(Issue, one.issue_id)
            ledger.expire(session, issue.id, now=now)
            added += _owe(session, one, issue, now)
    return added


def withdraw(session: Session, number: int, *, by: str, now: datetime, reason: str) -> int:
    """Withdraw the pending Notices of a Correction. Returns how many."""
    db.hold_lock(
        session, f"{KIND}:{number}"
    )  # a process that adds readers to it finishes first, or finds it closed
    one = session.get(Correction, number, populate_existing=True)
    if one is None:
        raise NotFound(f"There is no correction {number}.")
    one.closed_at = one.closed_at or now
    waiting = session.scalars(
        select(Notice.id).where(Notice.correction_id == number, Notice.state == PENDING)
    ).all()
    moved = ledger.move(session, Notice, waiting, PENDING, WITHDRAWN, reason="correction withdrawn")
    detail = {"correction": number, "reason": reason, "pending": moved}
    issue = session.get_one(Issue, one.issue_id)
    about = f"issue:{issue.issued_on}"
    session.add(AuditEntry(at=now, by=by, act="issue.correction_withdrawn", about=about, detail=detail))
    return moved


def claim(session: Session, *, limit: int, now: datetime, lease: timedelta = states.LEASE) -> ClaimedNotices:
    """Claim due copies of Corrections, each with its approved bytes. The caller commits before it submits."""
    claimed = notice_ledger.claim(session, limit=limit, now=now, lease=lease, corrections=True)
    numbers = {n.notice.correction_id or 0 for n in claimed.notices}
    rows = session.scalars(select(Correction).where(Correction.id.in_(numbers))).all() if numbers else ()
    templates = {c.id: Template(c.subject, c.html, c.text, c.content_hash) for c in rows}
    spoilt = {
        number for number, t in templates.items() if content_hash(t.subject, t.html, t.text) != t.content_hash
    }
    if spoilt:
        _log.error("correction.bytes_changed", corrections=sorted(spoilt))
        bad = [n.id for n in claimed.notices if (n.notice.correction_id or 0) in spoilt]
        ledger.release_rows(session, Notice, bad, token=claimed.token)
        ledger.move(session, Notice, bad, PENDING, WITHDRAWN, reason=OTHER_BYTES)
    good = tuple(
        replace(n, template=templates[n.notice.correction_id or 0])
        for n in claimed.notices
        if (n.notice.correction_id or 0) not in spoilt
    )
    withdrawn = claimed.withdrawn + len(claimed.notices) - len(good)
    return replace(claimed, notices=good, withdrawn=withdrawn)


def sums(session: Session, issue_id: int) -> list[CorrectionSum]:
    """Return the Corrections of an Issue, oldest first, and where their copies are."""
    made = session.scalars(
        select(Correction).where(Correction.issue_id == issue_id).order_by(Correction.id)
    ).all()
    found = []
    for one in made:
        counted = (
            select(Notice.state, func.count()).where(Notice.correction_id == one.id).group_by(Notice.state)
        )
        by_state = {state: count for state, count in session.execute(counted)}
        found.append(CorrectionSum(one.id, one.subject, one.approved_at, one.approved_by, one.owed, by_state))
    return found


# --- who is owed it ---


def _readers(issue_id: int, rendition: str | None) -> Any:
    """Subscribers who got the wrong bytes, or may have got them, and who may still be mailed."""
    suppressed = exists().where(Suppression.address_hash == Subscriber.address_hash)
    statement = (
        select(Subscriber.id)
        .join(Delivery, Delivery.subscriber_id == Subscriber.id)
        .where(Delivery.issue_id == issue_id, Delivery.state.in_((ACCEPTED, UNCERTAIN)))
        .where(Subscriber.unsubscribed_at.is_(None), ~suppressed)
    )
    return statement if rendition is None else statement.where(Delivery.rendition == rendition)


def _owe(session: Session, one: Correction, issue: Issue, now: datetime) -> int:
    """Queue one Notice for each reader who has none yet, unless the Correction was closed meanwhile. Returns how many.

    Closes the Correction when no copy of the Issue can be sent any more.
    """
    db.hold_lock(session, f"{KIND}:{one.id}")
    session.refresh(one)  # the state that the process before left
    if one.closed_at is not None:
        return 0
    key = literal(f"{KIND}:{one.id}:").concat(cast(Subscriber.id, Text))
    has_it = exists().where(Notice.correction_id == one.id, Notice.subscriber_id == Subscriber.id)
    readers = _readers(issue.id, one.rendition).where(~has_it)
    rows = readers.with_only_columns(
        literal(KIND),
        key,
        Subscriber.id,
        literal(one.id),
        type_coerce({}, JSON),
        literal(now, Notice.due_at.type),
        literal(PENDING),
        literal(0),
    )
    added = notice_ledger.queue_all(session, rows)
    one.owed += added
    if not _may_still_arrive(session, issue, one.rendition):
        one.closed_at = now
    session.flush()
    return added


def _may_still_arrive(session: Session, issue: Issue, rendition: str | None) -> bool:
    """Return whether a copy of the Issue is being submitted, or may be because the Issue can be resumed."""
    open_states = (SUBMITTING,) if issue.state == "withdrawn" else OPEN
    waiting = select(Delivery.id).where(Delivery.issue_id == issue.id, Delivery.state.in_(open_states))
    if rendition is not None:
        waiting = waiting.where(Delivery.rendition == rendition)
    return session.scalar(waiting.limit(1)) is not None
