"""The words of one Story as frozen values, and their form in JSON. Pure.

Every summarizer writes this form, the extractive one and a model alike. :func:`from_json` also reads the form that Stories
were stored in before (``analysis`` and ``summaries`` instead of ``rows``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from newsletter.feeds.leans import Side

NEVER_JUDGED = "never judged"


@dataclass(frozen=True)
class Citation:
    """The Article, and the passage in it, that a sentence rests on. ``passage`` stands verbatim in the Article."""

    article_id: int
    passage: str


class Verdict(StrEnum):
    """Who answers for a sentence: its Articles, whose own words it has; a model that judged it; or the operator who wrote it."""

    SUPPORTED = "supported"
    JUDGED = "judged"
    OPERATOR = "operator"


@dataclass(frozen=True)
class Sentence:
    """One cited sentence. ``support`` is how well its citations carry it, 0…1; 1 for an outlet's own words.

    ``refused`` says why a judge would refuse it; it is only set on an operator's sentence.
    """

    text: str
    citations: tuple[Citation, ...]
    support: float = 1.0
    verdict: Verdict = Verdict.SUPPORTED
    refused: str = ""


class StoryKind(StrEnum):
    """How a Story is shown: both sides, no sides at all, or covered mostly by one side."""

    WITH_SIDES = "with_sides"
    NO_SIDES = "no_sides"
    BLIND_SPOT = "blind_spot"


@dataclass(frozen=True)
class PickedHeadline:
    """One of the headlines shown side by side, verbatim.

    ``marked`` are the ``(start, end)`` places of ``text`` that only this side's headlines say.
    """

    side: Side
    article_id: int
    text: str
    marked: tuple[tuple[int, int], ...] = ()


class RowKind(StrEnum):
    """What a row of the Story says, in the order of the page."""

    NOT_DISPUTED = "not_disputed"
    LEFT_STRESSES = "left_stresses"
    RIGHT_STRESSES = "right_stresses"
    ONLY_ONE_SIDE = "only_one_side"
    NEXT = "next"


@dataclass(frozen=True)
class Row:
    """One or more sentences under one label. ``side`` is set for ``ONLY_ONE_SIDE`` only: the side that reports it."""

    kind: RowKind
    sentences: tuple[Sentence, ...]
    side: Side | None = None


@dataclass(frozen=True)
class Quote:
    """A short verbatim quotation and who said it. ``side`` is that of the Outlet that prints it."""

    words: str
    speaker: str
    side: Side | None
    citation: Citation


@dataclass(frozen=True)
class Question:
    """A question a reader would ask, and its cited answer."""

    question: str
    answer: tuple[Sentence, ...]


@dataclass(frozen=True)
class StoryText:
    """All the words of one Story. Lede and overview are one paragraph; parts without evidence are empty."""

    headline: str
    kind: StoryKind = StoryKind.WITH_SIDES
    lede: tuple[Sentence, ...] = ()
    overview: tuple[Sentence, ...] = ()
    headlines: tuple[PickedHeadline, ...] = ()
    rows: tuple[Row, ...] = ()
    quotes: tuple[Quote, ...] = ()
    questions: tuple[Question, ...] = ()

    def row(self, kind: RowKind) -> Row | None:
        """Return the first row of this kind."""
        return next((r for r in self.rows if r.kind is kind), None)

    def sentences(self) -> Iterator[Sentence]:
        """Every sentence that is published, in reading order."""
        yield from self.lede
        yield from self.overview
        for row in self.rows:
            yield from row.sentences
        for question in self.questions:
            yield from question.answer

    def cited(self) -> frozenset[int]:
        """Return the ids of the Articles that anything here rests on."""
        ids = {c.article_id for s in self.sentences() for c in s.citations}
        return frozenset(
            ids | {q.citation.article_id for q in self.quotes} | {h.article_id for h in self.headlines}
        )


def to_json(story: StoryText) -> dict[str, Any]:
    """Return the form stored in ``story_revision.words``."""
    return {
        "headline": story.headline,
        "kind": story.kind.value,
        "lede": [_sentence(s) for s in story.lede],
        "overview": [_sentence(s) for s in story.overview],
        "headlines": [
            {
                "side": h.side.value,
                "article": h.article_id,
                "text": h.text,
                "marked": [list(m) for m in h.marked],
            }
            for h in story.headlines
        ],
        "rows": [
            {
                "kind": r.kind.value,
                "side": r.side.value if r.side else None,
                "sentences": [_sentence(s) for s in r.sentences],
            }
            for r in story.rows
        ],
        "quotes": [
            {
                "words": q.words,
                "speaker": q.speaker,
                "side": q.side.value if q.side else None,
                "article": q.citation.article_id,
                "passage": q.citation.passage,
            }
            for q in story.quotes
        ],
        "questions": [
            {"question": q.question, "answer": [_sentence(s) for s in q.answer]} for q in story.questions
        ],
    }


def from_json(words: Mapping[str, Any]) -> StoryText:
    """Read :func:`to_json`'s form or the older one. Parts that the stored form lacks are empty."""
    older = "summaries" in words or "analysis" in words
    return StoryText(
        headline=words["headline"],
        kind=StoryKind(words.get("kind", StoryKind.WITH_SIDES)),
        lede=_sentences(words.get("lede", ())),
        overview=_sentences(words.get("overview", ())),
        headlines=tuple(
            PickedHeadline(Side(h["side"]), h["article"], h["text"], tuple((m[0], m[1]) for m in h["marked"]))
            for h in words.get("headlines", ())
        ),
        rows=_older_rows(words)
        if older
        else tuple(
            Row(RowKind(r["kind"]), _sentences(r["sentences"]), _side(r.get("side")))
            for r in words.get("rows", ())
        ),
        quotes=_older_quotes(words)
        if older
        else tuple(
            Quote(q["words"], q["speaker"], _side(q.get("side")), Citation(q["article"], q["passage"]))
            for q in words.get("quotes", ())
        ),
        questions=tuple(Question(q["question"], _sentences(q["answer"])) for q in words.get("questions", ())),
    )


_OLDER_SUMMARY = {"left": RowKind.LEFT_STRESSES, "right": RowKind.RIGHT_STRESSES}


def _older_rows(words: Mapping[str, Any]) -> tuple[Row, ...]:
    """Return the rows of an older form: a left or right Summary becomes what that side stresses, "next" bullets the next row; the rest is
    dropped."""
    rows = [
        Row(_OLDER_SUMMARY[s["side"]], _sentences(s["sentences"]))
        for s in words.get("summaries", ())
        if s["side"] in _OLDER_SUMMARY and s["sentences"]
    ]
    if coming := _sentences(b for b in words.get("analysis", ()) if b["kind"] == "next"):
        rows.append(Row(RowKind.NEXT, coming))
    return tuple(rows)


def _older_quotes(words: Mapping[str, Any]) -> tuple[Quote, ...]:
    return tuple(
        Quote(q["words"], q["speaker"], Side(s["side"]), Citation(q["article"], q["passage"]))
        for s in words.get("summaries", ())
        for q in s.get("quotes", ())
    )


def _side(value: str | None) -> Side | None:
    return Side(value) if value else None


def _sentence(sentence: Sentence) -> dict[str, Any]:
    return {
        "text": sentence.text,
        "cites": [{"article": c.article_id, "passage": c.passage} for c in sentence.citations],
        "support": round(sentence.support, 3),
        "verdict": sentence.verdict.value,
        **({"refused": sentence.refused} if sentence.verdict is Verdict.OPERATOR else {}),
    }


def _read(row: Mapping[str, Any]) -> Sentence:
    verdict = Verdict(row.get("verdict", Verdict.SUPPORTED))
    unjudged = verdict is Verdict.OPERATOR and "refused" not in row  # stored before operators were judged
    return Sentence(
        text=row["text"],
        citations=tuple(Citation(c["article"], c["passage"]) for c in row["cites"]),
        support=0.0 if unjudged else row.get("support", 1.0),
        verdict=verdict,
        refused=NEVER_JUDGED if unjudged else row.get("refused", ""),
    )


def _sentences(rows: Iterable[Mapping[str, Any]]) -> tuple[Sentence, ...]:
    return tuple(_read(r) for r in rows)
