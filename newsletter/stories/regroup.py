"""What an operator decides about Stories: merge two, make one out of Articles of another, move Articles over.

Grouping keeps to it: every Article of the Stories concerned, moved or left, is placed by the operator's hand from then on,
and later Articles follow the greater part of those they resemble. The caller commits.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from newsletter.db.models import Article, AuditEntry, Issue, Placement, Story, StoryChange
from newsletter.errors import NotFound, Refused
from newsletter.stories.grouping import lead_to, refresh, store_story

_OPEN = ("draft", "approved", "held")


def merge(session: Session, story_id: int, into: int, *, reason: str, by: str, now: datetime) -> Story:
    """Both are one Story, at the address of ``into``; the other address leads there. Raises NotFound, Refused."""
    story, target = _story(session, story_id), _story(session, into)
    if story is target:
        raise Refused("Nothing was done: it is the same story.")
    if _placed(session, story_id):
        raise Refused(
            "Nothing was done: the story stands in an issue that has not gone. Drop it there, or merge the other one into it."
        )
    gone, stay = _numbers(session, story_id), _numbers(session, into)
    _change(session, "merged", story_id, into, gone, by, now)
    _stay(session, into, stay, by, now)
    lead_to(session, story_id, into)
    session.flush()
    refresh(session, into, now)
    _audit(session, "merged", story_id, by, now, into=into, articles=len(gone), reason=reason)
    return target


def split(
    session: Session, story_id: int, article_ids: Collection[int], *, reason: str, by: str, now: datetime
) -> Story:
    """These Articles are a Story of their own. Raises NotFound, Refused."""
    rows, left = _chosen(session, story_id, article_ids)
    new = store_story(session, rows, now)
    _take_over(session, "split", story_id, new.id, [a.id for a in rows], left, by, now)
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
    """These Articles belong to the Story ``to``. Raises NotFound, Refused."""
    target = _story(session, to)
    if to == story_id:
        raise Refused("Nothing was done: it is the same story.")
    rows, left = _chosen(session, story_id, article_ids)
    _stay(session, to, _numbers(session, to), by, now)
    _take_over(session, "moved", story_id, to, [a.id for a in rows], left, by, now)
    _audit(session, "articles_moved", story_id, by, now, to=to, articles=len(rows), reason=reason)
    return target


def _story(session: Session, number: int) -> Story:
    found = session.get(Story, number)
    if found is None or found.merged_into_id is not None:
        raise NotFound("There is no such story, or it was merged into another.")
    return found


def _placed(session: Session, story_id: int) -> bool:
    still_open = Issue.frozen_at.is_(None) & Issue.state.in_(_OPEN)
    found = select(Placement.id).join(Issue, Issue.id == Placement.issue_id)
    return session.scalar(found.where(Placement.story_id == story_id, still_open).limit(1)) is not None


def _numbers(session: Session, story_id: int) -> list[int]:
    return list(session.scalars(select(Article.id).where(Article.story_id == story_id).order_by(Article.id)))


def _chosen(
    session: Session, story_id: int, article_ids: Collection[int]
) -> tuple[Sequence[Article], list[int]]:
    """The chosen Articles and the numbers of those left."""
    _story(session, story_id)
    found = session.scalars(
        select(Article).where(Article.story_id == story_id).order_by(Article.published_at, Article.id)
    ).all()
    chosen = [a for a in found if a.id in article_ids]
    left = [a.id for a in found if a.id not in article_ids]
    if not chosen or len(chosen) != len(set(article_ids)):
        raise Refused("Nothing was done: choose articles that stand in the story. It may have changed since.")
    if not left:
        raise Refused("Nothing was done: no article would be left. Merge the story into the other instead.")
    return chosen, left


def _take_over(
    session: Session,
    kind: str,
    story_id: int,
    to: int,
    moved: list[int],
    left: list[int],
    by: str,
    now: datetime,
) -> None:
    session.execute(update(Article).where(Article.id.in_(moved)).values(story_id=to))
    _change(session, kind, story_id, to, moved, by, now)
    _stay(session, story_id, left, by, now)
    session.flush()
    for number in (story_id, to):
        refresh(session, number, now)


def _stay(session: Session, story_id: int, article_ids: list[int], by: str, now: datetime) -> None:
    _change(session, "moved", story_id, story_id, article_ids, by, now)


def _change(
    session: Session, kind: str, story_id: int, to: int, article_ids: list[int], by: str, now: datetime
) -> None:
    session.add(
        StoryChange(kind=kind, from_story_id=story_id, to_story_id=to, article_ids=article_ids, at=now, by=by)
    )


def _audit(session: Session, act: str, story_id: int, by: str, now: datetime, **detail: object) -> None:
    session.add(AuditEntry(at=now, by=by, act=f"story.{act}", about=f"story:{story_id}", detail=detail))
