"""Keeps a revision of an Issue for each edit (envelope, order, Stories and their text revisions), and goes back to any of them.

Nothing is overwritten: going back adds one more revision. The caller revokes an approval, commits, and renders again.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from newsletter.db.models import Issue, IssueRevision, Placement, Story, StoryRevision
from newsletter.errors import NotFound, Refused
from newsletter.issues import editing
from newsletter.issues.editing import Said

COMPOSED = "compose"  # who made revision 1


def store_composed(session: Session, issue: Issue) -> None:
    """Store the Issue as it was composed, before its first edit. A second call does nothing."""
    if not _newest(session, issue):
        session.add(_row(session, issue, 1, by=COMPOSED, now=issue.composed_at, said={}))
        session.flush()


def store(session: Session, issue: Issue, said: Said, *, by: str, now: datetime) -> None:
    """Store the Issue as it is after an edit."""
    session.flush()
    session.add(_row(session, issue, _newest(session, issue) + 1, by=by, now=now, said=said))
    session.flush()


def listed(session: Session, issue: Issue) -> Sequence[IssueRevision]:
    """Return all revisions, newest first; the first is the present Issue."""
    statement = select(IssueRevision).where(IssueRevision.issue_id == issue.id)
    return session.scalars(statement.order_by(IssueRevision.revision.desc())).all()


def go_back(session: Session, issue: Issue, revision: int) -> Said:
    """Restore the Issue of that revision. Raises NotFound, and Refused when a Story of it no longer exists."""
    row = session.scalars(
        select(IssueRevision).where(IssueRevision.issue_id == issue.id, IssueRevision.revision == revision)
    ).one_or_none()
    if row is None:
        raise NotFound("The issue has no such revision.")
    wanted = row.content["stories"]
    alive = set(
        session.scalars(
            select(Story.id).where(Story.id.in_([s["story"] for s in wanted]), Story.merged_into_id.is_(None))
        )
    )
    if len(alive) < len(wanted):
        raise Refused("Nothing was done: a story of that revision was merged into another one since.")
    for name in ("subject", "preheader", "intro"):
        setattr(issue, name, row.content[name])
    issue.unlinked = list(row.content["unlinked"])
    there = {p.story_id: p for p in editing.placements(session, issue)}
    session.execute(delete(Placement).where(Placement.issue_id == issue.id, Placement.story_id.not_in(alive)))
    session.expire(issue, ["placements"])
    stand = []
    for place, story in enumerate(wanted, start=1):
        placement = there.get(story["story"])
        if placement is None:
            placement = Placement(
                issue_id=issue.id, story_id=story["story"], rank=editing.OUT_OF_THE_WAY * 2 + place
            )
            session.add(placement)
        placement.story_revision_id = story["telling"]
        placement.score, placement.development = story["score"], story["development"]
        stand.append(placement)
    session.flush()
    editing.rank(session, stand)
    return {"the issue back to revision": revision}


def _newest(session: Session, issue: Issue) -> int:
    newest = select(func.max(IssueRevision.revision)).where(IssueRevision.issue_id == issue.id)
    return session.scalar(newest) or 0


def _row(
    session: Session, issue: Issue, revision: int, *, by: str, now: datetime, said: Said
) -> IssueRevision:
    content: dict[str, Any] = {
        "subject": issue.subject,
        "preheader": issue.preheader,
        "intro": issue.intro,
        "unlinked": list(issue.unlinked),
        "stories": [
            {
                "story": p.story_id,
                "telling": p.story_revision_id,
                "score": p.score,
                "development": p.development,
            }
            for p in editing.placements(session, issue)
        ],
    }
    return IssueRevision(
        issue_id=issue.id, revision=revision, made_at=now, by=by, changes=said, content=content
    )


def headlines(session: Session, row: IssueRevision) -> list[str]:
    """Return the Headlines of the Stories of that revision, in order."""
    numbers = [s["telling"] for s in row.content["stories"]]
    told = {
        t.id: str(t.words["headline"])
        for t in session.scalars(select(StoryRevision).where(StoryRevision.id.in_(numbers)))
    }
    return [told[n] for n in numbers if n in told]
