"""``evaluate contrast``: compares the ranking of headlines by contrast with an editor's picks, and fits its weights."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import click
import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from newsletter.lab.evaluate.jsonlines import RowsError, read_rows
from newsletter.summaries.contrast import FEATURES, eligible, features, ranked
from newsletter.summaries.headline_words import Headline, HeadlineWords

SIDES = ("left", "right")
SHRINKING = 2.0  # penalty of the squared weights, in nats, so that with few picks no feature decides alone
Floats = npt.NDArray[np.float64]


def read_stories(path: Path) -> Iterator[tuple[list[Headline], dict[str, list[int]]]]:
    """The headlines of each row that has an editor's picks, and the picks of each Side (article numbers, best first)."""
    for _, row in read_rows(path):
        picks = (row.get("answer") or {}).get("headlines")
        if not picks:
            continue
        headlines = [
            Headline(a["n"], a.get("outlet", ""), a["side"], a["headline"], _time(a), a.get("text") or "")
            for a in row["articles"]
        ]
        named = {side: picks[side] if isinstance(picks[side], list) else [picks[side]] for side in SIDES}
        yield headlines, named


def _time(article: Mapping[str, Any]) -> datetime | None:
    return datetime.fromisoformat(article["published"]) if article.get("published") else None


def rank_of(headlines: Sequence[Headline], side: str, pick: int) -> float:
    """Return the rank of the pick among all headlines of the Side; those that are not eligible share the last ranks."""
    order = [h.article_id for h, _ in ranked(headlines, side)]
    if pick in order:
        return order.index(pick) + 1
    return (len(order) + 1 + sum(h.side == side for h in headlines)) / 2


def measured(path: Path) -> dict[str, float]:
    """Mean reciprocal rank of the editor's first picks over Stories and Sides, how many they are, and what chance gives."""
    ranks, chances = [], []
    for headlines, picks in read_stories(path):
        for side in SIDES:
            size = sum(h.side == side for h in headlines)
            ranks.append(1 / rank_of(headlines, side, picks[side][0]))
            chances.append(sum(1 / r for r in range(1, size + 1)) / size)
    if not ranks:
        raise RowsError(f"{path} has no row with an editor's picks.")
    return {"mrr": sum(ranks) / len(ranks), "n": len(ranks), "chance": sum(chances) / len(chances)}


def fitted(path: Path) -> dict[str, float]:
    """The weights of the features under which an editor's picks are likeliest: a conditional logit, shrunk to zero.

    A second pick is taken among what the first left, and counts half.
    """
    choices: list[tuple[Floats, int, float]] = []
    for headlines, picks in read_stories(path):
        story = HeadlineWords(headlines)
        for side in SIDES:
            left = [h for h in headlines if h.side == side and eligible(h, story)]
            for number, pick in enumerate(picks[side]):
                chosen = next((h for h in left if h.article_id == pick), None)
                if chosen is None or len(left) < 2:
                    break
                table = [[features(h, story)[name] for name in FEATURES] for h in left]
                choices.append((np.array(table), left.index(chosen), 0.5**number))
                left.remove(chosen)

    def surprise(weights: Floats) -> float:
        total = SHRINKING * float(weights @ weights)
        for table, chosen_row, count in choices:
            scores = table @ weights
            total += count * (
                math.log(np.exp(scores - scores.max()).sum()) + scores.max() - scores[chosen_row]
            )
        return total

    found = minimize(surprise, np.zeros(len(FEATURES)), method="L-BFGS-B").x
    return {name: round(float(w), 2) for name, w in zip(FEATURES, found, strict=True)}


@click.command()
@click.argument("path", metavar="FILE.jsonl", type=click.Path(exists=True, path_type=Path))
def contrast(path: Path) -> None:
    """Rank each Story's left and right headlines by contrast; print where the editor's picks stand as JSON."""
    click.echo(json.dumps(measured(path)))


@click.command("contrast-weights")
@click.argument("path", metavar="FILE.jsonl", type=click.Path(exists=True, path_type=Path))
def contrast_weights(path: Path) -> None:
    """Fit the weights of summaries/contrast.py on the picks in FILE.jsonl and print them as JSON."""
    click.echo(json.dumps(fitted(path)))
