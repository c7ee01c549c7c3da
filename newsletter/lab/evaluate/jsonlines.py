"""Reads and writes JSON lines for ``evaluate``. Errors name the file and the line."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from newsletter.errors import NewsletterError, NotFound

_HALF = re.compile(rb"\\u[dD][89a-fA-F]")


class RowsError(NewsletterError):
    """A file of JSON lines cannot be used. The sentence names the file, the line and the reason."""


def read_rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the line number and the object of each line that is not empty."""
    if not path.exists():
        raise NotFound(f"There is no file {path}.")
    if path.is_dir():
        raise NotFound(f"{path} is a folder, not a file of JSON lines.")
    with path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                row = json.loads(line.decode("utf-8-sig" if number == 1 else "utf-8"))
            except UnicodeDecodeError:
                raise RowsError(f"{path}, line {number}: not UTF-8.") from None
            except (ValueError, RecursionError) as error:
                said = f" ({error.msg})" if isinstance(error, json.JSONDecodeError) else ""
                raise RowsError(f"{path}, line {number}: not JSON{said}.") from None
            if not isinstance(row, dict):
                raise RowsError(f"{path}, line {number}: not a JSON object.")
            if _HALF.search(line) and not _is_text(row):
                raise RowsError(f"{path}, line {number}: half a character (a lone surrogate) is no text.")
            yield number, row


def _is_text(value: Any) -> bool:
    """Return whether the value is text that can be written as UTF-8. JSON allows lone surrogates, which cannot."""
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


def text_of(row: dict[str, Any], key: str, *, path: Path, line: int) -> str:
    """Return the text under ``key``; null counts as empty. Raises :class:`RowsError` when it is missing or no text."""
    if key not in row:
        raise RowsError(f"{path}, line {line}: '{key}' is missing.")
    value = row[key]
    if value is None:
        return ""
    if not isinstance(value, str):
        raise RowsError(f"{path}, line {line}: '{key}' is not text.")
    return value


def write_rows(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    """Write one JSON object on each line. Raises :class:`RowsError` when the file cannot be written."""
    try:
        with path.open("w", encoding="utf-8") as out:
            for row in rows:
                out.write(json.dumps(row, ensure_ascii=False) + "\n")
    except OSError as error:
        raise RowsError(f"{path} cannot be written: {error.strerror}.") from None
