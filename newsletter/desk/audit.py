"""The audit trail: the acts of operators and of the service itself, in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import Response, make_response, render_template
from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter import db
from newsletter.db.models import AuditEntry, Operator
from newsletter.desk.guard import actor, bp
from newsletter.desk.paging import PAGE_SIZE, page_number
from newsletter.web.services import services

# The phrase for each act, which follows the name of who did it. An act without a phrase is shown by its name.
PHRASES = {
    "issue.approved": "approved",
    "issue.approval_taken_back": "took the approval back",
    "issue.checked": "had it checked",
    "issue.held": "held",
    "issue.resumed": "resumed",
    "issue.withdrawn": "withdrew",
    "issue.edited": "edited",
    "issue.proofed": "mailed themselves a proof",
    "issue.corrected": "sent a correction",
    "issue.correction_withdrawn": "stopped a correction",
    "delivery.decided_accepted": "decided that uncertain copies arrived",
    "delivery.decided_withdrawn": "gave uncertain copies up",
    "delivery.decided_pending": "let uncertain copies go once more",
    "operator.added": "let an operator in",
    "operator.removed": "removed an operator",
    "operator.given_duty": "changed an operator’s duty",
    "operator.signed_in": "signed in",
    "operator.signed_out": "signed out",
    "operator.sign_in_ended": "signed a browser out",
    "feed.paused": "paused a feed",
    "feed.resumed": "resumed a feed",
    "story.told_again": "had the model tell a story again",
    "story.merged": "merged a story into another",
    "story.split": "made a story of its own out of articles",
    "story.articles_moved": "moved articles to another story",
    "report.resolved": "dealt with a report",
    "subscription.given": "gave a reader the full edition",
    "subscription.ended": "took a present back",
    "subscription.refunded": "gave a payment back",
    "payment.disputed": "reported a disputed payment",
    "payment.not_understood": "sent a payment event that was not understood",
    "subscription.twice": "charges a reader twice",
    "subscription.for_nobody": "charges a reader who is no longer kept",
    "subscriber.suppressed": "suppressed a reader’s address",
    "subscriber.released": "let a reader’s address be mailed again",
    "subscriber.erased": "erased a reader",
    "subscribers.imported": "brought readers along from a file",
    "database.confirmed": "confirmed a restored or moved database",
    "database.leavers_carried": "carried over who had left",
}


@dataclass(frozen=True)
class AuditLine:
    """One line of the audit trail, in words."""

    at: datetime
    who: str
    words: str
    about: str
    detail: tuple[tuple[str, str], ...]


def record(session: Session, act: str, about: str, **detail: Any) -> None:
    """Record an act of the signed-in operator. The caller commits."""
    session.add(AuditEntry(at=services().now(), by=actor(), act=act, about=about, detail=detail))


def audit_lines_about(session: Session, about: str, limit: int = 30) -> tuple[AuditLine, ...]:
    """Return the latest acts about one object, newest first."""
    statement = select(AuditEntry).where(AuditEntry.about == about)
    statement = statement.order_by(AuditEntry.at.desc(), AuditEntry.id.desc()).limit(limit)
    return _audit_lines(session, session.scalars(statement).all())


def name_of(session: Session, by: str) -> str:
    """Return the name that a page shows for ``by``: an operator's address, or "The machine"."""
    kind, _, number = by.partition(":")
    found = session.get(Operator, int(number)) if kind == "operator" and number.isdigit() else None
    return found.address if found else _without_account(by)


def _without_account(by: str) -> str:
    """Return the name given on the command line, or "The machine" for an automatic act."""
    return "The machine" if by in ("auto", "compose") else by[:1].upper() + by[1:]


def _audit_lines(session: Session, rows: Sequence[AuditEntry]) -> tuple[AuditLine, ...]:
    names = {f"operator:{o.id}": o.address for o in session.scalars(select(Operator))}
    return tuple(
        AuditLine(
            row.at,
            names.get(row.by) or _without_account(row.by),
            PHRASES.get(row.act, row.act),
            names.get(row.about, row.about.replace(":", " ")),
            tuple((k, _detail_text(v)) for k, v in row.detail.items() if v not in ("", None, [], {})),
        )
        for row in rows
    )


def _detail_text(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    text = str(value)
    return text[:12] if len(text) == 64 and text.isalnum() else text  # a content hash


@bp.get("/audit")
def audit() -> Response:
    page = page_number()
    with db.reading(services().sessions) as session:
        rows = session.scalars(
            select(AuditEntry)
            .order_by(AuditEntry.at.desc(), AuditEntry.id.desc())
            .offset((page - 1) * PAGE_SIZE)
            .limit(PAGE_SIZE + 1)
        ).all()
        acts = _audit_lines(session, rows)
    more = len(acts) > PAGE_SIZE
    return make_response(render_template("desk/audit.html", acts=acts[:PAGE_SIZE], page=page, more=more))
