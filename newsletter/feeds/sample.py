"""The sample edition: invented outlets and events, served as real feed documents without a network.

It serves for a first look without any feed, and for the tests. It is never used silently: every page and mail made from it is
labelled. The texts are in ``sample/``, with ages in hours instead of dates, and ``{weekday:+3}`` or ``{date:-1}`` instead of days.
"""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from email.utils import format_datetime
from functools import cache
from html import escape
from pathlib import Path
from urllib.parse import urljoin
from zoneinfo import ZoneInfo

from newsletter.feeds.catalogue import Catalogue, OutletEntry, load_catalogue
from newsletter.feeds.fetcher import Fetched, Fetcher

_FOLDER = Path(__file__).with_name("sample")
_DAY = re.compile(r"\{(weekday|date):([+-]\d+)\}")
_NOT_IN_ADDRESSES = re.compile(r"[^a-z0-9]+")
_ATOM = "http://www.w3.org/2005/Atom"
_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_RSS1 = "http://purl.org/rss/1.0/"
_DC = "http://purl.org/dc/elements/1.1/"


@dataclass(frozen=True)
class SampleArticle:
    """An invented Article. ``hours`` is its age when the edition is made; its texts still have placeholders for days."""

    event: str
    outlet: str
    hours: float
    headline: str
    excerpt: str


@dataclass(frozen=True)
class SampleEntry:
    """An Entry of a sample feed."""

    url: str
    headline: str
    excerpt: str
    published_at: datetime


def catalogue() -> Catalogue:
    """Return the invented Outlets: six of the left, four of the center, six of the right."""
    return load_catalogue(_FOLDER / "outlets.toml")


@cache
def articles() -> tuple[SampleArticle, ...]:
    """Return all invented Articles; a wire copy appears once for each Outlet that prints it."""
    found = []
    for path in sorted((_FOLDER / "events").glob("*.toml")):
        for row in tomllib.loads(path.read_text(encoding="utf-8"))["article"]:
            # Each Outlet reprints an agency's text 12 minutes after the one before it.
            for copy, outlet in enumerate([row["outlet"], *row.get("also", ())]):
                age = row["hours"] - 0.2 * copy
                found.append(SampleArticle(path.stem, outlet, age, row["headline"], row["excerpt"]))
    return tuple(found)


def entries(outlet: str, now: datetime, *, zone: str = "UTC") -> tuple[SampleEntry, ...]:
    """Return the Entries that one Outlet has published by ``now``, newest first.

    Addresses and texts depend only on the calendar day in ``zone``, so that a second run on that day finds nothing new. Times
    are counted back from the last full hour.
    """
    day = now.astimezone(ZoneInfo(zone)).date()
    hour = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    home = _by_name()[outlet].homepage
    return tuple(
        SampleEntry(
            url=urljoin(home, f"{day:%Y/%m/%d}/{_slug(a.headline)}"),
            headline=dated(a.headline, day),
            excerpt=dated(a.excerpt, day),
            published_at=hour - timedelta(hours=a.hours),
        )
        for a in sorted(articles(), key=lambda a: (a.hours, a.headline))
        if a.outlet == outlet
    )


def fetcher(now: datetime, *, zone: str = "UTC") -> Fetcher:
    """Return a Fetcher that answers every feed of :func:`catalogue` without a network, and 404 for other addresses.

    It supports conditional requests: status 304 when the ETag is unchanged. ``zone`` is the newsletter's (EDITION_TZ).
    """
    outlet_of_feed = {feed: outlet for outlet in catalogue().outlets for feed in outlet.feeds}

    def fetch(url: str, *, etag: str | None = None, last_modified: str | None = None) -> Fetched:
        outlet = outlet_of_feed.get(url)
        if outlet is None:
            return Fetched(404, b"", None, None, "text/plain", url, None)
        published = entries(outlet.name, now, zone=zone)
        write, content_type = _FORMATS[Path(url).name]
        body = write(outlet, url, published)
        tag = f'"{hashlib.sha256(body).hexdigest()[:20]}"'
        changed = format_datetime(published[0].published_at, usegmt=True)
        # The date counts only without an ETag (RFC 9110, section 13.1.3).
        same = etag == tag if etag else last_modified == changed
        if same:
            return Fetched(304, b"", tag, changed, content_type, url, None)
        return Fetched(200, body, tag, changed, content_type, url, None)

    return fetch


def _by_name() -> dict[str, OutletEntry]:
    return {o.name: o for o in catalogue().outlets}


def _slug(headline: str) -> str:
    return _NOT_IN_ADDRESSES.sub("-", _DAY.sub("", headline).lower().replace("’", "")).strip("-")


def dated(text: str, day: date) -> str:
    """Replace the placeholders of days: ``{weekday:+3}`` by "Thursday", ``{date:+12}`` by "December 5"."""

    def name(found: re.Match[str]) -> str:
        other_day = day + timedelta(days=int(found[2]))
        return f"{other_day:%A}" if found[1] == "weekday" else f"{other_day:%B} {other_day.day}"

    return _DAY.sub(name, text)


def _child(parent: ET.Element, tag: str, text: str | None = None, **attributes: str) -> ET.Element:
    element = ET.SubElement(parent, tag, attributes)
    element.text = text
    return element


def _bytes(root: ET.Element) -> bytes:
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True))


def _paragraph(excerpt: str) -> str:
    """Return the excerpt as markup, which the document escapes once more, as in many feeds."""
    return f"<p>{escape(excerpt, quote=False)}</p>"


def _rss(outlet: OutletEntry, url: str, published: tuple[SampleEntry, ...]) -> bytes:
    root = ET.Element("rss", version="2.0")
    channel = _child(root, "channel")
    _child(channel, "title", outlet.name)
    _child(channel, "link", outlet.homepage)
    _child(channel, "description", f"{outlet.name}, an invented outlet of the sample edition")
    for entry in published:
        item = _child(channel, "item")
        _child(item, "title", entry.headline)
        _child(item, "link", entry.url)
        _child(item, "guid", entry.url, isPermaLink="true")
        _child(item, "pubDate", format_datetime(entry.published_at, usegmt=True))
        _child(item, "description", _paragraph(entry.excerpt))
    return _bytes(root)


def _atom(outlet: OutletEntry, url: str, published: tuple[SampleEntry, ...]) -> bytes:
    root = ET.Element(f"{{{_ATOM}}}feed")
    _child(root, f"{{{_ATOM}}}title", outlet.name)
    _child(root, f"{{{_ATOM}}}id", outlet.homepage)
    _child(root, f"{{{_ATOM}}}link", rel="self", href=url)
    _child(root, f"{{{_ATOM}}}updated", published[0].published_at.isoformat())
    for entry in published:
        node = _child(root, f"{{{_ATOM}}}entry")
        _child(node, f"{{{_ATOM}}}title", entry.headline, type="text")
        _child(node, f"{{{_ATOM}}}link", rel="alternate", href=entry.url)
        _child(node, f"{{{_ATOM}}}id", entry.url)
        _child(node, f"{{{_ATOM}}}published", entry.published_at.isoformat())
        _child(node, f"{{{_ATOM}}}updated", entry.published_at.isoformat())
        _child(node, f"{{{_ATOM}}}summary", _paragraph(entry.excerpt), type="html")
    return _bytes(root)


def _rdf(outlet: OutletEntry, url: str, published: tuple[SampleEntry, ...]) -> bytes:
    about = f"{{{_RDF}}}about"
    root = ET.Element(f"{{{_RDF}}}RDF")
    channel = ET.SubElement(root, f"{{{_RSS1}}}channel", {about: url})
    _child(channel, f"{{{_RSS1}}}title", outlet.name)
    _child(channel, f"{{{_RSS1}}}link", outlet.homepage)
    _child(channel, f"{{{_RSS1}}}description", f"{outlet.name}, an invented outlet of the sample edition")
    order = _child(_child(channel, f"{{{_RSS1}}}items"), f"{{{_RDF}}}Seq")
    for entry in published:
        ET.SubElement(order, f"{{{_RDF}}}li", {f"{{{_RDF}}}resource": entry.url})
        item = ET.SubElement(root, f"{{{_RSS1}}}item", {about: entry.url})
        _child(item, f"{{{_RSS1}}}title", entry.headline)
        _child(item, f"{{{_RSS1}}}link", entry.url)
        _child(item, f"{{{_RSS1}}}description", entry.excerpt)
        _child(item, f"{{{_DC}}}date", entry.published_at.isoformat())
    return _bytes(root)


def _json_feed(outlet: OutletEntry, url: str, published: tuple[SampleEntry, ...]) -> bytes:
    document = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": outlet.name,
        "home_page_url": outlet.homepage,
        "feed_url": url,
        "items": [
            {
                "id": entry.url,
                "url": entry.url,
                "title": entry.headline,
                "summary": entry.excerpt,
                "content_html": _paragraph(entry.excerpt),
                "date_published": entry.published_at.isoformat(),
            }
            for entry in published
        ],
    }
    return json.dumps(document, ensure_ascii=False, indent=1).encode()


_Write = Callable[[OutletEntry, str, tuple[SampleEntry, ...]], bytes]
# By the last part of a feed's address.
_FORMATS: dict[str, tuple[_Write, str]] = {
    "feed.xml": (_rss, "application/rss+xml; charset=utf-8"),
    "atom.xml": (_atom, "application/atom+xml; charset=utf-8"),
    "index.rdf": (_rdf, "application/rdf+xml; charset=utf-8"),
    "feed.json": (_json_feed, "application/feed+json; charset=utf-8"),
}
