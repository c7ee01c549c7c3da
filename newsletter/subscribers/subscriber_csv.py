"""Files of subscribers as CSV: parsed with a reason for each line that is refused, and written safe for spreadsheets. Pure."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Final

from newsletter.errors import NewsletterError
from newsletter.stories.topic_words import TOPICS
from newsletter.subscribers import service_columns
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
READ_TOO: Final = ("paused_until", *service_columns.COLUMNS)  # what these say against mailing counts
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
class Consent:
    """What an operator states about the consent of readers whose line does not prove it."""

    words: str
    given_at: datetime


@dataclass(frozen=True)
class Reading:
    """How a file is to be read."""

    zone: str  # IANA, of readers without one
    now: datetime
    # The name of a column, in lower case with _ between words → ours; "" ignores it.
    columns: Mapping[str, str] = field(default_factory=dict)
    consent: Consent | None = None


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
    paused_until: date | None  # the first day with mail again
    suppressed: str  # the reason of a Suppression; "" when the file has none
    unproved: str  # why they are not confirmed; "" when they are


@dataclass(frozen=True)
class BadRow:
    """A line that is refused, and why. The reason repeats no address."""

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


def consent_of(text: str, *, now: datetime) -> Consent:
    """An operator's statement, such as ``I want the morning letter, 2024-05-01``. Raises :class:`FileError`."""
    words, _, day = text.rpartition(",")
    try:
        given_at = _moment(day.strip(), "the date of the consent", now)
    except ValueError as error:
        raise FileError(f"{str(error).capitalize()}.") from None
    if not words.strip() or given_at is None:
        raise FileError(
            'Say to what words and when they consented, such as "I want this letter, 2024-05-01".'
        )
    return Consent(words.strip(), given_at)


def column_map(pairs: Sequence[str]) -> dict[str, str]:
    """Names of columns from ``THEIRS=OURS``; ``THEIRS=`` ignores a column. Raises :class:`FileError`."""
    found = {}
    for pair in pairs:
        theirs, equals, ours = pair.partition("=")
        if not equals or not theirs.strip() or ours.strip() not in ("", *COLUMNS, *READ_TOO):
            raise FileError(f"{pair} is not a column of the file, = and one of {', '.join(COLUMNS)}.")
        found[_plain(theirs)] = ours.strip()
    return found


def read_rows(text: str, reading: Reading) -> Iterator[Row | BadRow]:
    """Every line below the header, parsed or refused.

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
            header = _header(cells, reading.columns)
            continue
        if len(cells) > len(header):
            yield BadRow(line, f"{len(cells)} cells, but the header names {len(header)} columns")
            continue
        row = _row(line, dict(zip(header, map(_unescaped, cells), strict=False)), zones, reading)
        if isinstance(row, Row):
            address = row.address.lower()
            if address in first_seen:
                row = BadRow(line, f"the same address as in line {first_seen[address]}")
            else:
                first_seen[address] = line
        yield row
    if header is None:
        raise FileError("The file is empty.")


def ignored_columns(text: str, columns: Mapping[str, str] | None = None) -> list[str]:
    """The columns of the header that an import ignores, as written."""
    first = next(csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text)), [])
    names = _names(first, columns or {})
    return [written for written, name in zip(first, names, strict=True) if name not in (*COLUMNS, *READ_TOO)]


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


def _plain(name: str) -> str:
    return "_".join(name.lower().split())


def _names(cells: Sequence[str], columns: Mapping[str, str]) -> list[str]:
    """What each column of a header is called here: as the operator says, else as we know it of other services."""
    plain = [columns.get(_plain(cell), _plain(cell)) for cell in cells]
    # The address alone may be named twice by two names: it is refused, since nobody can know which is meant.
    known = service_columns.OUR_NAMES
    return [
        known[name] if name in known and (known[name] == "address" or known[name] not in plain) else name
        for name in plain
    ]


def _header(cells: Sequence[str], columns: Mapping[str, str]) -> list[str]:
    names = _names(cells, columns)
    if "address" not in names:
        raise FileError("The header names no column 'address'.")
    if twice := {name for name in names if name in (*COLUMNS, *READ_TOO) and names.count(name) > 1}:
        raise FileError(f"The header names a column twice: {', '.join(sorted(twice))}.")
    return names


def _row(line: int, cells: Mapping[str, str], zones: frozenset[str], reading: Reading) -> Row | BadRow:
    given = {name: cells.get(name, "").strip() for name in (*COLUMNS, *READ_TOO)}
    if long := next((n for n, cell in given.items() if len(cell) > MAX_CELL_LENGTH), None):
        return BadRow(line, f"{long} is longer than {MAX_CELL_LENGTH} characters")
    consent, now = reading.consent, reading.now
    if consent is not None and not all(given[name] for name in _CONSENT):
        given["consent_at"] = given["consent_at"] or consent.given_at.isoformat()
        given["consent_from"] = given["consent_from"] or "stated at the import"
        given["consent_words"] = given["consent_words"] or consent.words
    try:
        missing = [name for name in _CONSENT if not given[name]]
        standing = service_columns.standing(given)
        unproved = f"no {' and no '.join(missing)}" if missing else standing.doubt
        consent_at = _moment(given["consent_at"], "consent_at", now)
        return Row(
            line=line,
            address=normalise(given["address"]),
            consent_at=None if unproved else consent_at,
            consent_from=given["consent_from"],
            consent_words=given["consent_words"],
            consent_version=given["consent_version"],
            hour=_hour(given["hour"]),
            zone=_zone(given["zone"], zones) or reading.zone,
            cadence=_cadence(given["cadence"]),
            topics=_topics(given["topics"]),
            unsubscribed_at=_moment(given["unsubscribed_at"], "unsubscribed_at", now)
            or (_moment_or_now(standing.moment, now) if standing.against == "unsubscribed" else None),
            paused_until=_day(given["paused_until"]),
            suppressed=standing.against if standing.against != "unsubscribed" else "",
            unproved=unproved,
        )
    except (AddressError, ValueError) as error:
        return BadRow(line, str(error).removesuffix("."))


def _hour(text: str) -> int:
    """An hour of the day, 6 for an empty text. Raises ValueError."""
    hour = text or "6"
    if hour not in map(str, range(24)) and hour not in (f"0{n}" for n in range(10)):
        raise ValueError("hour is not a whole number from 0 to 23")
    return int(hour)


def _zone(text: str, zones: frozenset[str]) -> str:
    """A zone by its IANA name, in any case and with blanks for underscores; "" for an empty text. Raises ValueError."""
    if not text or text in zones:
        return text
    plain = text.replace(" ", "_").lower()
    if (found := next((zone for zone in zones if zone.lower() == plain), None)) is None:
        raise ValueError(
            f"zone is not an IANA time zone such as America/New_York: {service_columns.quoted(text)}"
        )
    return found


def _cadence(text: str) -> str:
    """``daily`` or ``weekly``, daily for an empty text. Raises ValueError."""
    cadence = text.lower() or "daily"
    if cadence not in ("daily", "weekly"):
        raise ValueError(f"cadence is neither daily nor weekly: {service_columns.quoted(text)}")
    return cadence


def _topics(text: str) -> tuple[str, ...] | None:
    """The topics between ``|``, None (all) for an empty text. Raises ValueError."""
    wanted = {t.strip().lower() for t in text.split("|") if t.strip()}
    if other := wanted - {t.lower() for t in TOPICS}:
        raise ValueError(
            f"topics names another than {', '.join(TOPICS)}: {service_columns.quoted(min(other))}"
        )
    return tuple(t for t in TOPICS if t.lower() in wanted) or None


def _day(text: str) -> date | None:
    """A day in ISO 8601, None for an empty text. Raises ValueError."""
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise ValueError("paused_until is not a day such as 2025-08-25") from None


def _moment_or_now(text: str, now: datetime) -> datetime:
    """When somebody left, who counts as having left whatever is written; now when that is no moment in the past."""
    try:
        return _moment(text, "", now) or now
    except ValueError:
        return now


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
