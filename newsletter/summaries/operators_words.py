"""What an operator wrote, held against the Articles it rests on: hard facts by program, meaning by the judge where there is one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from newsletter.summaries.grounding.hard_facts import refusal
from newsletter.summaries.model.prompt import MOST_ARTICLES, chosen
from newsletter.summaries.model.schema import Piece
from newsletter.summaries.protocol import ArticleText
from newsletter.summaries.story_text import Citation, Row, RowKind, Sentence, StoryText, Verdict

if TYPE_CHECKING:  # a model's clients take seconds to load
    from newsletter.summaries.model.judge import Judge

_PARTS = {
    RowKind.NOT_DISPUTED: "not disputed: both the left and the right state it",
    RowKind.LEFT_STRESSES: "what the left stresses",
    RowKind.RIGHT_STRESSES: "what the right stresses",
    RowKind.NEXT: "expected to happen after now",
}


@dataclass(frozen=True)
class OperatorsWords:
    """One Story that an operator has changed, as it was ``written_at``, with its Articles as they are now."""

    text: StoryText
    wrote_headline: bool
    written_at: datetime
    articles: tuple[ArticleText, ...]

    def sentences(self) -> Iterator[tuple[str, Sentence]]:
        """What the operator wrote, each with the part of the Story where it stands."""
        text = self.text
        if self.wrote_headline:
            rests_on: dict[Citation, None] = {c: None for s in text.sentences() for c in s.citations}
            yield "headline", Sentence(text.headline, tuple(rests_on), verdict=Verdict.OPERATOR)
        parts = [("what happened", s) for s in (*text.lede, *text.overview)]
        parts += [(_part(row), s) for row in text.rows for s in row.sentences]
        parts += [(f"answer to: {q.question}", s) for q in text.questions for s in q.answer]
        yield from ((part, s) for part, s in parts if s.verdict is Verdict.OPERATOR)


def doubts(words: OperatorsWords, judge: Judge | None) -> dict[str, str]:
    """For each sentence of the operator's that its Articles do not carry, by its text: why.

    Without a judge only hard facts decide, and of a headline nothing is said: its capitals are no names. Raises
    SummarizerError when the judge gives no usable answer.
    """
    known = {a.id: a for a in words.articles}
    found: dict[str, str] = {}
    asked: list[tuple[str, Sentence]] = []
    for part, sentence in words.sentences():
        as_judged = replace(sentence, verdict=Verdict.JUDGED) if judge else sentence
        reason = None if part == "headline" else refusal(as_judged, known)
        if reason:
            found[sentence.text] = str(reason)
        else:
            asked.append((part, sentence))
    if judge is None or not asked:
        return found
    shown = _shown(words, [s for _, s in asked])
    numbers = {a.id: n for n, a in enumerate(shown, start=1)}
    pieces = [
        Piece(part, s.text, tuple(dict.fromkeys(numbers[c.article_id] for c in s.citations if c.article_id in numbers)))
        for part, s in asked
    ]  # fmt: skip
    for piece, finding in zip(pieces, judge.findings(pieces, shown, now=words.written_at), strict=True):
        if not finding.supported:
            found[piece.text] = " ".join(finding.reason.split())[:300] or "its articles do not carry it"
    return found


def _shown(words: OperatorsWords, asked: Sequence[Sentence]) -> list[ArticleText]:
    """Return the Articles that the sentences rest on, and others of the Story to show what a Side does not report."""
    cited = {c.article_id for s in asked for c in s.citations}
    first = [a for a in words.articles if a.id in cited][:MOST_ARTICLES]
    others = chosen(words.articles, now=words.written_at, most=MOST_ARTICLES)
    return [*first, *(a for a in others if a.id not in cited)][:MOST_ARTICLES]


def _part(row: Row) -> str:
    """Return where the sentences of a row stand, as the judge is told of a model's."""
    if row.kind is RowKind.ONLY_ONE_SIDE and row.side is not None:
        return f"only the {row.side.value} reports it"
    return _PARTS.get(row.kind, "what happened")
