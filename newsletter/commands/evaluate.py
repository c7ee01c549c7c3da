"""``evaluate``: how good the grouping and the words are, measured on labelled rows and printed as JSON."""

from __future__ import annotations

import json
from collections.abc import Hashable
from datetime import date, datetime
from pathlib import Path
from typing import Any

import click

from newsletter.commands import evaluate_history, evaluate_sides, evaluate_words
from newsletter.commands.jsonlines import RowsError, read_rows, text_of, write_rows
from newsletter.newsroom.clusters import Piece, cluster
from newsletter.newsroom.measures import measures


@click.group()
def evaluate() -> None:
    """Measure quality on files of JSON lines."""


for measured in (
    evaluate_words.neutral,
    evaluate_sides.sides,
    evaluate_history.history,
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


def read_pieces(path: Path) -> tuple[list[Piece], list[Hashable]]:
    """The pieces in the file's order, and their labels; no labels when none has one.

    Raises :class:`RowsError` when a row lacks a key, repeats an id, or some rows have labels and others not.
    """
    pieces: list[Piece] = []
    labels: list[Hashable] = []
    lines: dict[int | str, int] = {}
    for line, row in read_rows(path):
        number = _id(row, path, line)
        if number in lines:
            raise RowsError(f"{path}, line {line}: id {number!r} stands in line {lines[number]} already.")
        lines[number] = line
        title = text_of(row, "title", path=path, line=line)
        text = text_of(row, "text", path=path, line=line)
        pieces.append(Piece(number, title, text, _date(row, path, line)))
        label = row.get("label")
        if label is not None:
            if not isinstance(label, str | int):
                raise RowsError(f"{path}, line {line}: 'label' is neither text nor a whole number.")
            labels.append(label)
        if labels and len(labels) != len(pieces):
            raise RowsError(f"{path}, line {line}: either every row has a 'label' or none.")
    return pieces, labels


def _id(row: dict[str, Any], path: Path, line: int) -> int | str:
    if row.get("id") is None:
        raise RowsError(f"{path}, line {line}: 'id' is missing.")
    if not isinstance(row["id"], str | int):
        raise RowsError(f"{path}, line {line}: 'id' is neither text nor a whole number.")
    return row["id"]


def _date(row: dict[str, Any], path: Path, line: int) -> date | datetime | None:
    if "date" not in row:
        raise RowsError(f"{path}, line {line}: 'date' is missing (null when it is not known).")
    value = row["date"]
    if value is None:
        return None
    try:
        return datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise RowsError(
            f"{path}, line {line}: 'date' {value!r} is not a date such as 2025-08-25 or 2025-08-25T20:30:00+00:00."
        ) from None
