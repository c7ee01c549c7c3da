"""Reduces Citations for the mail: one Article for a sentence, two where both Sides must agree. The story page has all. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from newsletter.feeds.leans import SIDES, Side
from newsletter.issues.views import StoryView
from newsletter.summaries.story_text import Citation, RowKind, Sentence, StoryText

# An address takes about 100 bytes in each of the two parts of a mail, and few readers follow more than the first.
CITED_IN_MAIL = 1
CITED_IF_SHARED = 2  # for what is not disputed: one Article of each Side


def with_fewer_citations(story: StoryView) -> StoryView:
    """Return the Story with the Citations of the mail, numbered as on the story page."""
    sides = {a.id: a.side for a in story.articles}
    return replace(story, text=_each_sentence(story.text, sides))


def _each_sentence(story: StoryText, sides: Mapping[int, Side | None]) -> StoryText:
    def few(sentences: Iterable[Sentence], most: int = CITED_IN_MAIL) -> tuple[Sentence, ...]:
        return tuple(replace(s, citations=_few(s.citations, sides, most)) for s in sentences)

    return replace(
        story,
        lede=few(story.lede),
        overview=few(story.overview),
        rows=tuple(
            replace(
                r,
                sentences=few(
                    r.sentences, CITED_IF_SHARED if r.kind is RowKind.NOT_DISPUTED else CITED_IN_MAIL
                ),
            )
            for r in story.rows
        ),
        questions=tuple(replace(q, answer=few(q.answer)) for q in story.questions),
    )


def _few(
    citations: tuple[Citation, ...], sides: Mapping[int, Side | None], most: int
) -> tuple[Citation, ...]:
    """Return the first, if one is enough; of more, the first of the left and of the right before any other."""
    if most == 1:
        return citations[:1]
    first = {sides.get(c.article_id): c for c in reversed(citations)}
    across = [first[side] for side in sorted(SIDES, key=lambda s: s is Side.CENTER) if side in first]
    kept = [*across, *(c for c in citations if c not in across)][:most]
    return tuple(c for c in citations if c in kept)
