"""The list of the Stories of the last days, with their Coverage and their latest text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from flask import Response, make_response, render_template
from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload

from newsletter import db
from newsletter.db.models import Article, Issue, Placement, Story, StoryRevision
from newsletter.desk.guard import bp
from newsletter.desk.paging import PAGE_SIZE, page_number
from newsletter.feeds.leans import Coverage
from newsletter.stories.sides import coverage_of
from newsletter.web.services import services

LISTED_FOR = timedelta(days=4)  # after its last Article


@dataclass(frozen=True)
class StoryLine:
    """One Story of the list. ``headline`` is empty while the Story has no text."""

    story: Story
    headline: str
    revision: int
    written_by: str
    coverage: Coverage
    placed_on: date | None


@bp.get("/stories")
def stories() -> Response:
    page = page_number()
    since = services().now() - LISTED_FOR
    recent = (Story.last_published_at > since, Story.merged_into_id.is_(None))
    with db.reading(services().sessions) as session:
        carried = (
            select(Article.story_id, func.count(func.distinct(Article.outlet_id)).label("outlets"))
            .where(Article.story_id.in_(select(Story.id).where(*recent)))
            .group_by(Article.story_id)
            .subquery()
        )
        rows = session.scalars(
            select(Story)
            .join(carried, carried.c.story_id == Story.id)
            .where(*recent)
            .order_by(carried.c.outlets.desc(), Story.last_published_at.desc(), Story.id)
            .offset((page - 1) * PAGE_SIZE)
            .limit(PAGE_SIZE + 1)
        ).all()
        lines = _lines(session, rows[:PAGE_SIZE])
    more = len(rows) > PAGE_SIZE
    return make_response(
        render_template("desk/stories.html", lines=lines, page=page, more=more, days=LISTED_FOR.days)
    )


def _lines(session: Session, stories: Sequence[Story]) -> list[StoryLine]:
    numbers = [s.id for s in stories]
    revisions: dict[int, StoryRevision] = {}
    for revision in session.scalars(
        select(StoryRevision).where(StoryRevision.story_id.in_(numbers)).order_by(StoryRevision.revision)
    ):
        revisions[revision.story_id] = revision
    articles_of: dict[int | None, list[Article]] = {}
    articles = select(Article).where(Article.story_id.in_(numbers)).options(joinedload(Article.outlet))
    for article in session.scalars(articles.order_by(Article.published_at, Article.id)):
        articles_of.setdefault(article.story_id, []).append(article)
    placed: dict[int, date] = {
        story_id: day
        for story_id, day in session.execute(
            select(Placement.story_id, func.max(Issue.issued_on))
            .join(Issue, Issue.id == Placement.issue_id)
            .where(Placement.story_id.in_(numbers))
            .group_by(Placement.story_id)
        )
    }
    return [
        StoryLine(
            story=s,
            headline=revisions[s.id].words["headline"] if s.id in revisions else "",
            revision=revisions[s.id].revision if s.id in revisions else 0,
            written_by=revisions[s.id].written_by if s.id in revisions else "",
            coverage=coverage_of(articles_of.get(s.id, ())),
            placed_on=placed.get(s.id),
        )
        for s in stories
    ]
