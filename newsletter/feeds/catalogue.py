"""The Catalogue: the Outlets we read, with their Leans and the reasons for them. Pure, except :func:`load_catalogue`."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from newsletter.errors import CatalogueError
from newsletter.feeds.leans import SIDES, Lean, Side, side_of
from newsletter.feeds.urls import UrlRefused, canonical, take_apart

# What of an Outlet may be asked for: "feed": nothing but its feeds; "page": the pages of its articles too, where nothing on them
# forbids it. Without a policy its pages are not read, and whether a link to one is dead is looked up.
POLICIES = ("feed", "page")
_KEYS = {
    "name": str,
    "homepage": str,
    "lean": str,
    "lean_basis": str,
    "feeds": list,
    "enabled": bool,
    "disputed": bool,
    "policy": str,
    "country": str,
    "lean_countries": list,
    "owner": str,
    "state_run": bool,
    "state_run_basis": str,
}
_REQUIRED = ("name", "homepage", "lean", "feeds")
_TYPES = {str: "text", list: "a list of addresses", bool: "true or false"}
_HEADER = re.compile(r"""\s*\[\[\s*["']?outlet["']?\s*\]\]\s*(?:#.*)?""")
LONGEST_NAME = 80  # characters; it is printed beside every Article


@dataclass(frozen=True)
class OutletEntry:
    """One ``[[outlet]]`` block. ``line`` is the number of its first line, from 1."""

    name: str
    homepage: str
    lean: Lean
    lean_basis: str
    feeds: tuple[str, ...]
    enabled: bool
    disputed: bool
    policy: str  # "feed", "page", or empty: not said
    line: int
    country: str = ""  # ISO 3166-1 code, two capitals; empty when unknown
    lean_countries: tuple[str, ...] = ()  # further countries on whose affairs the Lean holds
    owner: str = ""
    state_run: bool = False
    state_run_basis: str = ""

    @property
    def side(self) -> Side:
        return side_of(self.lean)


@dataclass(frozen=True)
class Catalogue:
    """The Outlets of a catalogue file, in the order of the file."""

    outlets: tuple[OutletEntry, ...]
    name: str = ""

    def balance(self) -> dict[Side, int]:
        """Return the number of enabled Outlets of each Side."""
        return {s: sum(1 for o in self.outlets if o.enabled and o.side is s) for s in SIDES}

    def feeds(self) -> Iterable[tuple[OutletEntry, str]]:
        """Return the pairs of Outlet and Feed address of all enabled Outlets."""
        return ((o, f) for o in self.outlets if o.enabled for f in o.feeds)


def load_catalogue(path: Path) -> Catalogue:
    """Read a catalogue file. Raises :class:`CatalogueError` naming the file, the line and the reason."""
    try:
        text = Path(path).read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise CatalogueError(f"{path}, line {line}: this is not UTF-8 text.") from None
    except OSError as error:
        raise CatalogueError(f"{path}: the catalogue cannot be read ({error.strerror}).") from None
    return parse_catalogue(text, str(path))


def parse_catalogue(text: str, name: str) -> Catalogue:
    """Read the text of a catalogue. ``name`` is the file's, for messages. Raises :class:`CatalogueError`."""
    text = text.replace("\r\n", "\n")
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise CatalogueError(_syntax(text, name, str(error))) from None
    except RecursionError:
        raise CatalogueError(f"{name}, line 1: it is nested beyond reason.") from None
    lines = _Lines(text, document)
    for key in document:
        if key != "outlet":
            raise CatalogueError(
                f"{name}, line {lines.top(key)}: unknown '{key}'; a catalogue has only [[outlet]] blocks."
            )
    rows = document.get("outlet")
    if not isinstance(rows, list) or not rows or not all(isinstance(r, dict) for r in rows):
        raise CatalogueError(f"{name}, line 1: there is no [[outlet]] block.")
    reader = _Reader(name, lines)
    return Catalogue(tuple(reader.read(number, row) for number, row in enumerate(rows)), name)


class _Reader:
    """Reads one block after the other, and remembers names and feeds to refuse duplicates."""

    def __init__(self, name: str, lines: _Lines) -> None:
        self._name = name
        self._lines = lines
        self._names: dict[str, int] = {}
        self._feeds: dict[str, int] = {}

    def read(self, number: int, row: dict[str, Any]) -> OutletEntry:
        line = self._lines.block(number)
        label = f"'{row['name']}'" if isinstance(row.get("name"), str) else "this outlet"
        for key, value in row.items():
            if key not in _KEYS:
                self._refuse(number, key, f"{label} has an unknown key '{key}'; known are {', '.join(_KEYS)}")
            if not isinstance(value, _KEYS[key]):
                wanted = "a list of country codes" if key == "lean_countries" else _TYPES[_KEYS[key]]
                self._refuse(number, key, f"{label}: '{key}' must be {wanted}")
        for key in _REQUIRED:
            if not row.get(key) or (isinstance(row[key], str) and not row[key].strip()):
                self._refuse(number, key, f"{label} has no {key}")
        outlet = OutletEntry(
            name=self._unique_name(number, row["name"]),
            homepage=self._address(number, "homepage", row["homepage"]),
            lean=self._lean(number, label, row["lean"]),
            lean_basis=row.get("lean_basis", "").strip(),
            feeds=tuple(self._feed(number, f) for f in row["feeds"]),
            enabled=row.get("enabled", True),
            disputed=row.get("disputed", False),
            policy=row.get("policy", ""),
            line=line,
            country=self._country(number, label, "country", row.get("country", "")),
            lean_countries=tuple(
                self._country(number, label, "lean_countries", c) for c in row.get("lean_countries", [])
            ),
            owner=row.get("owner", "").strip(),
            state_run=row.get("state_run", False),
            state_run_basis=row.get("state_run_basis", "").strip(),
        )
        if outlet.state_run and not outlet.state_run_basis:
            self._refuse(number, "state_run", f"{label} is state-run and has no state_run_basis")
        if "policy" in row and outlet.policy not in POLICIES:
            self._refuse(
                number,
                "policy",
                f"{label}: unknown policy '{outlet.policy}'; known are {', '.join(POLICIES)}",
            )
        return outlet

    def _unique_name(self, number: int, text: str) -> str:
        name = text.strip()
        if not name.isprintable() or len(name) > LONGEST_NAME:
            self._refuse(number, "name", f"a name is one line of at most {LONGEST_NAME} characters")
        first = self._names.setdefault(name.casefold(), self._lines.block(number))
        if first != self._lines.block(number):
            self._refuse(number, "name", f"'{name}' is listed twice, first in line {first}")
        return name

    def _lean(self, number: int, label: str, text: str) -> Lean:
        try:
            return Lean(text)
        except ValueError:
            known = ", ".join(lean.value for lean in Lean)
            self._refuse(number, "lean", f"{label} has an unknown lean '{text[:40]}'; known are {known}")

    def _country(self, number: int, label: str, key: str, text: Any) -> str:
        """Return an ISO 3166-1 code, or an empty string. Raises :class:`CatalogueError`."""
        if not isinstance(text, str) or not re.fullmatch(r"(?:[A-Z]{2})?", text):
            self._refuse(number, key, f"{label}: '{key}' takes two-letter country codes such as US")
        return str(text)

    def _address(self, number: int, key: str, text: Any) -> str:
        try:
            take_apart(text)
        except (UrlRefused, AttributeError) as error:
            self._refuse(number, key, f"'{str(text)[:80]}' is no address ({error})")
        return str(text).strip()

    def _feed(self, number: int, text: Any) -> str:
        if not isinstance(text, str):
            self._refuse(number, "feeds", "'feeds' must be a list of addresses")
        feed = self._address(number, "feeds", text)
        # Two addresses that differ only in tracking parameters are the same Feed.
        key = canonical(feed)
        if key in self._feeds:
            self._refuse(
                number, "feeds", f"the feed {feed[:120]} is listed twice, first in line {self._feeds[key]}"
            )
        self._feeds[key] = self._lines.block(number)
        return feed

    def _refuse(self, number: int, key: str, reason: str) -> NoReturn:
        raise CatalogueError(f"{self._name}, line {self._lines.of(number, key)}: {reason}.")


class _Lines:
    """Finds the lines of blocks and keys, which tomllib does not report."""

    def __init__(self, text: str, document: dict[str, Any]) -> None:
        self._lines = text.split("\n")
        headers = [n for n, line in enumerate(self._lines, start=1) if _HEADER.fullmatch(line)]
        rows = document.get("outlet")
        expected = len(rows) if isinstance(rows, list) else 0
        if len(headers) != expected and any(q in text for q in ('"""', "'''")):
            # A line inside a long string may look like a header. The text before a real header is valid TOML.
            headers = [n for n in headers if _is_toml("\n".join(self._lines[: n - 1]))]
        self._headers = headers if len(headers) == expected else []

    def block(self, number: int) -> int:
        """Return the first line of block ``number``, counted from 0; 1 when the blocks could not be found."""
        return self._headers[number] if number < len(self._headers) else 1

    def of(self, number: int, key: str) -> int:
        """Return the line of ``key`` in block ``number``, or the first line of the block."""
        start = self.block(number)
        end = self._headers[number + 1] - 1 if number + 1 < len(self._headers) else len(self._lines)
        return next((n for n in range(start, end + 1) if self._is_key(n, key)), start)

    def top(self, key: str) -> int:
        """Return the line of ``key`` outside of all blocks, or 1."""
        pattern = re.compile(rf"""\s*\[*\s*["']?{re.escape(key)}["']?\s*[\]=.].*""")
        return next((n for n, line in enumerate(self._lines, start=1) if pattern.match(line)), 1)

    def _is_key(self, number: int, key: str) -> bool:
        return bool(re.match(rf"""\s*["']?{re.escape(key)}["']?\s*[=.]""", self._lines[number - 1]))


def _is_toml(text: str) -> bool:
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return False
    return True


def _syntax(text: str, name: str, error: str) -> str:
    """Return our message for an error of tomllib, which ends with "(at line 3, column 7)" or "(at end of document)"."""
    found = re.search(r"\(at line (\d+), column \d+\)", error)
    line = int(found[1]) if found else text.count("\n") + 1
    reason = re.sub(r"\s*\(at .*?\)$", "", error)
    return f"{name}, line {line}: this is not TOML: {reason}."
