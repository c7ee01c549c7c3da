"""``evaluate``: how good the grouping and the words are, measured on labelled rows and printed as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import click

from newsletter.cli.opening import open_settings
from newsletter.errors import SettingsError
from newsletter.lab.evaluate import contrast, history, kinds, pages, prose, sheet, stability, words
from newsletter.lab.evaluate.jsonlines import write_rows
from newsletter.lab.evaluate.measures import measures
from newsletter.lab.evaluate.reading_pieces import read_pieces
from newsletter.lab.packages import require_packages
from newsletter.stories import embeddings
from newsletter.stories.clustering import Piece, cluster, embedded_text
from newsletter.stories.tfidf import Floats


@click.group()
def evaluate() -> None:
    """Measure quality on files of JSON lines."""
    require_packages()


for measured in (
    words.neutral,
    contrast.contrast,
    prose.prose,
    contrast.contrast_weights,
    sheet.sheet,
    sheet.marks,
    history.history,
    stability.stability,
    kinds.kinds,
    pages.pages,
):
    evaluate.add_command(measured)


@evaluate.command()
@click.argument("path", metavar="FILE.jsonl", type=click.Path(path_type=Path))
@click.option(
    "--out", type=click.Path(path_type=Path), help="Write {id, story} rows, in order, to this file."
)
@click.option(
    "--meanings", is_flag=True, help="With the help of the embedding model that EMBEDDING_MODEL names."
)
def clusters(path: Path, out: Path | None, meanings: bool) -> None:
    """Group the articles in FILE.jsonl ({id, title, text, date} rows, optional label) into stories.

    Prints {"n", "b3_f1", "ami", "ari"} when every row has a label, else {"n"}.
    """
    pieces, labels = read_pieces(path)
    stories = cluster(pieces, _meanings(pieces) if meanings else None)
    result: dict[str, float] = {"n": len(pieces)}
    if labels:
        result.update(measures(labels, stories))
    if out is not None:
        write_rows(out, ({"id": p.id, "story": s} for p, s in zip(pieces, stories, strict=True)))
    click.echo(json.dumps(result))


def _meanings(pieces: Sequence[Piece]) -> Floats:
    """What the embedding model says of them. Unlike a morning's grouping, a measure does not go on without it."""
    embedder = embeddings.uncached_embedder(
        open_settings()
    )  # keeps nothing: what the newsroom has kept stays
    if embedder is None:
        raise SettingsError("--meanings needs an embedding model: set EMBEDDING_MODEL.")
    return embedder.embed([embedded_text(piece) for piece in pieces])
