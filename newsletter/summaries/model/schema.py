"""The structured answer asked of a language model, and how it becomes a StoryText to be checked. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from pydantic import BaseModel, Field

from newsletter.feeds import html_text
from newsletter.feeds.leans import Side
from newsletter.stories.terms import terms
from newsletter.summaries.extractive.reading import split
from newsletter.summaries.protocol import ArticleText
from newsletter.summaries.story_text import Citation, Question, Quote, Row, RowKind, Sentence, StoryText


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


class DraftQuestion(BaseModel):
    """A question a reader would ask, and its answer."""

    question: str = Field(max_length=200)
    answer: list[DraftSentence] = Field(max_length=3)


class Draft(BaseModel):
    """The whole story. A side without articles is null."""

    headline: DraftSentence
    lede: list[DraftSentence] = Field(max_length=2)
    overview: list[DraftSentence] = Field(max_length=6)
    not_disputed: list[DraftSentence] = Field(default_factory=list, max_length=3)
    left: DraftSide | None = None
    right: DraftSide | None = None
    coming: list[DraftSentence] = Field(default_factory=list, max_length=2)
    questions: list[DraftQuestion] = Field(default_factory=list, max_length=5)


def story_of(draft: Draft, articles: Sequence[ArticleText]) -> StoryText:
    """The Draft as a StoryText, not yet checked. ``articles`` in the order in which they were numbered.

    A number without an Article is kept as a Citation of Article 0, which does not exist, so that the check refuses it.
    """
    sides = ((RowKind.LEFT_STRESSES, draft.left), (RowKind.RIGHT_STRESSES, draft.right))
    parts = [(RowKind.NOT_DISPUTED, draft.not_disputed)]
    parts += [(kind, side.sentences) for kind, side in sides if side is not None]
    parts.append((RowKind.NEXT, draft.coming))
    return StoryText(
        headline=cleaned(draft.headline.text),
        lede=tuple(_sentence(s, articles) for s in draft.lede),
        overview=tuple(_sentence(s, articles) for s in draft.overview),
        rows=tuple(Row(kind, tuple(_sentence(s, articles) for s in found)) for kind, found in parts if found),
        quotes=tuple(
            _quote(q, side, articles)
            for side, told in ((Side.LEFT, draft.left), (Side.RIGHT, draft.right))
            if told is not None
            for q in told.quotes
        ),
        questions=tuple(
            Question(cleaned(q.question), tuple(_sentence(s, articles) for s in q.answer))
            for q in draft.questions
        ),
    )


def once_only(story: StoryText) -> StoryText:
    """The Story without what it says again in the same words further down."""
    said: set[str] = set()

    def fresh(sentences: Sequence[Sentence]) -> tuple[Sentence, ...]:
        kept = tuple(s for s in dict.fromkeys(sentences) if s.text.lower() not in said)
        said.update(s.text.lower() for s in kept)
        return kept

    lede, overview = fresh(story.lede), fresh(story.overview)
    rows = tuple(replace(r, sentences=kept) for r in story.rows if (kept := fresh(r.sentences)))
    return replace(story, lede=lede, overview=overview, rows=rows)


def sentence_of(draft: DraftSentence, articles: Sequence[ArticleText]) -> Sentence:
    """One sentence with its Citations, for words that are no sentence of a Story: the headline."""
    return _sentence(draft, articles)


def _sentence(draft: DraftSentence, articles: Sequence[ArticleText]) -> Sentence:
    text = cleaned(draft.text)
    return Sentence(
        text, tuple(_citation(n, text, articles) for n in dict.fromkeys(draft.cites)), support=0.0
    )


def _quote(draft: DraftQuote, side: Side, articles: Sequence[ArticleText]) -> Quote:
    words = cleaned(draft.words).strip("“”\"'‘’ ")
    return Quote(words, cleaned(draft.speaker), side, _citation(draft.cite, words, articles))


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
    candidates = [article.headline, *(s for s in split(article.text) if s in article.text)]
    return max(candidates, key=lambda s: (len(wanted & set(terms(s))), -len(s)))
