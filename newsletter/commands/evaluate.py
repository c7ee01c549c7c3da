"""``evaluate``: how good the grouping and the words are, measured on labelled rows and printed as JSON."""

from __future__ import annotations

import json
from pathlib import Path

import click

from newsletter.commands import evaluate_history, evaluate_sides, evaluate_stability, evaluate_words
from newsletter.commands.jsonlines import write_rows
from newsletter.commands.reading_pieces import read_pieces
from newsletter.newsroom.clusters import cluster
from newsletter.newsroom.measures import measures


@click.group()
def evaluate() -> None:
    """Measure quality on files of JSON lines."""


for measured in (
    evaluate_words.neutral,
    evaluate_sides.sides,
    evaluate_history.history,
    evaluate_stability.stability,
    evaluate_words.grounding,
    evaluate_words.weights,
):
    evaluate.add_command(measured)


@evaluate.command()
@click.argument("path", metavar="FILE.jsonl", type=click.Path(path_type=Path))
@click.option(
    "--out", type=click.Path(path_type=Path), help="Write {id, story} rows, in order, to this file."
)
def clusters(path: Path, out: Path | None) -> None:
    """Group the articles in FILE.jsonl ({id, title, text, date} rows, optional label) into stories.

    Prints {"n", "b3_f1", "ami", "ari"} when every row has a label, else {"n"}.
    """
    pieces, labels = read_pieces(path)
    stories = cluster(pieces)
    result: dict[str, float] = {"n": len(pieces)}
    if labels:
        result.update(measures(labels, stories))
    if out is not None:
        write_rows(out, ({"id": p.id, "story": s} for p, s in zip(pieces, stories, strict=True)))
    click.echo(json.dumps(result))
