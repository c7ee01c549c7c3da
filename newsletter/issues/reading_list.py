"""The Articles whose own pages are worth reading: those of the best Stories of the day whose feeds give little text."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import joinedload

from newsletter import db
from newsletter.db.models import Article, Story
from newsletter.feeds.kinds import SUPPLIES_FACTS
from newsletter.issues.compose import FEWEST_OUTLETS, FRESH
from newsletter.issues.ranking import Candidate, score
from newsletter.stories.sides import coverage_of, sides_of
from newsletter.summaries.story_text import StoryKind

LITTLE_TEXT = 1_000  # characters; a feed that gives as much is told from
MOST_OF_A_STORY = 24  # Articles; as many as a model is shown


def reading_list(sessions: db.Sessions, *, now: datetime) -> list[int]:
    """Articles by number: the best Story's first, each Story's newest of each Side in turn.

    They are news of Stories that could be in an Issue, one Article of an Outlet and of a wire text each.
    """
    with db.reading(sessions) as session:
        articles = session.scalars(
            select(Article)
            .join(Story, Story.id == Article.story_id)
            .where(Story.merged_into_id.is_(None), Story.last_published_at >= now - FRESH)
            .options(joinedload(Article.outlet))
            .order_by(Article.published_at, Article.id)
        ).all()
    by_story: dict[int, list[Article]] = {}
    for article in articles:
        by_story.setdefault(article.story_id or 0, []).append(article)
    ranked = []
    for number, own in by_story.items():
        covered = coverage_of(own)
        if covered.outlets >= FEWEST_OUTLETS:
            story = Candidate(number, "", StoryKind.WITH_SIDES, covered, own[-1].published_at, 0)
            ranked.append((-score(story, now=now), number))
    return [a.id for _, number in sorted(ranked) for a in _of_story(by_story[number])]


def _of_story(articles: Sequence[Article]) -> list[Article]:
    sides = sides_of(articles)
    lanes: dict[object, list[Article]] = {}
    seen: set[object] = set()
    for article in reversed(articles):
        keys = {article.outlet_id, article.wire_key or article.url}
        if article.kind in SUPPLIES_FACTS and len(article.excerpt) < LITTLE_TEXT and not seen & keys:
            seen |= keys
            lanes.setdefault(sides[article.id], []).append(article)
    turns = max(map(len, lanes.values()), default=0)
    return [lane[n] for n in range(turns) for lane in lanes.values() if n < len(lane)][:MOST_OF_A_STORY]
