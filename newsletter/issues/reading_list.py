"""Lists the Articles whose pages are worth reading: those of the day's best Stories whose feeds give little text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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

LITTLE_TEXT = 1_000  # characters; when the feed gives as much, the page is not needed
MOST_OF_A_STORY = 24  # Articles of one Story; a model is shown as many


def reading_list(sessions: db.Sessions, *, now: datetime) -> list[int]:
    """Return Article ids: the best Story's first, and within a Story the newest of each Side in turn.

    They are news of Stories that could be in an Issue, from Outlets whose pages the catalogue allows us to read.
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
    """Return those that may be read, each Side in turn: first one of each Outlet and wire text, newest first, then the others."""
    sides = sides_of(articles)
    first: dict[object, list[Article]] = {}
    others: dict[object, list[Article]] = {}
    seen: set[object] = set()
    for article in reversed(articles):
        readable = article.outlet.policy == "page" and article.kind in SUPPLIES_FACTS
        if readable and len(article.excerpt) < LITTLE_TEXT:
            keys = {article.outlet_id, article.wire_key or article.url}
            (others if seen & keys else first).setdefault(sides[article.id], []).append(article)
            seen |= keys
    return [*_by_turns(first), *_by_turns(others)][:MOST_OF_A_STORY]


def _by_turns(lanes: Mapping[object, Sequence[Article]]) -> list[Article]:
    turns = max(map(len, lanes.values()), default=0)
    return [lane[n] for n in range(turns) for lane in lanes.values() if n < len(lane)]
