"""The mail names at most two Articles behind a sentence; the story page names them all. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from newsletter.newsroom.editions import StoryView
from newsletter.newsroom.leans import Side
from newsletter.newsroom.telling import Citation, Sentence, Telling

CITED_IN_MAIL = 2


def with_fewer_citations(story: StoryView, most: int = CITED_IN_MAIL) -> StoryView:
    """The Story with at most ``most`` Citations behind each sentence, under the numbers that the story page shows too.

    The first Citation of each Side goes before a second of the same: what both Sides say stays resting on both.
    """
    sides = {a.id: a.side for a in story.articles}
    return replace(story, telling=_each_sentence(story.telling, sides, most))


def _each_sentence(telling: Telling, sides: Mapping[int, Side], most: int) -> Telling:
    def few(sentences: Iterable[Sentence]) -> tuple[Sentence, ...]:
        return tuple(replace(s, citations=_few(s.citations, sides, most)) for s in sentences)

    return replace(
        telling,
        lede=few(telling.lede),
        overview=few(telling.overview),
        summaries=tuple(replace(s, sentences=few(s.sentences)) for s in telling.summaries),
        analysis=tuple(replace(b, sentence=few((b.sentence,))[0]) for b in telling.analysis),
        questions=tuple(replace(q, answer=few(q.answer)) for q in telling.questions),
    )


def _few(citations: tuple[Citation, ...], sides: Mapping[int, Side], most: int) -> tuple[Citation, ...]:
    first: dict[Side | None, Citation] = {}
    for citation in citations:
        first.setdefault(sides.get(citation.article_id), citation)
    rest = [c for c in citations if c not in first.values()]
    kept = [*first.values(), *rest][:most]
    return tuple(c for c in citations if c in kept)
