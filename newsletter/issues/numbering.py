"""The numbers behind sentences: ``[1]`` is the Article that a reader meets first. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from newsletter.feeds.leans import SIDES
from newsletter.summaries.story_text import Telling


def numbered(articles: Iterable[int], telling: Telling) -> dict[int, int]:
    """A number from 1 for each Article: those cited in the order a reader meets them, then the others as they come."""
    known = list(articles)
    met = [number for number in dict.fromkeys(_in_reading_order(telling)) if number in set(known)]
    order = dict.fromkeys([*met, *known])
    return {article: number for number, article in enumerate(order, start=1)}


def _in_reading_order(telling: Telling) -> Iterator[int]:
    for sentence in (*telling.lede, *telling.overview):
        yield from (c.article_id for c in sentence.citations)
    for side in SIDES:
        summary = telling.summary(side)
        if summary is not None:
            yield from (c.article_id for s in summary.sentences for c in s.citations)
            yield from (q.citation.article_id for q in summary.quotes)
    yield from (c.article_id for b in telling.analysis for c in b.sentence.citations)
    yield from (c.article_id for q in telling.questions for s in q.answer for c in s.citations)
