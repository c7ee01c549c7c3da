"""The numbers behind sentences: ``[1]`` is the Article that a reader meets first. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from newsletter.summaries.story_text import StoryText


def numbered(articles: Iterable[int], story: StoryText) -> dict[int, int]:
    """Return a number from 1 for each Article: first those cited, in reading order, then the others in the order given."""
    known = list(articles)
    met = [number for number in dict.fromkeys(_in_reading_order(story)) if number in set(known)]
    order = dict.fromkeys([*met, *known])
    return {article: number for number, article in enumerate(order, start=1)}


def _in_reading_order(story: StoryText) -> Iterator[int]:
    for sentence in (*story.lede, *story.overview):
        yield from (c.article_id for c in sentence.citations)
    yield from (h.article_id for h in story.headlines)
    for row in story.rows:
        yield from (c.article_id for s in row.sentences for c in s.citations)
    yield from (q.citation.article_id for q in story.quotes)
    yield from (c.article_id for q in story.questions for s in q.answer for c in s.citations)
