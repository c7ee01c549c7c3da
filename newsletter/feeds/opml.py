"""Convert between the Catalogue and OPML 2.0 (opml.org), the format in which feed readers exchange lists of feeds. Pure.

OPML has no Leans. Our files add them in attributes of our own namespace, as OPML prescribes for extensions. An Outlet from another
list is disabled until an operator has set its Lean and the reason.
"""

from __future__ import annotations

import json
import re
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
DEEPEST = 50  # levels of nested outlines
_SECTION = re.compile(r"\s+[-–—|·:»>/]+\s+|:\s+")  # between the name of an outlet and that of its section
MOST_FEEDS = 5_000
_LONGEST_BASIS = 500  # characters


@dataclass(frozen=True)
class LeftOut:
    """An outline that was not imported, and the reason."""

    line: int
    reason: str


@dataclass(frozen=True)
class OpmlReading:
    """The result of reading an OPML file. ``outlets`` can be put into a Catalogue; their ``line`` is the line in the OPML file."""

    outlets: tuple[OutletEntry, ...]
    left_out: tuple[LeftOut, ...]


@dataclass
class _Outline:
    line: int
    attributes: dict[str, str]
    is_folder: bool = False


class _OutlineRefused(Exception):
    """An outline, or the whole file, is refused; the message is the reason."""


def read_opml(body: bytes, name: str) -> OpmlReading:
    """Return the Outlets of an OPML file. Raises :class:`CatalogueError` with the file, the line and the reason."""
    if len(body) > LARGEST:
        raise CatalogueError(f"{name}, line 1: it is larger than {LARGEST // 1024 // 1024} MB.")
    collector = _OutletCollector()
    for outline in _outlines(to_text(body).lstrip("\ufeff"), name):
        collector.take(outline)
    return OpmlReading(tuple(collector.outlets.values()), tuple(collector.left_out))


def to_toml(outlets: Iterable[OutletEntry]) -> str:
    """Return the Outlets as ``[[outlet]]`` blocks, which :func:`parse_catalogue` reads."""
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
    """Return the Catalogue as OPML 2.0, with one outline for each Feed, named after its Outlet."""
    lines = [
        '<?xml version="1.0" encoding="utf-8"?>',
        f'<opml version="2.0" xmlns:catalogue="{NAMESPACE}">',
        f"  <head><title>{_attribute(title)[1:-1]}</title></head>",
        "  <body>",
    ]
    for outlet in catalogue.outlets:
        for feed in outlet.feeds:
            attributes = {
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
            lines.append(
                "    <outline " + " ".join(f"{k}={_attribute(v)}" for k, v in attributes.items()) + "/>"
            )
    return "\n".join([*lines, "  </body>", "</opml>", ""])


class _OutletCollector:
    """Collects the Outlets of outlines, and refuses feeds that come twice."""

    def __init__(self) -> None:
        self.outlets: dict[str, OutletEntry] = {}  # by name in lower case
        self.left_out: list[LeftOut] = []
        self._feeds: dict[str, int] = {}
        self._names: dict[tuple[str, str], str] = {}  # of unassigned Outlets, by publisher

    def take(self, outline: _Outline) -> None:
        try:
            self._take(outline)
        except (UrlRefused, _OutlineRefused) as error:
            self.left_out.append(LeftOut(outline.line, f"{error}"))

    def _take(self, outline: _Outline) -> None:
        attributes = {name.lower(): value for name, value in outline.attributes.items()}
        feed = attributes.get("xmlurl", "").strip()
        if not feed:
            if outline.is_folder:
                return
            raise _OutlineRefused(f"'{_name(attributes) or 'an outline'}' has no xmlUrl, so it is no feed")
        key = canonical(feed)
        if key in self._feeds:
            raise _OutlineRefused(f"the feed {feed[:120]} is listed twice, first in line {self._feeds[key]}")
        outlet = self._merged_or_new(_outlet(attributes, feed, outline.line))
        if len(self._feeds) >= MOST_FEEDS:
            raise _OutlineRefused(f"there are more than {MOST_FEEDS} feeds")
        self._feeds[key] = outline.line
        self.outlets[outlet.name.casefold()] = outlet
        if outlet.lean_basis == UNASSIGNED:
            self._names.setdefault(_section_key(outlet), outlet.name.casefold())

    def _merged_or_new(self, outlet: OutletEntry) -> OutletEntry:
        """Return the Outlet to store: a known one with the new Feed added, or a new one. A different Outlet of the same name gets
        its host as an addition to the name."""
        host = host_of(outlet.homepage)
        if section_of := self._section_of(outlet):
            sibling, whole = section_of
            del self.outlets[sibling.name.casefold()]
            self._names[_section_key(outlet)] = whole.casefold()
            return replace(sibling, name=whole, feeds=(*sibling.feeds, *outlet.feeds))
        for name in (outlet.name, _shortened(outlet.name, f" ({host})")):
            other = self.outlets.get(name.casefold())
            if other is None:
                return replace(outlet, name=name)
            if host_of(other.homepage) == host:
                return replace(other, feeds=(*other.feeds, *outlet.feeds))
        raise _OutlineRefused(f"another outlet is called '{outlet.name}' too")

    def _section_of(self, outlet: OutletEntry) -> tuple[OutletEntry, str] | None:
        """Return the Outlet of which this one is another section, such as "Courier - World" of "Courier - Politics", and the name that
        both begin with. One publisher must not count as several voices. What our own files call Outlets stays apart."""
        if outlet.lean_basis != UNASSIGNED or outlet.name.casefold() in self.outlets:
            return None
        other = self.outlets.get(self._names.get(_section_key(outlet), ""))
        if other is None:
            return None
        whole = _whole_name(other)
        is_taken = whole.casefold() in self.outlets  # by this one itself, or by an outlet of another host
        return other, other.name if is_taken or not whole else whole


def _section_key(outlet: OutletEntry) -> tuple[str, str]:
    """Return what the sections of one Outlet share: their host, and the name in front of the first separator."""
    return host_of(outlet.homepage), _whole_name(outlet).casefold()


def _whole_name(outlet: OutletEntry) -> str:
    return _SECTION.split(outlet.name, maxsplit=1)[0].strip()


def _outlet(attributes: dict[str, str], feed: str, line: int) -> OutletEntry:
    feed_address = take_apart(feed)
    homepage = attributes.get("htmlurl", "").strip()
    try:
        take_apart(homepage)
    except UrlRefused:  # the feed's host is the best guess, which the operator can correct
        homepage = f"{feed_address.scheme}://{feed_address.host}/"
    lean = attributes.get(f"{NAMESPACE} lean", "")
    if lean and lean not in set(Lean):
        raise _OutlineRefused(f"unknown lean '{_one_line(lean)[:40]}'; known are {', '.join(Lean)}")
    basis = html_text.cut(_one_line(attributes.get(f"{NAMESPACE} lean_basis", "")), _LONGEST_BASIS)
    return OutletEntry(
        name=_name(attributes) or _shortened(host_of(feed)),
        homepage=homepage,
        lean=Lean(lean) if lean else Lean.CENTER,
        lean_basis=basis if lean else UNASSIGNED,
        feeds=(feed,),
        enabled=bool(lean) and attributes.get(f"{NAMESPACE} enabled") != "false",
        disputed=attributes.get(f"{NAMESPACE} disputed") == "true",
        policy="",
        line=line,
    )


def _name(attributes: dict[str, str]) -> str:
    return _shortened(_one_line(attributes.get("title", "")) or _one_line(attributes.get("text", "")))


def _shortened(name: str, suffix: str = "") -> str:
    """Return ``name`` and ``suffix`` in at most LONGEST_NAME characters, cutting the name first."""
    return (name[: max(0, LONGEST_NAME - len(suffix))].rstrip() + suffix)[:LONGEST_NAME].strip()


def _one_line(text: str) -> str:
    """Return an attribute's text in one line without unprintable characters. It is plain text, so that "<b>" is kept."""
    return "".join(c for c in " ".join(text.split()) if c.isprintable()).strip()


def _outlines(text: str, name: str) -> list[_Outline]:
    """Return every outline in order. Raises :class:`CatalogueError`, also for a document type declaration: OPML needs none, and
    attacks on XML parsers use it."""
    parser = expat.ParserCreate("utf-8", namespace_separator=" ")
    found: list[_Outline] = []
    open_outlines: list[_Outline | None] = []

    def start_element(element: str, attributes: dict[str, str]) -> None:
        if not open_outlines and element.lower() != "opml":
            raise _OutlineRefused(f"this is no OPML: its first element is '{element[:40]}'")
        if len(open_outlines) >= DEEPEST:
            raise _OutlineRefused("its outlines are nested beyond reason")
        outline = None
        if element.lower() == "outline":
            outline = _Outline(parser.CurrentLineNumber, attributes)
            found.append(outline)
            if open_outlines[-1] is not None:
                open_outlines[-1].is_folder = True
        open_outlines.append(outline)

    def end_element(_element: str) -> None:
        open_outlines.pop()

    def start_doctype(*_: object) -> None:
        raise _OutlineRefused("it declares a document type (DTD), which no OPML needs")

    parser.StartElementHandler = start_element
    parser.EndElementHandler = end_element
    parser.StartDoctypeDeclHandler = start_doctype
    try:
        parser.Parse(text.encode("utf-8", "replace"), True)
    except _OutlineRefused as error:
        raise CatalogueError(f"{name}, line {parser.CurrentLineNumber}: {error}.") from None
    except expat.ExpatError as error:
        reason = expat.ErrorString(error.code)
        raise CatalogueError(f"{name}, line {error.lineno}: this is not XML: {reason}.") from None
    return found


def _toml(text: str) -> str:
    """Return a TOML basic string: JSON's escapes, and an escaped DEL, which TOML does not allow unescaped."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _attribute(text: str) -> str:
    return quoteattr(
        "".join(c for c in text if c.isprintable()), {'"': "&quot;"}
    )  # always in double quotation marks
