"""Files of subscribers as CSV: parsed with a reason for each line that is refused, and written safe for spreadsheets. Pure."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from newsletter.errors import NewsletterError
from newsletter.stories.topic_words import TOPICS
from newsletter.subscribers.addresses import AddressError, normalise
from newsletter.subscribers.preferences import known_zones

# The columns that an import reads. An export writes these and EXPORT_ONLY, so that its file can be imported elsewhere.
COLUMNS: Final = (
    "address",
    "consent_at",
    "consent_from",
    "consent_words",
    "consent_version",
    "hour",
    "zone",
    "cadence",
    "topics",
    "unsubscribed_at",
)
EXPORT_ONLY: Final = ("asked_at", "trial_started_at", "paused_until", "suppressed", "paying")
_OTHER_NAMES: Final = {
    "email": "address",
    "e-mail": "address",
    "email address": "address",
    "email_address": "address",
}
_CONSENT: Final = ("consent_at", "consent_from", "consent_words")
# The characters that begin a formula in spreadsheets (OWASP, "CSV Injection").
_FORMULA_STARTS: Final = (
    "=",
    "+",
    "-",
    "@",
    "\t",
    "\r",
    "\n",
    "＝",
    "＋",
    "－",
    "＠",
)
MAX_CELL_LENGTH: Final = 2_000  # characters


class FileError(NewsletterError):
    """The file as a whole cannot be used. The message names the line where that is known."""


@dataclass(frozen=True)
class Row:
    """One reader of a file. Moments are aware UTC."""

    line: int  # from 1, as editors count
    address: str
    consent_at: datetime | None  # None: consent is not proved, so they are not confirmed
    consent_from: str
    consent_words: str
    consent_version: str
    hour: int
    zone: str
    cadence: str
    topics: tuple[str, ...] | None  # None: all
    unsubscribed_at: datetime | None
    unproved: str  # why they are not confirmed; "" when they are


@dataclass(frozen=True)
class BadRow:
    """A line that is refused, and why. The reason repeats nothing from the line."""

    line: int
    reason: str


def decode(body: bytes, encoding: str | None = None) -> str:
    """The text of a file in ``encoding``; by default as its byte order mark says, else UTF-8. Raises :class:`FileError`."""
    if encoding is None:
        marks = {codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
        encoding = next((name for mark, name in marks.items() if body.startswith(mark)), "utf-8-sig")
    try:
        text = body.decode(encoding)
    except UnicodeError as error:
        line = body.count(b"\n", 0, getattr(error, "start", 0)) + 1
        raise FileError(
            f"Line {line} is not in {encoding.removesuffix('-sig').upper()}: say what it is with --encoding, such as"
            " --encoding windows-1252."
        ) from None
    except (LookupError, ValueError):  # ValueError: a name with a NUL in it
        raise FileError("There is no such encoding.") from None
    return text.removeprefix("\ufeff")


def read_rows(text: str, *, zone: str, now: datetime) -> Iterator[Row | BadRow]:
    """Every line below the header, parsed or refused. ``zone`` is for readers without one.

    Raises :class:`FileError` when the file is not CSV or its header has no column of addresses.
    """
    if "\x00" in text:
        raise FileError("There are NUL characters in it: it is not a CSV file, or in another encoding.")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
    zones = known_zones()
    header: list[str] | None = None
    first_seen: dict[str, int] = {}
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader, None)
        except csv.Error as error:
            raise FileError(f"Line {line}: not CSV ({error}).") from None
        if cells is None:
            break
        if not any(cell.strip() for cell in cells):
            continue
        if header is None:
            header = _header(cells)
            continue
        if len(cells) > len(header):
            yield BadRow(line, f"{len(cells)} cells, but the header names {len(header)} columns")
            continue
        row = _row(line, dict(zip(header, map(_unescaped, cells), strict=False)), zone, zones, now)
        if isinstance(row, Row):
            address = row.address.lower()
            if address in first_seen:
                row = BadRow(line, f"the same address as in line {first_seen[address]}")
            else:
                first_seen[address] = line
        yield row
    if header is None:
        raise FileError("The file is empty.")


def ignored_columns(text: str) -> list[str]:
    """The columns of the header that an import ignores, as written."""
    first = next(csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text)), [])
    return [name for name in first if _column(name) not in COLUMNS]


def csv_lines(rows: Iterator[Mapping[str, str]]) -> Iterator[str]:
    """The file line by line, header first; no cell of it is a formula to a spreadsheet."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    columns = (*COLUMNS, *EXPORT_ONLY)
    writer.writerow(columns)
    for row in rows:
        writer.writerow([escaped(row[name]) for name in columns])
        yield out.getvalue()
        out.seek(0)
        out.truncate()
    yield out.getvalue()


def escaped(cell: str) -> str:
    """The cell, with an apostrophe in front if a spreadsheet would run it; :func:`read_rows` removes the apostrophe."""
    return f"'{cell}" if cell.lstrip(" '").startswith(_FORMULA_STARTS) else cell


def _unescaped(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and cell.lstrip(" '").startswith(_FORMULA_STARTS) else cell


def _delimiter(text: str) -> str:
    """Comma, semicolon or tab: the one that occurs most often in the header."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    return max(",;\t", key=first.count)


def _column(name: str) -> str:
    plain = " ".join(name.lower().split())
    return _OTHER_NAMES.get(plain, plain.replace(" ", "_"))


def _header(cells: Sequence[str]) -> list[str]:
    names = [_column(cell) for cell in cells]
    if "address" not in names:
        raise FileError("The header names no column 'address'.")
    if twice := {name for name in names if name in COLUMNS and names.count(name) > 1}:
        raise FileError(f"The header names a column twice: {', '.join(sorted(twice))}.")
    return names


def _row(
    line: int, cells: Mapping[str, str], zone: str, zones: frozenset[str], now: datetime
) -> Row | BadRow:
    given = {name: cells.get(name, "").strip() for name in COLUMNS}
    if long := next((n for n, cell in given.items() if len(cell) > MAX_CELL_LENGTH), None):
        return BadRow(line, f"{long} is longer than {MAX_CELL_LENGTH} characters")
    try:
        consent_at = _moment(given["consent_at"], "consent_at", now)
        hour = given["hour"] or "6"
        if hour not in map(str, range(24)) and hour not in (f"0{n}" for n in range(10)):
            raise ValueError("hour is not a whole number from 0 to 23")
        if given["zone"] and given["zone"] not in zones:
            raise ValueError("zone is not an IANA time zone such as America/New_York")
        cadence = given["cadence"].lower() or "daily"
        if cadence not in ("daily", "weekly"):
            raise ValueError("cadence is neither daily nor weekly")
        wanted = [t.strip().lower() for t in given["topics"].split("|") if t.strip()]
        if not set(wanted) <= {t.lower() for t in TOPICS}:
            raise ValueError(f"topics names another than {', '.join(TOPICS)}")
        missing = [name for name in _CONSENT if not given[name]]
        return Row(
            line=line,
            address=normalise(given["address"]),
            consent_at=None if missing else consent_at,
            consent_from=given["consent_from"],
            consent_words=given["consent_words"],
            consent_version=given["consent_version"],
            hour=int(hour),
            zone=given["zone"] or zone,
            cadence=cadence,
            topics=tuple(t for t in TOPICS if t.lower() in wanted) or None,
            unsubscribed_at=_moment(given["unsubscribed_at"], "unsubscribed_at", now),
            unproved=f"no {' and no '.join(missing)}" if missing else "",
        )
    except (AddressError, ValueError) as error:
        return BadRow(line, str(error).removesuffix("."))


def _moment(text: str, name: str, now: datetime) -> datetime | None:
    """A moment in ISO 8601, None for an empty text; a day means its first moment, and no offset means UTC. Raises ValueError."""
    if not text:
        return None
    try:
        read = datetime.fromisoformat(text)
        moment = read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(f"{name} is not a moment such as 2025-08-25T20:30Z") from None
    if moment > now:
        raise ValueError(f"{name} lies in the future")
    return moment
