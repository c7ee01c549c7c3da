"""``evaluate prose``: measures how many true sentences of a good writer are kept, and how many false ones are caught."""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from newsletter.cli.opening import open_settings
from newsletter.feeds.leans import Side
from newsletter.lab.evaluate.jsonlines import RowsError, read_rows
from newsletter.summaries import registry
from newsletter.summaries.grounding.hard_facts import refusal
from newsletter.summaries.model.asking import Asker
from newsletter.summaries.model.budget import Patience
from newsletter.summaries.model.judge import Judge
from newsletter.summaries.model.schema import Piece, sentence_of
from newsletter.summaries.model.writer import Llm
from newsletter.summaries.protocol import ArticleText, SummarizerError
from newsletter.summaries.story_text import Sentence, Verdict

_SIDES = {side.value: side for side in Side}
AT_ONCE = 60  # sentences in one question to the judge


@dataclass(frozen=True)
class Labelled:
    """A sentence with its labels: whether its Articles support it, and its kind."""

    piece: Piece
    is_true: bool
    kind: str


@dataclass(frozen=True)
class Passed:
    """Whether one labelled sentence passed by hard facts alone, and with the judge (None: not judged)."""

    labelled: Labelled
    facts: bool
    judged: bool | None


@click.command()
@click.argument("path", metavar="FILE.jsonl", type=click.Path(path_type=Path))
def prose(path: Path) -> None:
    """Check labelled sentences in FILE.jsonl: {articles, answer, false} rows, or QAGS's {article, sentences} rows.

    Prints JSON: kept and caught are shares of the true and the false sentences, by the program's facts alone and, under
    with_judge, with the judge that LLM_MODEL or JUDGE_MODEL names (null where none is configured).
    """
    writer = registry.model_writer(open_settings())
    judge = _patient(writer.judge) if isinstance(writer, Llm) else None
    rows = [(line, row) for line, row in read_rows(path)]
    passed: list[Passed] = []
    unjudged = 0
    for line, row in rows:
        try:
            articles, sentences, now = _read(row)
        except (KeyError, TypeError, ValueError) as error:
            raise RowsError(f"{path}, line {line}: not a row of prose ({error}).") from None
        found = _passed(articles, sentences, now, judge)
        unjudged += judge is not None and any(p.facts and p.judged is None for p in found)
        passed += found
    click.echo(json.dumps(report(passed, with_judge=judge is not None, unjudged=unjudged)))


def _patient(judge: Judge) -> Judge:
    """Return the judge with unlimited retries, because a measurement has no deadline."""
    patience = Patience(time.monotonic, failures=10**9)
    asker = judge.asker
    return Judge(replace(asker, patience=patience)) if isinstance(asker, Asker) else judge


def report(passed: Sequence[Passed], *, with_judge: bool, unjudged: int) -> dict[str, Any]:
    """Return the shares. A row without a usable answer of the judge is left out of ``with_judge`` and counted as unjudged."""
    found = _shares([(p.labelled, p.facts) for p in passed])
    judged = [(p.labelled, p.judged) for p in passed if p.judged is not None]
    found["with_judge"] = {**_shares(judged), "unjudged_rows": unjudged} if with_judge else None
    return found


def _shares(results: Sequence[tuple[Labelled, bool]]) -> dict[str, Any]:
    true = [(s, stands) for s, stands in results if s.is_true]
    false = [(s, not stands) for s, stands in results if not s.is_true]
    kept, caught = _share(true), _share(false)
    balanced = None if kept is None or caught is None else round((kept + caught) / 2, 4)
    return {
        "true": len(true),
        "false": len(false),
        "kept": kept,
        "caught": caught,
        "balanced_accuracy": balanced,
        "kept_by_part": _by_kind(true),
        "caught_by_kind": _by_kind(false),
    }


def _share(results: Sequence[tuple[Labelled, bool]]) -> float | None:
    return round(sum(good for _, good in results) / len(results), 4) if results else None


def _by_kind(results: Sequence[tuple[Labelled, bool]]) -> dict[str, list[int]]:
    """Return for each kind how many passed or were caught, and of how many."""
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for sentence, good in results:
        counts[sentence.kind][0] += good
        counts[sentence.kind][1] += 1
    return dict(sorted(counts.items()))


def _passed(
    articles: Sequence[ArticleText], sentences: Sequence[Labelled], now: datetime, judge: Judge | None
) -> list[Passed]:
    """Return which sentences of one row pass. With a judge, it decides about rounded and summed numbers; its questions mix true and
    false sentences."""
    known = {a.id: a for a in articles}
    made = [sentence_of(s.piece.text, s.piece.cites, articles) for s in sentences]
    alone = [refusal(_unjudged(m), known) is None for m in made]
    asked = [n for n, m in enumerate(made) if judge is not None and refusal(m, known) is None]
    asked.sort(key=lambda n: (_shuffled(sentences[n].piece.text), n))
    judged: dict[int, bool | None] = {}
    for part in (asked[i : i + AT_ONCE] for i in range(0, len(asked), AT_ONCE)):
        try:
            findings = judge.findings([sentences[n].piece for n in part], articles, now=now) if judge else []
        except SummarizerError as error:
            click.echo(f"not judged: {error}", err=True)
            judged |= dict.fromkeys(part)
            continue
        judged |= {n: finding.supported for n, finding in zip(part, findings, strict=True)}
    refused: bool | None = None if judge is None else False
    return [Passed(s, alone[n], judged.get(n, refused)) for n, s in enumerate(sentences)]


def _shuffled(text: str) -> int:
    """Return a key for a fixed shuffle, which mixes true and false sentences."""
    return sum((n + 1) * ord(c) for n, c in enumerate(text)) % 9973


def _unjudged(sentence: Sentence) -> Sentence:
    return Sentence(sentence.text, sentence.citations, verdict=Verdict.SUPPORTED)


def _read(row: Mapping[str, Any]) -> tuple[list[ArticleText], list[Labelled], datetime]:
    """Return the parts of a row of either form. Raises KeyError, TypeError or ValueError."""
    if "article" in row:
        now = datetime(2000, 1, 1, tzinfo=UTC)
        text = str(row["article"])
        article = ArticleText(1, "Outlet", Side.CENTER, text.split(".")[0], text, now)
        sentences = [
            Labelled(Piece("what happened", str(s["text"]), (1,)), bool(s["supported"]), "sentence")
            for s in row["sentences"]
        ]
        return [article], sentences, now
    articles = [
        ArticleText(
            a["n"],
            a["outlet"],
            _SIDES.get(a["side"]),
            a["headline"],
            a["text"],
            datetime.fromisoformat(a["published"]),
        )
        for a in sorted(row["articles"], key=lambda a: int(a["n"]))
    ]
    true = [Labelled(Piece(_PARTS.get(k, k), s["text"], tuple(s["cites"])), True, k) for k, s in _true(row)]
    false = [
        Labelled(Piece("what happened", s["text"], tuple(s["cites"])), False, s["kind"]) for s in row["false"]
    ]
    return articles, [*true, *false], datetime.fromisoformat(row["now"])


_PARTS = {"lede": "what happened", "overview": "what happened", "sides": "what a side's outlets stress"}


def _true(row: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Return each sentence of the writer's answer with the name of its part."""
    answer = row["answer"]
    yield "headline", answer["headline"]
    for part in ("lede", "overview", "not_disputed", "differ", "left_out", "next"):
        yield from ((part, s) for s in answer.get(part) or ())
    for told in (answer.get("sides") or {}).values():
        yield from (("sides", s) for s in (told or {}).get("sentences", ()))
    for question in answer.get("questions") or ():
        yield from (("questions", s) for s in question["answer"])
