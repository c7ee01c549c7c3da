"""``evaluate``: measures the quality of grouping and of text on labelled rows, and prints it as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import click

from newsletter.cli.opening import open_settings
from newsletter.errors import SettingsError
from newsletter.lab.evaluate import contrast, history, kinds, neutral, pages, prose, sheet, stability
from newsletter.lab.evaluate.jsonlines import write_rows
from newsletter.lab.evaluate.labelled_articles import read_pieces
from newsletter.lab.evaluate.measures import measures
from newsletter.lab.packages import require_packages
from newsletter.stories import embeddings
from newsletter.stories.clustering import Piece, cluster, embedded_text
from newsletter.stories.tfidf import Floats


@click.group()
def evaluate() -> None:
    """Measure quality on files of JSON lines."""
    require_packages()


for measured in (
    neutral.neutral,
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
    stories = cluster(pieces, _vectors(pieces) if meanings else None)
    result: dict[str, float] = {"n": len(pieces)}
    if labels:
        result.update(measures(labels, stories))
    if out is not None:
        write_rows(out, ({"id": p.id, "story": s} for p, s in zip(pieces, stories, strict=True)))
    click.echo(json.dumps(result))


def _vectors(pieces: Sequence[Piece]) -> Floats:
    """Return the pieces' vectors from the embedding model. Raises SettingsError without one: a measurement does not go on without it, as
    grouping does."""
    embedder = embeddings.uncached_embedder(
        open_settings()
    )  # without a cache, so that the service's cache is not changed
    if embedder is None:
        raise SettingsError("--meanings needs an embedding model: set EMBEDDING_MODEL.")
    return embedder.embed([embedded_text(piece) for piece in pieces])
