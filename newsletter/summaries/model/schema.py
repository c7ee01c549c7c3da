"""The structured answer asked of a language model, and how it becomes a Telling to be put through the gate. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from pydantic import BaseModel, Field

from newsletter.feeds import html_text
from newsletter.feeds.leans import Side
from newsletter.stories.terms import terms
from newsletter.summaries.protocol import ArticleText
from newsletter.summaries.segmentation import split
from newsletter.summaries.story_text import (
    Bullet,
    BulletKind,
    Citation,
    Question,
    Quote,
    Sentence,
    Summary,
    Telling,
)


class DraftSentence(BaseModel):
    """One sentence and the numbers of the articles that carry it."""

    text: str = Field(max_length=600)
    cites: list[int] = Field(max_length=8)


class DraftQuote(BaseModel):
    """Words somebody said, verbatim from one article."""

    words: str = Field(max_length=300)
    speaker: str = Field("", max_length=100)
    cite: int


class DraftSide(BaseModel):
    """How one side tells it."""

    sentences: list[DraftSentence] = Field(max_length=4)
    quotes: list[DraftQuote] = Field(default_factory=list, max_length=3)


class DraftBullet(BaseModel):
    """One bullet of the analysis."""

    kind: Literal["agree", "differ", "next"]
    text: str = Field(max_length=600)
    cites: list[int] = Field(max_length=8)


class DraftQuestion(BaseModel):
    """A question a reader would ask, and its answer."""

    question: str = Field(max_length=200)
    answer: list[DraftSentence] = Field(max_length=3)


class Draft(BaseModel):
    """The whole story. A side without articles is null."""

    headline: DraftSentence
    lede: list[DraftSentence] = Field(max_length=2)
    overview: list[DraftSentence] = Field(max_length=6)
    left: DraftSide | None = None
    center: DraftSide | None = None
    right: DraftSide | None = None
    analysis: list[DraftBullet] = Field(default_factory=list, max_length=6)
    questions: list[DraftQuestion] = Field(default_factory=list, max_length=5)


def telling_of(draft: Draft, articles: Sequence[ArticleText]) -> Telling:
    """The Draft as a Telling, not yet examined. ``articles`` in the order in which they were numbered.

    A number without an Article is kept as a Citation of Article 0, which does not exist: the gate is to see it and refuse.
    """
    sides = {Side.LEFT: draft.left, Side.CENTER: draft.center, Side.RIGHT: draft.right}
    return Telling(
        headline=cleaned(draft.headline.text),
        lede=tuple(_sentence(s, articles) for s in draft.lede),
        overview=tuple(_sentence(s, articles) for s in draft.overview),
        analysis=tuple(
            Bullet(BulletKind(b.kind), _sentence(DraftSentence(text=b.text, cites=b.cites), articles))
            for b in draft.analysis
        ),
        summaries=tuple(
            Summary(
                side,
                tuple(_sentence(s, articles) for s in told.sentences),
                tuple(_quote(q, articles) for q in told.quotes),
            )
            for side, told in sides.items()
            if told is not None
        ),
        questions=tuple(
            Question(cleaned(q.question), tuple(_sentence(s, articles) for s in q.answer))
            for q in draft.questions
        ),
    )


def once_only(telling: Telling) -> Telling:
    """The Telling without what it says again in the same words, further down in the same part or the Analysis."""
    said: set[str] = set()

    def fresh(sentences: Sequence[Sentence]) -> tuple[Sentence, ...]:
        kept = tuple(s for s in dict.fromkeys(sentences) if s.text.lower() not in said)
        said.update(s.text.lower() for s in kept)
        return kept

    lede, overview = fresh(telling.lede), fresh(telling.overview)
    analysis = tuple(b for b in telling.analysis if fresh([b.sentence]))
    return replace(telling, lede=lede, overview=overview, analysis=analysis)


def sentence_of(draft: DraftSentence, articles: Sequence[ArticleText]) -> Sentence:
    """One sentence with its Citations, for words that are no sentence of a Telling: the headline."""
    return _sentence(draft, articles)


def _sentence(draft: DraftSentence, articles: Sequence[ArticleText]) -> Sentence:
    text = cleaned(draft.text)
    return Sentence(
        text, tuple(_citation(n, text, articles) for n in dict.fromkeys(draft.cites)), support=0.0
    )


def _quote(draft: DraftQuote, articles: Sequence[ArticleText]) -> Quote:
    words = cleaned(draft.words).strip("“”\"'‘’ ")
    return Quote(words, cleaned(draft.speaker), _citation(draft.cite, words, articles))


def cleaned(text: str) -> str:
    """What the model wrote as one line of plain text: no tags, invisible characters, Markdown, or citation marks of its own."""
    text = re.sub(r"\s*\[\d{1,2}(?:\s*,\s*\d{1,2})*\]", "", html_text.plain(text))
    text = re.sub(r"\[([^\[\]]*)\]\([^()]*\)", r"\1", text)
    return re.sub(
        r"(\*\*|__|`)(.+?)\1", r"\2", re.sub(r"^\s*(?:[-*•]|#{1,6}|\d{1,2}\.)\s+", "", text)
    ).strip()


def _citation(number: int, text: str, articles: Sequence[ArticleText]) -> Citation:
    if not 1 <= number <= len(articles):
        return Citation(0, "")
    article = articles[number - 1]
    return Citation(article.id, _passage(text, article))


def _passage(text: str, article: ArticleText) -> str:
    """The sentence of the Article that shares most words with ``text``; its headline when none shares any."""
    wanted = set(terms(text))
    candidates = [article.headline, *(s for s in split(article.excerpt) if s in article.excerpt)]
    return max(candidates, key=lambda s: (len(wanted & set(terms(s))), -len(s)))
