"""A model's answers for the sample edition, recorded: what a writer and a judge said of the invented Stories, told again without a model.

The answers lie in ``recorded_answers/``, one file for each invented event, with outlets instead of numbers and days left open
as in the sample itself. Some sentences were refused by the judge, with its reason, and written again or dropped: what a newcomer
sees is what a real model's answers go through.
"""

from __future__ import annotations

import json
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel

from newsletter.feeds import sample
from newsletter.feeds.leans import Side
from newsletter.summaries.model.schema import Draft, Findings, Repairs
from newsletter.summaries.protocol import SummarizerError

Shape = TypeVar("Shape", bound=BaseModel)
Rows = Sequence[Mapping[str, Any]]
LABEL = (
    "In this sample edition the summaries are an AI model’s answers that were recorded; none was asked today."
)
_FOLDER = Path(__file__).with_name("recorded_answers")


@dataclass(frozen=True)
class RecordedAnswers:
    """Answers each question that is about a Story of the sample edition of that day. Implements ``Asks``."""

    day: date

    def ask(self, shape: type[Shape], instructions: str, asked: str, *, most_tokens: int) -> Shape:
        """Return the recorded answer. Raises SummarizerError for a Story of which none is recorded."""
        articles = _rows(asked, "articles")
        recorded = self._recorded(articles)
        if shape is Draft:
            answer = _draft(recorded, articles)
        elif shape is Findings:
            answer = {"findings": list(_findings(recorded, _rows(asked, "sentences")))}
        elif shape is Repairs:
            answer = {"sentences": list(_repairs(recorded, _rows(asked, "refused")))}
        else:
            raise SummarizerError("no answer of this kind is recorded")
        return shape.model_validate(answer)

    def _recorded(self, articles: Rows) -> dict[str, Any]:
        """What is recorded of the event that most of the articles are about, with the days filled in."""
        events = Counter(e for a in articles if (e := _events().get(str(a["headline"]))))
        event = events.most_common(1)[0][0] if events else ""
        path = _FOLDER / f"{event}.toml"
        if not event or not path.is_file():
            raise SummarizerError("no answer is recorded for this story")
        return tomllib.loads(sample.dated(path.read_text(encoding="utf-8"), self.day))


@cache
def _events() -> dict[str, str]:
    """Return the event of each invented headline."""
    return {a.headline: a.event for a in sample.articles()}


def _rows(asked: str, mark: str) -> list[dict[str, Any]]:
    """Return the JSON lines of the question's last fence of this name."""
    _, _, rest = asked.rpartition(f"<{mark}>\n")
    return [json.loads(line) for line in rest.partition(f"\n</{mark}>")[0].splitlines() if line]


def _draft(recorded: Mapping[str, Any], articles: Rows) -> dict[str, Any]:
    numbers: dict[str, int] = {str(a["outlet"]): int(a["n"]) for a in articles}

    def of(*parts: str) -> list[dict[str, Any]]:
        found = ((s, [numbers[o] for o in s["cites"] if o in numbers]) for s in recorded["said"])
        return [{**s, "cites": cites} for s, cites in found if s["part"] in parts and cites]

    def side(side: Side) -> dict[str, Any] | None:
        quotes = [
            {**q, "cite": numbers[q["cite"]]}
            for q in recorded.get("quotes", ())
            if q["side"] == side.value and q["cite"] in numbers
        ]
        sentences = of(side.value)
        return {"sentences": sentences, "quotes": quotes} if sentences or quotes else None

    headline = of("headline")
    if not headline:
        raise SummarizerError("the articles of the recorded answer are not those of this story")
    pair = {s: numbers.get(recorded.get(s, "")) for s in ("left", "right")}
    return {
        "kind": recorded["kind"],
        "headline": headline[0],
        "lede": of("lede"),
        "overview": of("overview"),
        "headlines": pair if all(pair.values()) else None,
        "not_disputed": of("not_disputed"),
        "left": side(Side.LEFT),
        "right": side(Side.RIGHT),
        "only_one_side": [
            {**s, "side": s["part"].removeprefix("only_")} for s in of("only_left", "only_right")
        ],
        "next": of("next"),
        "questions": [{"question": s["question"], "answer": [s]} for s in of("answer")],
    }


def _findings(recorded: Mapping[str, Any], asked: Rows) -> Iterator[dict[str, Any]]:
    """What was recorded is supported unless the judge refused it; of anything else nothing is known, so it is not."""
    reasons = {s["text"]: s.get("refused", "") for s in recorded["said"]}
    reasons |= {s["repaired"]: "" for s in recorded["said"] if "repaired" in s}
    reasons |= {f"“{q['words']}” ({q['speaker']})": "" for q in recorded.get("quotes", ())}
    for row in asked:
        reason = reasons.get(row["text"], "no article reports it")
        yield {"n": row["n"], "reason": reason, "supported": not reason}


def _repairs(recorded: Mapping[str, Any], asked: Rows) -> Iterator[dict[str, Any]]:
    anew = {s["text"]: s["repaired"] for s in recorded["said"] if "repaired" in s}
    for row in asked:
        yield {"n": row["n"], "text": anew.get(row["text"], ""), "cites": row["cites"]}
