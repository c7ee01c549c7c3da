"""What every sentence of a Story rests on: its Citations with their passages, and the gate's word. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from newsletter.newsroom.editions import ArticleView, StoryView
from newsletter.newsroom.leans import SIDE_NAMES
from newsletter.newsroom.telling import BulletKind, Citation, Sentence, Verdict

_BULLETS = {
    BulletKind.AGREE: "Where they agree",
    BulletKind.DIFFER: "Where they differ",
    BulletKind.NEXT: "What comes next",
}


class Written(Protocol):
    """What of a StoryTelling is shown."""

    @property
    def revision(self) -> int: ...
    @property
    def written_by(self) -> str: ...
    @property
    def written_at(self) -> datetime: ...


@dataclass(frozen=True)
class Passage:
    """One Citation: the Article, and the words of it."""

    article: ArticleView
    words: str


@dataclass(frozen=True)
class GroundedSentence:
    """A sentence of ours beside what it rests on. ``support`` in whole percent."""

    where: str
    text: str
    support: int
    by_operator: bool
    passages: tuple[Passage, ...]
    verbatim: bool = False  # a quotation


@dataclass(frozen=True)
class Ground:
    """One Story's sentences with their grounds, in reading order."""

    story: StoryView
    written: Written
    sentences: tuple[GroundedSentence, ...]

    @property
    def weakest(self) -> int:
        """The lowest support of any sentence, in percent."""
        return min((s.support for s in self.sentences), default=0)


def grounds(story: StoryView, written: Written) -> Ground:
    """Everything the Story says, and why it may."""
    return Ground(story, written, tuple(_all(story)))


def _all(story: StoryView) -> Iterator[GroundedSentence]:
    telling = story.telling
    yield from _said(story, "Lede", telling.lede)
    yield from _said(story, "Overview", telling.overview)
    for bullet in telling.analysis:
        yield from _said(story, _BULLETS[bullet.kind], (bullet.sentence,))
    for summary in telling.summaries:
        side = SIDE_NAMES[summary.side]
        yield from _said(story, side, summary.sentences)
        for quote in summary.quotes:
            passages = _passages(story, (quote.citation,))
            yield GroundedSentence(f"{side}, quote", f"“{quote.words}”", 100, False, passages, verbatim=True)
    for question in telling.questions:
        yield from _said(story, question.question, question.answer)


def _said(story: StoryView, where: str, sentences: Sequence[Sentence]) -> Iterator[GroundedSentence]:
    for s in sentences:
        yield GroundedSentence(
            where,
            s.text,
            round(100 * s.support),
            s.verdict is Verdict.OPERATOR,
            _passages(story, s.citations),
        )


def _passages(story: StoryView, citations: Sequence[Citation]) -> tuple[Passage, ...]:
    found = ((story.article(c.article_id), c.passage) for c in citations)
    return tuple(Passage(article, words) for article, words in found if article is not None)
