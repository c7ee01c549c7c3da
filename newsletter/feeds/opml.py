"""OPML 2.0 (opml.org), the lists that feed readers exchange: the Catalogue as OPML, and OPML as Catalogue. Pure.

An OPML file knows addresses, not Leans. Ours carries them in attributes of our own namespace, as OPML asks of extensions;
an Outlet from anybody else's list comes in switched off, until an operator has said where it stands and why.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from xml.parsers import expat
from xml.sax.saxutils import quoteattr

from newsletter.errors import CatalogueError
from newsletter.feeds import html_text
from newsletter.feeds.catalogue import LONGEST_NAME, Catalogue, OutletEntry
from newsletter.feeds.encoding import to_text
from newsletter.feeds.leans import Lean
from newsletter.feeds.urls import UrlRefused, canonical, host_of, take_apart

NAMESPACE = "urn:newsletter:catalogue:1"
UNASSIGNED = "Not assigned yet: say where this outlet stands and why, then set enabled = true."
LARGEST = 5 * 1024 * 1024  # bytes
DEEPEST = 50  # nested outlines
MOST_FEEDS = 5_000
_LONGEST_BASIS = 500  # characters


@dataclass(frozen=True)
class LeftOut:
    """One outline that did not become a Feed, and why."""

    line: int
    reason: str


@dataclass(frozen=True)
class OpmlReading:
    """What an OPML file came to. ``outlets`` are fit for a Catalogue; ``line`` of each is its line in the OPML."""

    outlets: tuple[OutletEntry, ...]
    left_out: tuple[LeftOut, ...]


@dataclass
class _Outline:
    line: int
    attributes: dict[str, str]
    is_folder: bool = False


class _Outside(Exception):
    """The file as a whole is refused; the message is the reason."""


def read_opml(body: bytes, name: str) -> OpmlReading:
    """The Outlets in an OPML file. Raises :class:`CatalogueError` naming the file, the line and the reason."""
    if len(body) > LARGEST:
        raise CatalogueError(f"{name}, line 1: it is larger than {LARGEST // 1024 // 1024} MB.")
    gathered = _Gathered()
    for outline in _outlines(to_text(body).lstrip("\ufeff"), name):
        gathered.take(outline)
    return OpmlReading(tuple(gathered.outlets.values()), tuple(gathered.left_out))


def to_toml(outlets: Iterable[OutletEntry]) -> str:
    """The Outlets as ``[[outlet]]`` blocks, which :func:`parse_catalogue` reads back."""
    blocks = []
    for outlet in outlets:
        lines = [
            "[[outlet]]",
            f"name = {_toml(outlet.name)}",
            f"homepage = {_toml(outlet.homepage)}",
            f"lean = {_toml(outlet.lean.value)}",
            f"lean_basis = {_toml(outlet.lean_basis)}",
            f"feeds = [{', '.join(_toml(f) for f in outlet.feeds)}]",
        ]
        lines += ["enabled = false"] if not outlet.enabled else []
        lines += ["disputed = true"] if outlet.disputed else []
        blocks.append("\n".join(lines) + "\n")
    return "\n".join(blocks)


def to_opml(catalogue: Catalogue, *, title: str) -> str:
    """The Catalogue as OPML 2.0, one outline a Feed; those of one Outlet bear its name."""
    lines = [
        '<?xml version="1.0" encoding="utf-8"?>',
        f'<opml version="2.0" xmlns:catalogue="{NAMESPACE}">',
        f"  <head><title>{_attribute(title)[1:-1]}</title></head>",
        "  <body>",
    ]
    for outlet in catalogue.outlets:
        for feed in outlet.feeds:
            said = {
                "type": "rss",
                "text": outlet.name,
                "title": outlet.name,
                "xmlUrl": feed,
                "htmlUrl": outlet.homepage,
                "catalogue:lean": outlet.lean.value,
                "catalogue:lean_basis": outlet.lean_basis,
                "catalogue:enabled": str(outlet.enabled).lower(),
                "catalogue:disputed": str(outlet.disputed).lower(),
            }
            lines.append("    <outline " + " ".join(f"{k}={_attribute(v)}" for k, v in said.items()) + "/>")
    return "\n".join([*lines, "  </body>", "</opml>", ""])


class _Gathered:
    """Takes outline after outline, and remembers what must not come twice."""

    def __init__(self) -> None:
        self.outlets: dict[str, OutletEntry] = {}  # by name in lower case
        self.left_out: list[LeftOut] = []
        self._feeds: dict[str, int] = {}

    def take(self, outline: _Outline) -> None:
        try:
            self._take(outline)
        except (UrlRefused, _Outside) as error:
            self.left_out.append(LeftOut(outline.line, f"{error}"))

    def _take(self, outline: _Outline) -> None:
        said = {name.lower(): value for name, value in outline.attributes.items()}
        feed = said.get("xmlurl", "").strip()
        if not feed:
            if outline.is_folder:
                return
            raise _Outside(f"'{_name(said) or 'an outline'}' has no xmlUrl, so it is no feed")
        key = canonical(feed)
        if key in self._feeds:
            raise _Outside(f"the feed {feed[:120]} is listed twice, first in line {self._feeds[key]}")
        outlet = self._placed(_outlet(said, feed, outline.line))
        if len(self._feeds) >= MOST_FEEDS:
            raise _Outside(f"there are more than {MOST_FEEDS} feeds")
        self._feeds[key] = outline.line
        self.outlets[outlet.name.casefold()] = outlet

    def _placed(self, outlet: OutletEntry) -> OutletEntry:
        """A Feed of an Outlet that is there already joins it; another Outlet of the same name is told apart by its host."""
        host = host_of(outlet.homepage)
        for name in (outlet.name, _shortened(outlet.name, f" ({host})")):
            other = self.outlets.get(name.casefold())
            if other is None:
                return replace(outlet, name=name)
            if host_of(other.homepage) == host:
                return replace(other, feeds=(*other.feeds, *outlet.feeds))
        raise _Outside(f"another outlet is called '{outlet.name}' too")


def _outlet(said: dict[str, str], feed: str, line: int) -> OutletEntry:
    at = take_apart(feed)
    homepage = said.get("htmlurl", "").strip()
    try:
        take_apart(homepage)
    except UrlRefused:  # a feed's own host is the best guess, and the operator sees it
        homepage = f"{at.scheme}://{at.host}/"
    lean = said.get(f"{NAMESPACE} lean", "")
    if lean and lean not in set(Lean):
        raise _Outside(f"unknown lean '{_one_line(lean)[:40]}'; known are {', '.join(Lean)}")
    basis = html_text.cut(_one_line(said.get(f"{NAMESPACE} lean_basis", "")), _LONGEST_BASIS)
    return OutletEntry(
        name=_name(said) or _shortened(host_of(feed)),
        homepage=homepage,
        lean=Lean(lean) if lean else Lean.CENTER,
        lean_basis=basis if lean else UNASSIGNED,
        feeds=(feed,),
        enabled=bool(lean) and said.get(f"{NAMESPACE} enabled") != "false",
        disputed=said.get(f"{NAMESPACE} disputed") == "true",
        policy="feed",
        line=line,
    )


def _name(said: dict[str, str]) -> str:
    return _shortened(_one_line(said.get("title", "")) or _one_line(said.get("text", "")))


def _shortened(name: str, behind: str = "") -> str:
    """A name that fits, with ``behind`` kept whole where it can be."""
    return (name[: max(0, LONGEST_NAME - len(behind))].rstrip() + behind)[:LONGEST_NAME].strip()


def _one_line(text: str) -> str:
    """OPML's attributes are plain text: "<b>" stays as it stands, what no one can see goes."""
    return "".join(c for c in " ".join(text.split()) if c.isprintable()).strip()


def _outlines(text: str, name: str) -> list[_Outline]:
    """Every outline, in order, with its line. The document type is where attacks live, and OPML needs none: refused."""
    parser = expat.ParserCreate("utf-8", namespace_separator=" ")
    found: list[_Outline] = []
    above: list[_Outline | None] = []

    def opened(element: str, attributes: dict[str, str]) -> None:
        if not above and element.lower() != "opml":
            raise _Outside(f"this is no OPML: its first element is '{element[:40]}'")
        if len(above) >= DEEPEST:
            raise _Outside("its outlines are nested beyond reason")
        outline = None
        if element.lower() == "outline":
            outline = _Outline(parser.CurrentLineNumber, attributes)
            found.append(outline)
            if above[-1] is not None:
                above[-1].is_folder = True
        above.append(outline)

    def closed(_element: str) -> None:
        above.pop()

    def declared(*_: object) -> None:
        raise _Outside("it declares a document type (DTD), which no OPML needs")

    parser.StartElementHandler = opened
    parser.EndElementHandler = closed
    parser.StartDoctypeDeclHandler = declared
    try:
        parser.Parse(text.encode("utf-8", "replace"), True)
    except _Outside as error:
        raise CatalogueError(f"{name}, line {parser.CurrentLineNumber}: {error}.") from None
    except expat.ExpatError as error:
        reason = expat.ErrorString(error.code)
        raise CatalogueError(f"{name}, line {error.lineno}: this is not XML: {reason}.") from None
    return found


def _toml(text: str) -> str:
    """A TOML basic string: JSON's escapes, and DEL, which TOML forbids bare."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _attribute(text: str) -> str:
    return quoteattr(
        "".join(c for c in text if c.isprintable()), {'"': "&quot;"}
    )  # always in double quotation marks
