"""``evaluate stability``: measures how often Articles change their Story while more arrive; prints JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from statistics import fmean

import click

from newsletter.cli.progress import progress
from newsletter.clock import YEARS
from newsletter.lab.evaluate.jsonlines import RowsError
from newsletter.lab.evaluate.labelled_articles import read_pieces
from newsletter.lab.evaluate.measure_stability import replayed, stories
from newsletter.lab.evaluate.measures import b_cubed, measures
from newsletter.lab.evaluate.neutral import PATH
from newsletter.stories.clustering import cluster

LEAST, MOST = 0.01, 10_000.0  # hours


@click.command()
@PATH
@click.option("--every", default=1.0, show_default=True, help="Hours between two groupings.")
def stability(path: Path, every: float) -> None:
    """Let the articles of FILE.jsonl ({id, title, text, date} rows, optional label) arrive, and group them again and again.

    Prints {"n", "rounds", "changed": articles that changed their Story once or more, of them "merged" (with their whole
    Story), "split" (into a new one), "moved" (from one to another)}; with labels also "b3_f1" of what has grown,
    "b3_f1_mean" over the rounds, and "b3_f1_at_once" of all articles grouped at once.
    """
    if not LEAST <= every <= MOST:
        raise click.BadParameter(f"must be from {LEAST} to {MOST:.0f}", param_hint="--every")
    pieces, labels = read_pieces(path)
    if any(p.date is None for p in pieces):
        raise RowsError(f"{path}: every row needs a date to arrive.")
    if years := sorted({p.date.year for p in pieces if p.date and p.date.year not in YEARS}):
        raise RowsError(f"{path}: an article of the year {years[0]} cannot arrive among the others.")
    rounds: list[float] = []

    def judge(places: Sequence[int], found: Sequence[int]) -> None:
        if labels:
            rounds.append(b_cubed([labels[i] for i in places], found)[2])

    with progress() as show:
        found = replayed(
            pieces,
            every=timedelta(hours=every),
            progress=lambda done, total: show("group", done, total, ""),
            judge=judge,
        )
    result: dict[str, float] = {"n": len(pieces), "rounds": found.rounds, **found.counts()}
    if labels:
        result["b3_f1"] = measures(labels, stories(found, len(pieces)))["b3_f1"]
        result["b3_f1_mean"] = round(fmean(rounds), 4)
        result["b3_f1_at_once"] = measures(labels, cluster(pieces))["b3_f1"]
    click.echo(json.dumps(result))
