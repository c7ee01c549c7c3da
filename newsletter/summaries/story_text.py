"""The words of one Story as frozen values, and their form in JSON. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from newsletter.feeds.leans import Side


@dataclass(frozen=True)
class Citation:
    """The Article, and the passage in it, that a sentence rests on. ``passage`` stands verbatim in the Article."""

    article_id: int
    passage: str


UNHEARD = "never asked"


class Verdict(StrEnum):
    """What the grounding gate said of a sentence."""

    SUPPORTED = "supported"
    OPERATOR = "operator"  # a person wrote it and answers for it


@dataclass(frozen=True)
class Sentence:
    """One cited sentence. ``support`` is the grounding gate's score, 0…1.

    ``refused`` is why the gate would refuse it, and only ever said of a sentence that an operator answers for.
    """

    text: str
    citations: tuple[Citation, ...]
    support: float = 1.0
    verdict: Verdict = Verdict.SUPPORTED
    refused: str = ""


@dataclass(frozen=True)
class Quote:
    """A short verbatim quotation. ``speaker`` is empty when the Article does not say who spoke."""

    words: str
    speaker: str
    citation: Citation


@dataclass(frozen=True)
class Summary:
    """How one Side tells the Story."""

    side: Side
    sentences: tuple[Sentence, ...]
    quotes: tuple[Quote, ...] = ()


class BulletKind(StrEnum):
    """What a bullet of the Analysis says."""

    AGREE = "agree"
    DIFFER = "differ"
    NEXT = "next"


@dataclass(frozen=True)
class Bullet:
    """One bullet of the Analysis."""

    kind: BulletKind
    sentence: Sentence


@dataclass(frozen=True)
class Question:
    """One FAQ entry: a question and a cited answer."""

    question: str
    answer: tuple[Sentence, ...]


@dataclass(frozen=True)
class Telling:
    """All the words of one Story."""

    headline: str
    lede: tuple[Sentence, ...] = ()
    overview: tuple[Sentence, ...] = ()
    analysis: tuple[Bullet, ...] = ()
    summaries: tuple[Summary, ...] = ()
    questions: tuple[Question, ...] = ()
    # Words that one Side's headlines use and the others' do not.
    side_words: Mapping[Side, tuple[str, ...]] = field(default_factory=dict)

    def summary(self, side: Side) -> Summary | None:
        return next((s for s in self.summaries if s.side is side), None)

    def sentences(self) -> Iterator[Sentence]:
        """Every sentence we publish, in reading order."""
        yield from self.lede
        yield from self.overview
        yield from (b.sentence for b in self.analysis)
        for summary in self.summaries:
            yield from summary.sentences
        for question in self.questions:
            yield from question.answer

    def cited(self) -> frozenset[int]:
        """The Articles that anything here rests on."""
        quotes = (q.citation for s in self.summaries for q in s.quotes)
        return frozenset(c.article_id for s in self.sentences() for c in s.citations) | {
            q.article_id for q in quotes
        }


def to_json(telling: Telling) -> dict[str, Any]:
    """The form stored in ``story_revision.words``."""
    return {
        "headline": telling.headline,
        "lede": [_sentence(s) for s in telling.lede],
        "overview": [_sentence(s) for s in telling.overview],
        "analysis": [{"kind": b.kind.value, **_sentence(b.sentence)} for b in telling.analysis],
        "summaries": [
            {
                "side": s.side.value,
                "sentences": [_sentence(x) for x in s.sentences],
                "quotes": [
                    {
                        "words": q.words,
                        "speaker": q.speaker,
                        "article": q.citation.article_id,
                        "passage": q.citation.passage,
                    }
                    for q in s.quotes
                ],
            }
            for s in telling.summaries
        ],
        "questions": [
            {"question": q.question, "answer": [_sentence(s) for s in q.answer]} for q in telling.questions
        ],
        "side_words": {side.value: list(words) for side, words in telling.side_words.items()},
    }


def from_json(words: Mapping[str, Any]) -> Telling:
    """Read :func:`to_json`'s form back. Parts an older revision lacks are empty."""
    return Telling(
        headline=words["headline"],
        lede=_sentences(words.get("lede", ())),
        overview=_sentences(words.get("overview", ())),
        analysis=tuple(Bullet(BulletKind(b["kind"]), _read(b)) for b in words.get("analysis", ())),
        summaries=tuple(
            Summary(
                side=Side(s["side"]),
                sentences=_sentences(s["sentences"]),
                quotes=tuple(
                    Quote(q["words"], q["speaker"], Citation(q["article"], q["passage"]))
                    for q in s.get("quotes", ())
                ),
            )
            for s in words.get("summaries", ())
        ),
        questions=tuple(Question(q["question"], _sentences(q["answer"])) for q in words.get("questions", ())),
        side_words={Side(k): tuple(v) for k, v in words.get("side_words", {}).items()},
    )


def _sentence(sentence: Sentence) -> dict[str, Any]:
    return {
        "text": sentence.text,
        "cites": [{"article": c.article_id, "passage": c.passage} for c in sentence.citations],
        "support": round(sentence.support, 3),
        "verdict": sentence.verdict.value,
        **({"refused": sentence.refused} if sentence.verdict is Verdict.OPERATOR else {}),
    }


def _read(row: Mapping[str, Any]) -> Sentence:
    verdict = Verdict(row.get("verdict", "supported"))
    unheard = verdict is Verdict.OPERATOR and "refused" not in row  # stored before the gate was asked
    return Sentence(
        text=row["text"],
        citations=tuple(Citation(c["article"], c["passage"]) for c in row["cites"]),
        support=0.0 if unheard else row.get("support", 1.0),
        verdict=verdict,
        refused=UNHEARD if unheard else row.get("refused", ""),
    )


def _sentences(rows: Iterable[Mapping[str, Any]]) -> tuple[Sentence, ...]:
    return tuple(_read(r) for r in rows)
