"""``evaluate neutral``: measures how much of an expert's paragraph ours contains, on labelled rows; prints JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from newsletter.feeds.leans import Side
from newsletter.lab.evaluate.jsonlines import RowsError, read_rows, text_of, write_rows
from newsletter.lab.evaluate.rouge import rouge
from newsletter.summaries.extractive.summarizer import overview
from newsletter.summaries.protocol import ArticleText

ONE_DAY = datetime(2020, 1, 1, tzinfo=UTC)  # rows have no dates, and the measurements do not depend on them
PATH = click.argument("path", metavar="FILE.jsonl", type=click.Path(path_type=Path))


@click.command()
@PATH
@click.option("--out", type=click.Path(path_type=Path), help="Write {overview} rows, in order, to this file.")
def neutral(path: Path, out: Path | None) -> None:
    """Write an overview for each row of FILE.jsonl ({articles: [{title, text}]}, optional neutral: an expert's text).

    Prints {"n", "words"} and, over the rows with an expert's text, {"rouge1", "rouge2", "rougeL"} as F1 in percent.
    """
    texts: list[str] = []
    scores = []
    for line, row in read_rows(path):
        texts.append(overview(_articles(row, path, line)))
        if row.get("neutral") is not None:
            scores.append(rouge(text_of(row, "neutral", path=path, line=line), texts[-1]))
    result: dict[str, float] = {
        "n": len(texts),
        "words": round(sum(len(t.split()) for t in texts) / max(1, len(texts)), 1),
    }
    if scores:
        result["rouge1"] = _percent(sum(s.one for s in scores), len(scores))
        result["rouge2"] = _percent(sum(s.two for s in scores), len(scores))
        result["rougeL"] = _percent(sum(s.longest for s in scores), len(scores))
    if out is not None:
        write_rows(out, ({"overview": t} for t in texts))
    click.echo(json.dumps(result))


def _percent(part: float, of: float) -> float:
    return round(100 * part / of, 2) if of else 0.0


def _articles(row: Mapping[str, Any], path: Path, line: int) -> list[ArticleText]:
    """Return the articles of a row, each from an Outlet of its own, of no known Side."""
    articles = row.get("articles")
    if not isinstance(articles, list) or not all(isinstance(a, dict) for a in articles):
        raise RowsError(f"{path}, line {line}: 'articles' is missing or no list of objects.")
    return [
        article(number, Side.CENTER, a, "text", path=path, line=line)
        for number, a in enumerate(articles, start=1)
    ]


def article(number: int, side: Side, row: dict[str, Any], key: str, *, path: Path, line: int) -> ArticleText:
    """Return one object of a row as an article of an Outlet of its own. Raises :class:`RowsError` without a title or text."""
    return ArticleText(
        id=number,
        outlet=f"Outlet {chr(64 + number)}",
        side=side,
        headline=text_of(row, "title", path=path, line=line),
        text=text_of(row, key, path=path, line=line),
        published_at=ONE_DAY,
    )
