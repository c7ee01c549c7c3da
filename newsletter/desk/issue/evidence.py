"""The evidence of every sentence of a Story: its Citations with their passages, and the verdict of the grounding gate. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from newsletter.issues.render.story_phrases import row_name
from newsletter.issues.views import ArticleView, StoryView
from newsletter.summaries.story_text import Citation, Sentence, Verdict

WEAK = 60  # percent of support below which a sentence is shown before the others


class Written(Protocol):
    """The attributes of a StoryRevision that are shown."""

    @property
    def revision(self) -> int: ...
    @property
    def written_by(self) -> str: ...
    @property
    def written_at(self) -> datetime: ...


@dataclass(frozen=True)
class Passage:
    """A Citation: the Article and the cited words."""

    article: ArticleView
    words: str


@dataclass(frozen=True)
class GroundedSentence:
    """A sentence of ours with the passages it rests on. ``support`` in whole percent."""

    section: str  # the part of the Story that it is shown under
    where: str
    text: str
    support: int
    by_operator: bool
    passages: tuple[Passage, ...]
    verbatim: bool = False  # a quotation
    refused: str = ""  # why the gate would refuse what an operator wrote

    @property
    def is_weak(self) -> bool:
        """Whether it should be checked first: it cites nothing, its Articles hardly support it, or the grounding gate
        would refuse the operator's words."""
        return not self.passages or bool(self.refused) or (not self.by_operator and self.support < WEAK)


@dataclass(frozen=True)
class GroundedSection:
    """The sentences of one part of a Story."""

    name: str
    sentences: tuple[GroundedSentence, ...]

    @property
    def weakest(self) -> int:
        """The lowest support of any sentence, in percent."""
        return min(s.support for s in self.sentences)


@dataclass(frozen=True)
class StoryEvidence:
    """One Story's sentences with their evidence, in reading order."""

    story: StoryView
    written: Written
    sentences: tuple[GroundedSentence, ...]
    flagged: bool  # a cited Article has changed since

    @property
    def weakest(self) -> int:
        """The lowest support of any sentence, in percent."""
        return min((s.support for s in self.sentences), default=0)

    @property
    def weak(self) -> tuple[GroundedSentence, ...]:
        """The weak sentences, the weakest first."""
        return tuple(sorted((s for s in self.sentences if s.is_weak), key=lambda s: s.support))

    @property
    def sections(self) -> tuple[GroundedSection, ...]:
        """The sentences by part of the Story, in reading order."""
        found: dict[str, list[GroundedSentence]] = {}
        for s in self.sentences:
            found.setdefault(s.section, []).append(s)
        return tuple(GroundedSection(name, tuple(sentences)) for name, sentences in found.items())


def evidence_of(story: StoryView, written: Written, *, flagged: bool = False) -> StoryEvidence:
    """Return the evidence of every sentence of the Story."""
    return StoryEvidence(story, written, tuple(_sentences(story)), flagged)


def _sentences(story: StoryView) -> Iterator[GroundedSentence]:
    text = story.text
    yield from _with_passages(story, "Lede", "Lede", text.lede)
    yield from _with_passages(story, "Overview", "Overview", text.overview)
    for row in text.rows:
        yield from _with_passages(story, row_name(row), row_name(row), row.sentences)
    for quote in text.quotes:
        passages = _passages(story, (quote.citation,))
        words = f"“{quote.words}”"
        yield GroundedSentence("Quotes", quote.speaker or "Quote", words, 100, False, passages, verbatim=True)
    for question in text.questions:
        yield from _with_passages(story, "Questions", question.question, question.answer)


def _with_passages(
    story: StoryView, section: str, where: str, sentences: Sequence[Sentence]
) -> Iterator[GroundedSentence]:
    for s in sentences:
        yield GroundedSentence(
            section,
            where,
            s.text,
            round(100 * s.support),
            s.verdict is Verdict.OPERATOR,
            _passages(story, s.citations),
            refused=s.refused,
        )


def _passages(story: StoryView, citations: Sequence[Citation]) -> tuple[Passage, ...]:
    found = ((story.article(c.article_id), c.passage) for c in citations)
    return tuple(Passage(article, words) for article, words in found if article is not None)
