"""Reads labelled articles for ``evaluate clusters`` and ``stability`` from JSON lines."""

from __future__ import annotations

from collections.abc import Hashable
from datetime import date, datetime
from pathlib import Path
from typing import Any

from newsletter.lab.evaluate.jsonlines import RowsError, read_rows, text_of
from newsletter.stories.clustering import Piece


def read_pieces(path: Path) -> tuple[list[Piece], list[Hashable]]:
    """Return the pieces in the file's order, and their labels; no labels when none has one.

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
