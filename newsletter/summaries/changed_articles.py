"""Find what may need a correction: an Article changed after an approved Issue cited it. The second run flags nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.db import Sessions
from newsletter.db.models import Article, Issue, Placement, Story, StoryRevision
from newsletter.summaries.story_text import from_json

STANDING = (
    "approved",
    "dispatching",
    "dispatched",
    "held",
)  # states of an Issue that readers have or will have
LOOK_BACK = timedelta(days=3)  # older Issues are corrected by nobody


@dataclass(frozen=True)
class Changed:
    """A Story of an approved Issue, and an Article it cites that says something else now."""

    issued_on: date
    story_id: int
    headline: str  # ours
    outlet: str
    changed_at: datetime


def flag(sessions: Sessions, *, now: datetime) -> int:
    """Flag the Stories of approved Issues that cite an Article changed since their words were written; how many are new."""
    with sessions.begin() as session:
        fresh = {
            c.story_id: c.changed_at
            for c in changed(session, now=now)
            if _flagged_at(session, c.story_id) < c.changed_at
        }
        for story_id in fresh:
            session.get_one(Story, story_id).flagged_at = now
    return len(fresh)


def changed(session: Session, *, now: datetime) -> list[Changed]:
    """Return what changed under approved words, the newest change of each Story and Issue."""
    found: dict[tuple[date, int], Changed] = {}
    placed = session.execute(
        select(Issue.issued_on, Placement.story_id, StoryRevision)
        .join(Placement, Placement.issue_id == Issue.id)
        .join(StoryRevision, StoryRevision.id == Placement.story_revision_id)
        .where(Issue.state.in_(STANDING), Issue.composed_at >= now - LOOK_BACK)
        .order_by(Issue.issued_on, Placement.rank)
    )
    for issued_on, story_id, text_revision in placed.all():
        words = from_json(text_revision.words)
        articles = session.scalars(
            select(Article)
            .where(Article.id.in_(words.cited()), Article.changed_at > text_revision.written_at)
            .order_by(Article.changed_at, Article.id)
        )
        for article in articles:
            if article.changed_at is not None:
                found[issued_on, story_id] = Changed(
                    issued_on, story_id, words.headline, article.outlet.name, article.changed_at
                )
    return list(found.values())


def _flagged_at(session: Session, story_id: int) -> datetime:
    at = session.get_one(Story, story_id).flagged_at
    return at or datetime.min.replace(tzinfo=UTC)
