"""Store and resolve readers' reports of mistakes in Stories."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from newsletter import db, log
from newsletter.db.models import AuditEntry, Report
from newsletter.errors import NotFound

_log = log.get("stories")
REASONS = {
    "fact": "Something stated is not true",
    "unfair": "One side is told unfairly",
    "citation": "A citation does not support its sentence",
    "grouping": "An article here belongs to another story",
    "link": "A link is broken",
    "other": "Something else",
}
LONGEST = 2_000  # characters of a report; the rest is cut
WINDOW = timedelta(hours=1)
PER_STORY = 30  # Reports on one Story within WINDOW
PER_SITE = 300  # Reports on all Stories within WINDOW


class TooManyReports(Exception):
    """There are too many Reports within WINDOW, on this Story or on the whole site."""


def run(sessions: db.Sessions, story_id: int, *, reason: str, words: str, now: datetime) -> bool:
    """Store a Report for the desk; return False when the same one came within WINDOW. Raises TooManyReports, ValueError.

    ``reason`` must be one of REASONS. ``words`` may be any text; control characters are removed.
    """
    if reason not in REASONS:
        raise ValueError(f"no such reason: {reason!r}")
    kept = "".join(c for c in words.strip() if c in "\n\t" or c.isprintable())[:LONGEST]
    with sessions() as session, session.begin():
        lately = select(func.count()).select_from(Report).where(Report.reported_at > now - WINDOW)
        on_story = lately.where(Report.story_id == story_id)
        if session.scalar(on_story.where(Report.reason == reason, Report.words == kept)):
            return False
        if (session.scalar(on_story) or 0) >= PER_STORY or (session.scalar(lately) or 0) >= PER_SITE:
            raise TooManyReports
        session.add(Report(story_id=story_id, reason=reason, words=kept, reported_at=now))
    _log.info("report.stored", story_id=story_id, reason=reason)
    return True


def resolve(session: Session, report_id: int, *, now: datetime, by: str, reason: str = "") -> None:
    """Mark a Report as resolved by an operator. Raises NotFound. The caller commits."""
    report = session.get(Report, report_id)
    if report is None:
        raise NotFound("There is no such report.")
    if report.resolved_at is None:
        report.resolved_at = now
        about = f"report:{report.id}"
        session.add(AuditEntry(at=now, by=by, act="report.resolved", about=about, detail={"reason": reason}))
