"""Regroup Stories at an operator's request: merge two, split one, or move Articles.

Grouping does not undo this: from then on every Article of the Stories concerned, moved or not, is pinned to its Story, and
later Articles join the Story of most of those they are grouped with. The caller commits.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from newsletter.db.models import Article, AuditEntry, Issue, Placement, Story, StoryChange
from newsletter.errors import NotFound, Refused
from newsletter.stories.grouping import redirect_story, refresh_story, store_story

_OPEN_STATES = ("draft", "approved", "held")


def merge(session: Session, story_id: int, into: int, *, reason: str, by: str, now: datetime) -> Story:
    """Merge a Story into ``into``, and redirect its address there; return ``into``. Raises NotFound, Refused."""
    story, target = _story(session, story_id), _story(session, into)
    if story is target:
        raise Refused("Nothing was done: it is the same story.")
    if _is_in_open_issue(session, story_id):
        raise Refused(
            "Nothing was done: the story stands in an issue that has not gone. Drop it there, or merge the other one into it."
        )
    moved, pinned = _article_ids(session, story_id), _article_ids(session, into)
    _record_change(session, "merged", story_id, into, moved, by, now)
    _pin(session, into, pinned, by, now)
    redirect_story(session, story_id, into)
    session.flush()
    refresh_story(session, into, now)
    _audit(session, "merged", story_id, by, now, into=into, articles=len(moved), reason=reason)
    return target


def split(
    session: Session, story_id: int, article_ids: Collection[int], *, reason: str, by: str, now: datetime
) -> Story:
    """Make a new Story of these Articles and return it. Raises NotFound, Refused."""
    rows, kept = _chosen(session, story_id, article_ids)
    new = store_story(session, rows, now)
    _move_articles(session, "split", story_id, new.id, [a.id for a in rows], kept, by, now)
    _audit(session, "split", story_id, by, now, to=new.id, articles=len(rows), reason=reason)
    return new


def move(
    session: Session,
    story_id: int,
    article_ids: Collection[int],
    to: int,
    *,
    reason: str,
    by: str,
    now: datetime,
) -> Story:
    """Move these Articles to the Story ``to`` and return that Story. Raises NotFound, Refused."""
    target = _story(session, to)
    if to == story_id:
        raise Refused("Nothing was done: it is the same story.")
    rows, kept = _chosen(session, story_id, article_ids)
    _pin(session, to, _article_ids(session, to), by, now)
    _move_articles(session, "moved", story_id, to, [a.id for a in rows], kept, by, now)
    _audit(session, "articles_moved", story_id, by, now, to=to, articles=len(rows), reason=reason)
    return target


def _story(session: Session, number: int) -> Story:
    found = session.get(Story, number)
    if found is None or found.merged_into_id is not None:
        raise NotFound("There is no such story, or it was merged into another.")
    return found


def _is_in_open_issue(session: Session, story_id: int) -> bool:
    still_open = Issue.frozen_at.is_(None) & Issue.state.in_(_OPEN_STATES)
    found = select(Placement.id).join(Issue, Issue.id == Placement.issue_id)
    return session.scalar(found.where(Placement.story_id == story_id, still_open).limit(1)) is not None


def _article_ids(session: Session, story_id: int) -> list[int]:
    return list(session.scalars(select(Article.id).where(Article.story_id == story_id).order_by(Article.id)))


def _chosen(
    session: Session, story_id: int, article_ids: Collection[int]
) -> tuple[Sequence[Article], list[int]]:
    """Return the chosen Articles and the ids of the others. Raises NotFound, Refused."""
    _story(session, story_id)
    found = session.scalars(
        select(Article).where(Article.story_id == story_id).order_by(Article.published_at, Article.id)
    ).all()
    chosen = [a for a in found if a.id in article_ids]
    kept = [a.id for a in found if a.id not in article_ids]
    if not chosen or len(chosen) != len(set(article_ids)):
        raise Refused("Nothing was done: choose articles that stand in the story. It may have changed since.")
    if not kept:
        raise Refused("Nothing was done: no article would be left. Merge the story into the other instead.")
    return chosen, kept


def _move_articles(
    session: Session,
    kind: str,
    story_id: int,
    to: int,
    moved: list[int],
    kept: list[int],
    by: str,
    now: datetime,
) -> None:
    session.execute(update(Article).where(Article.id.in_(moved)).values(story_id=to))
    _record_change(session, kind, story_id, to, moved, by, now)
    _pin(session, story_id, kept, by, now)
    session.flush()
    for number in (story_id, to):
        refresh_story(session, number, now)


def _pin(session: Session, story_id: int, article_ids: list[int], by: str, now: datetime) -> None:
    _record_change(session, "moved", story_id, story_id, article_ids, by, now)


def _record_change(
    session: Session, kind: str, story_id: int, to: int, article_ids: list[int], by: str, now: datetime
) -> None:
    session.add(
        StoryChange(kind=kind, from_story_id=story_id, to_story_id=to, article_ids=article_ids, at=now, by=by)
    )


def _audit(session: Session, act: str, story_id: int, by: str, now: datetime, **detail: object) -> None:
    session.add(AuditEntry(at=now, by=by, act=f"story.{act}", about=f"story:{story_id}", detail=detail))
