"""The structured answers asked of a language model, and how a Draft becomes a StoryText. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal, Protocol, TypeVar

from pydantic import BaseModel, BeforeValidator, Field

from newsletter.feeds import html_text
from newsletter.feeds.leans import Side
from newsletter.stories.words import terms
from newsletter.summaries.extractive.reading import split
from newsletter.summaries.protocol import ArticleText
from newsletter.summaries.story_text import (
    Citation,
    Question,
    Quote,
    Row,
    RowKind,
    Sentence,
    StoryText,
    Verdict,
)

Shape = TypeVar("Shape", bound=BaseModel)
LONGEST = 60  # words of a sentence


def _at_most(number: int) -> BeforeValidator:
    """A list that is too long is cut, and a missing one is empty: no answer is lost for it."""

    def cut(value: Any) -> Any:
        return [] if value is None else value[:number] if isinstance(value, list) else value

    return BeforeValidator(cut)


class Asks(Protocol):
    """Asks one model: what :class:`newsletter.summaries.model.asking.Asker` does."""

    def ask(self, shape: type[Shape], instructions: str, asked: str, *, most_tokens: int) -> Shape:
        """Return the model's answer, of at most ``most_tokens``. Raises SummarizerError when there is no usable one, or no budget."""
        ...


class DraftSentence(BaseModel):
    """One sentence and the numbers of the articles that carry it."""

    text: str
    cites: Annotated[list[int], _at_most(8)]


class DraftQuote(BaseModel):
    """Words somebody said, verbatim from one article."""

    words: str
    speaker: str = ""
    cite: int


class DraftSide(BaseModel):
    """What one side stresses."""

    sentences: Annotated[list[DraftSentence], _at_most(3)] = Field(default_factory=list)
    quotes: Annotated[list[DraftQuote], _at_most(2)] = Field(default_factory=list)


class DraftOnly(DraftSentence):
    """What only one side's articles report."""

    side: Literal["left", "right"]


class DraftQuestion(BaseModel):
    """A question a reader would ask, and its answer."""

    question: str
    answer: Annotated[list[DraftSentence], _at_most(3)]


class DraftHeadlines(BaseModel):
    """The numbers of the left and the right article whose headlines differ most; null where there is none."""

    left: int | None = None
    right: int | None = None


class Draft(BaseModel):
    """The Story. A side that stresses nothing of its own is null."""

    kind: Literal["with_sides", "no_sides"] = "with_sides"
    headline: DraftSentence
    lede: Annotated[list[DraftSentence], _at_most(2)]
    overview: Annotated[list[DraftSentence], _at_most(6)]
    headlines: DraftHeadlines | None = None
    not_disputed: Annotated[list[DraftSentence], _at_most(3)] = Field(default_factory=list)
    left: DraftSide | None = None
    right: DraftSide | None = None
    only_one_side: Annotated[list[DraftOnly], _at_most(3)] = Field(default_factory=list)
    next: Annotated[list[DraftSentence], _at_most(2)] = Field(default_factory=list)
    questions: Annotated[list[DraftQuestion], _at_most(4)] = Field(default_factory=list)


class Repaired(DraftSentence):
    """A sentence written again, by the number of the refused one. An empty text drops it."""

    n: int


class Repairs(BaseModel):
    """The refused sentences, written again or dropped."""

    sentences: Annotated[list[Repaired], _at_most(60)]


class Finding(BaseModel):
    """Whether the cited articles, taken together, carry one sentence."""

    n: int
    passage: str = ""
    reason: str = ""
    supported: bool


class Findings(BaseModel):
    """One finding for each sentence."""

    findings: Annotated[list[Finding], _at_most(90)]


@dataclass(frozen=True)
class Piece:
    """One sentence of a Draft and the part of the Story where it stands, as the judge is told.

    ``side`` is that of a side's row. ``quote`` is set for a quotation, whose words are checked verbatim.
    """

    part: str
    text: str
    cites: tuple[int, ...]
    row: RowKind | None = None
    side: Side | None = None
    quote: DraftQuote | None = None


def pieces(draft: Draft) -> Iterator[Piece]:
    """Every sentence and quotation of the Draft, in the order that :func:`story_of` expects."""
    yield _piece("headline", draft.headline)
    for s in draft.lede:
        yield _piece("the first sentence of the story", s)
    for s in draft.overview:
        yield _piece("what happened", s)
    for s in draft.not_disputed:
        yield _piece("not disputed: both the left and the right state it", s, RowKind.NOT_DISPUTED)
    for side, kind, told in _sides(draft):
        for s in told.sentences:
            yield _piece(f"what the {side.value} stresses", s, kind, side)
        for q in told.quotes:
            text = f"“{cleaned(q.words)}” ({cleaned(q.speaker) or 'speaker not named'})"
            yield Piece("quotation and its speaker", text, (q.cite,), side=side, quote=q)
    for only in draft.only_one_side:
        part = f"only the {only.side} reports it"
        yield _piece(part, only, RowKind.ONLY_ONE_SIDE, Side(only.side))
    for s in draft.next:
        yield _piece("expected to happen after now", s, RowKind.NEXT)
    for question in draft.questions:
        for s in question.answer:
            yield _piece(f"answer to: {cleaned(question.question)}", s)


def _sides(draft: Draft) -> list[tuple[Side, RowKind, DraftSide]]:
    both = (
        (Side.LEFT, RowKind.LEFT_STRESSES, draft.left),
        (Side.RIGHT, RowKind.RIGHT_STRESSES, draft.right),
    )
    return [(side, kind, told) for side, kind, told in both if told is not None]


def _piece(part: str, s: DraftSentence, row: RowKind | None = None, side: Side | None = None) -> Piece:
    return Piece(part, cleaned(s.text), tuple(dict.fromkeys(s.cites)), row, side)


def story_of(draft: Draft, standing: Sequence[Sentence | None], articles: Sequence[ArticleText]) -> StoryText:
    """The Story of those sentences that may stand: one or None for each of :func:`pieces`, in their order.

    The headline is empty when it may not stand; the kind and the pair of headlines are left to the caller.
    """
    stands = iter(standing)

    def take(number: int) -> tuple[Sentence, ...]:
        return tuple(s for s in [next(stands) for _ in range(number)] if s is not None)

    headline = next(stands)
    lede, overview = take(len(draft.lede)), take(len(draft.overview))
    rows = [Row(RowKind.NOT_DISPUTED, take(len(draft.not_disputed)))]
    quotes: list[Quote] = []
    for side, kind, told in _sides(draft):
        rows.append(Row(kind, take(len(told.sentences))))
        quotes += [quote_of(q, side, articles) for q in told.quotes if next(stands) is not None]
    only = [(Side(o.side), next(stands)) for o in draft.only_one_side]
    for side in (Side.LEFT, Side.RIGHT):
        found = tuple(s for told_by, s in only if told_by is side and s is not None)
        rows.append(Row(RowKind.ONLY_ONE_SIDE, found, side))
    rows.append(Row(RowKind.NEXT, take(len(draft.next))))
    asked = [(cleaned(q.question), take(len(q.answer))) for q in draft.questions]
    return StoryText(
        headline=headline.text.rstrip(".") if headline else "",
        lede=lede,
        overview=overview,
        rows=tuple(r for r in rows if r.sentences),
        quotes=tuple(quotes),
        questions=tuple(Question(question, answer) for question, answer in asked if answer),
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


def sentence_of(
    text: str, cites: Sequence[int], articles: Sequence[ArticleText], passage: str = ""
) -> Sentence:
    """Return the sentence with its Citations. ``passage``, where it stands in a cited Article, is that one's.

    ``articles`` in the order in which they were numbered from 1. A number without an Article becomes a Citation of Article
    0, which does not exist, so that the check of facts refuses it.
    """
    cited = tuple(_citation(n, text, articles, passage) for n in dict.fromkeys(cites))
    return Sentence(text, cited, verdict=Verdict.JUDGED)


def quote_of(draft: DraftQuote, side: Side, articles: Sequence[ArticleText]) -> Quote:
    """Return the quotation with its Citation."""
    words = cleaned(draft.words).strip("“”\"'‘’ ")
    return Quote(words, cleaned(draft.speaker), side, _citation(draft.cite, words, articles))


def cleaned(text: str) -> str:
    """Return what the model wrote as one line of plain text: no tags, invisible characters, Markdown, or citation marks of its own."""
    text = re.sub(r"\s*\[\d{1,2}(?:\s*,\s*\d{1,2})*\]", "", html_text.plain(text))
    text = re.sub(r"\[([^\[\]]*)\]\([^()]*\)", r"\1", text)
    return re.sub(
        r"(\*\*|__|`)(.+?)\1", r"\2", re.sub(r"^\s*(?:[-*•]|#{1,6}|\d{1,2}\.)\s+", "", text)
    ).strip()


def _citation(number: int, text: str, articles: Sequence[ArticleText], passage: str = "") -> Citation:
    if not 1 <= number <= len(articles):
        return Citation(0, "")
    article = articles[number - 1]
    if passage and (passage in article.text or passage in article.headline):
        return Citation(article.id, passage)
    return Citation(article.id, _passage(text, article))


def _passage(text: str, article: ArticleText) -> str:
    """Return the sentence of the Article that shares most words with ``text``; its headline when none shares any."""
    wanted = set(terms(text))
    candidates = [article.headline, *(s for s in split(article.text) if s in article.text)]
    return max(candidates, key=lambda s: (len(wanted & set(terms(s))), -len(s)))
