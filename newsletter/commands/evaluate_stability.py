"""``evaluate stability``: how often Articles change their Story while more arrive, printed as JSON."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import click

from newsletter.commands.evaluate_words import PATH
from newsletter.commands.jsonlines import RowsError
from newsletter.commands.reading_pieces import read_pieces
from newsletter.commands.showing import progress
from newsletter.newsroom.clusters import cluster
from newsletter.newsroom.measure_stability import replayed, stories
from newsletter.newsroom.measures import measures

LEAST, MOST = 0.01, 10_000.0  # hours


@click.command()
@PATH
@click.option("--every", default=1.0, show_default=True, help="Hours between two groupings.")
def stability(path: Path, every: float) -> None:
    """Let the articles of FILE.jsonl ({id, title, text, date} rows, optional label) arrive, and group them again and again.

    Prints {"n", "rounds", "changed": articles that changed their Story once or more, of them "merged" (with their whole
    Story), "split" (into a new one), "moved" (from one to another)}; with labels also "b3_f1" of what has grown, and
    "b3_f1_at_once" of all articles grouped at once.
    """
    if not LEAST <= every <= MOST:
        raise click.BadParameter(f"must be from {LEAST} to {MOST:.0f}", param_hint="--every")
    pieces, labels = read_pieces(path)
    if any(p.date is None for p in pieces):
        raise RowsError(f"{path}: every row needs a date to arrive.")
    with progress() as show:
        found = replayed(
            pieces,
            every=timedelta(hours=every),
            progress=lambda done, total: show("group", done, total, ""),
        )
    result: dict[str, float] = {"n": len(pieces), "rounds": found.rounds, **found.counts()}
    if labels:
        result["b3_f1"] = measures(labels, stories(found, len(pieces)))["b3_f1"]
        result["b3_f1_at_once"] = measures(labels, cluster(pieces))["b3_f1"]
    click.echo(json.dumps(result))
