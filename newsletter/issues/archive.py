"""Finds what the public may see: published Issues, and Stories by their address. Read-only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from newsletter.db.models import Issue, Outlet, Placement, Story, StoryRevision

# Drafts are not public yet; held and withdrawn Issues are not public any more.
PUBLIC = ("approved", "dispatching", "dispatched")
_LONGEST_CHAIN = 50  # merges that are followed at most; in practice one or two


@dataclass(frozen=True)
class IssueLine:
    """One line of the archive."""

    issued_on: date
    subject: str
    preheader: str
    stories: int
    reading_minutes: int
    is_sample: bool
    published_at: datetime


@dataclass(frozen=True)
class Printed:
    """The last Issue that placed a Story: its day, how many Outlets were read for it, and whether it was a sample."""

    issued_on: date
    outlets_read: int
    is_sample: bool


def latest_issue(session: Session) -> Issue | None:
    """Return the newest published Issue."""
    return session.scalars(
        select(Issue).where(Issue.state.in_(PUBLIC)).order_by(Issue.issued_on.desc()).limit(1)
    ).first()


def issue_on(session: Session, day: date) -> Issue | None:
    """Return the published Issue of that day."""
    return session.scalars(select(Issue).where(Issue.issued_on == day, Issue.state.in_(PUBLIC))).first()


def is_placed(session: Session, story_id: int, day: date) -> bool:
    """Whether the Issue of that day holds the Story, or one that was merged into it since."""
    these = select(Story.id).where((Story.id == story_id) | (Story.merged_into_id == story_id))
    found = (
        select(Placement.id)
        .join(Issue, Issue.id == Placement.issue_id)
        .where(Issue.issued_on == day, Placement.story_id.in_(these))
    )
    return session.scalar(found.limit(1)) is not None


def neighbours(session: Session, day: date) -> tuple[date | None, date | None]:
    """Return the days of the published Issues just before and after."""
    days = select(Issue.issued_on).where(Issue.state.in_(PUBLIC))
    before = session.scalar(days.where(Issue.issued_on < day).order_by(Issue.issued_on.desc()).limit(1))
    after = session.scalar(days.where(Issue.issued_on > day).order_by(Issue.issued_on).limit(1))
    return before, after


def issue_lines(session: Session, *, limit: int = 5000) -> list[IssueLine]:
    """Published Issues, newest first."""
    stories = (
        select(Placement.issue_id, func.count().label("stories")).group_by(Placement.issue_id).subquery()
    )
    rows = session.execute(
        select(Issue, func.coalesce(stories.c.stories, 0))
        .outerjoin(stories, stories.c.issue_id == Issue.id)
        .where(Issue.state.in_(PUBLIC))
        .order_by(Issue.issued_on.desc())
        .limit(limit)
    ).all()
    return [
        IssueLine(
            issued_on=issue.issued_on,
            subject=issue.subject,
            preheader=issue.preheader,
            stories=count,
            reading_minutes=max(1, -(-issue.reading_seconds // 60)),
            is_sample=issue.is_sample,
            published_at=issue.approved_at or issue.composed_at,
        )
        for issue, count in rows
    ]


def story_at(session: Session, slug: str) -> Story | None:
    """Return the Story at an address. If it was merged, the Story it was merged into, whose slug differs from ``slug``."""
    story = session.scalars(select(Story).where(Story.slug == slug)).first()
    for _ in range(_LONGEST_CHAIN):
        if story is None or story.merged_into_id is None:
            return story
        story = session.get(Story, story.merged_into_id)
    return None


def printed(session: Session, story_id: int) -> Printed | None:
    """Return the newest published Issue that placed this Story; None if there is none."""
    row = session.execute(
        select(Issue.issued_on, Issue.outlets_read, Issue.is_sample)
        .join(Placement, Placement.issue_id == Issue.id)
        .where(Placement.story_id == story_id, Issue.state.in_(PUBLIC))
        .order_by(Issue.issued_on.desc())
        .limit(1)
    ).first()
    return Printed(row.issued_on, row.outlets_read, row.is_sample) if row else None


def printed_stories(session: Session, *, limit: int) -> list[tuple[str, datetime]]:
    """Address and last change of every Story that a published Issue placed, newest first."""
    rows = session.execute(
        select(Story.slug, func.max(StoryRevision.written_at), func.max(Issue.issued_on).label("last"))
        .join(Placement, Placement.story_id == Story.id)
        .join(Issue, Issue.id == Placement.issue_id)
        .join(StoryRevision, StoryRevision.story_id == Story.id)
        .where(Issue.state.in_(PUBLIC), Story.merged_into_id.is_(None), Issue.is_sample.is_(False))
        .group_by(Story.id, Story.slug)
        .order_by(func.max(Issue.issued_on).desc(), Story.slug)
        .limit(limit)
    ).all()
    return [(slug, written) for slug, written, _ in rows]


def outlets_read(session: Session) -> Sequence[Outlet]:
    """Return the Outlets in the catalogue that are enabled, by name."""
    return session.scalars(
        select(Outlet)
        .where(Outlet.listed.is_(True), Outlet.enabled.is_(True))
        .order_by(func.lower(Outlet.name))
    ).all()
