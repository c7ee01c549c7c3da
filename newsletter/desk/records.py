"""What was done, by whom and by the machine: the audit trail and the Runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import Response, make_response, render_template, request
from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter import db
from newsletter.db.models import AuditEntry, Operator, Run
from newsletter.desk.guard import bp, by
from newsletter.web.services import services

PAGE = 50  # lines
# How an act reads after the name of who did it; an act without words here is shown by its own name.
ACTS = {
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
    "story.merged": "merged a story into another",
    "story.split": "made a story of its own out of articles",
    "story.articles_moved": "moved articles to another story",
    "report.resolved": "dealt with a report",
    "subscription.given": "gave a reader the full edition",
    "subscription.ended": "took a present back",
    "subscription.refunded": "gave a payment back",
    "payment.disputed": "reported a disputed payment",
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
class Act:
    """One line of the audit trail, in words."""

    at: datetime
    who: str
    words: str
    about: str
    detail: tuple[tuple[str, str], ...]


def note(session: Session, act: str, about: str, **detail: Any) -> None:
    """Write down what the signed-in operator did. The caller commits."""
    session.add(AuditEntry(at=services().now(), by=by(), act=act, about=about, detail=detail))


def acts_about(session: Session, about: str, limit: int = 30) -> tuple[Act, ...]:
    """The latest acts about one thing, newest first."""
    statement = select(AuditEntry).where(AuditEntry.about == about)
    statement = statement.order_by(AuditEntry.at.desc(), AuditEntry.id.desc()).limit(limit)
    return _in_words(session, session.scalars(statement).all())


def name_of(session: Session, by: str) -> str:
    """Who ``by`` is, for a page: an operator's address, or the machine."""
    kind, _, number = by.partition(":")
    found = session.get(Operator, int(number)) if kind == "operator" and number.isdigit() else None
    return found.address if found else _named(by)


def _named(by: str) -> str:
    """Somebody as they signed on the command line, or what acts by itself."""
    return "The machine" if by in ("auto", "compose") else by[:1].upper() + by[1:]


def _in_words(session: Session, rows: Sequence[AuditEntry]) -> tuple[Act, ...]:
    names = {f"operator:{o.id}": o.address for o in session.scalars(select(Operator))}
    return tuple(
        Act(
            row.at,
            names.get(row.by) or _named(row.by),
            ACTS.get(row.act, row.act),
            names.get(row.about, row.about.replace(":", " ")),
            tuple((k, _short(v)) for k, v in row.detail.items() if v not in ("", None, [], {})),
        )
        for row in rows
    )


def _short(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    text = str(value)
    return text[:12] if len(text) == 64 and text.isalnum() else text  # a content hash


def page_number() -> int:
    """Which page of a long list is asked for, from 1."""
    asked = request.args.get("page", "1")
    return min(max(int(asked), 1), 10_000) if asked.isascii() and asked.isdigit() and len(asked) < 6 else 1


@bp.get("/audit")
def audit() -> Response:
    page = page_number()
    with db.reading(services().sessions) as session:
        rows = session.scalars(
            select(AuditEntry)
            .order_by(AuditEntry.at.desc(), AuditEntry.id.desc())
            .offset((page - 1) * PAGE)
            .limit(PAGE + 1)
        ).all()
        acts = _in_words(session, rows)
    more = len(acts) > PAGE
    return make_response(render_template("desk/audit.html", acts=acts[:PAGE], page=page, more=more))


@bp.get("/runs")
def runs() -> Response:
    page = page_number()
    failed = request.args.get("only") == "failed"
    statement = select(Run).order_by(Run.started_at.desc(), Run.id.desc())
    if failed:
        statement = statement.where(Run.outcome == "failed")
    with db.reading(services().sessions) as session:
        rows = session.scalars(statement.offset((page - 1) * PAGE).limit(PAGE + 1)).all()
    lines = [(run, _said(run)) for run in rows[:PAGE]]
    more = len(rows) > PAGE
    return make_response(
        render_template("desk/runs.html", lines=lines, page=page, more=more, only_failed=failed)
    )


def _said(run: Run) -> str:
    """What a Run brought, without the noughts."""
    parts = ((name, value) for name, value in run.detail.items() if value not in (0, None, "", False))
    return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in parts)
