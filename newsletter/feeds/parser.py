"""Parse a fetched document into Entries. Pure: bytes in, values out.

RSS 0.9x, RSS 1.0 (RDF), RSS 2.0 and Atom are parsed with feedparser, JSON Feed with our own parser. Before feedparser gets a
document, it is decompressed, decoded and checked for entity bombs here, so that the text that was checked is the text that is
parsed.
"""

from __future__ import annotations

import calendar
import io
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import feedparser

from newsletter.feeds import dates, html_text
from newsletter.feeds.encoding import GZIP, Damaged, TooLarge, gunzip, to_text
from newsletter.feeds.json_feed import read_json_feed
from newsletter.feeds.kinds import ArticleKind, classify
from newsletter.feeds.raw_feed import MOST_CATEGORIES, MOST_ENTRIES, FeedRefused, RawEntry, RawFeed
from newsletter.feeds.urls import UrlRefused, canonical
from newsletter.feeds.xml_repair import Unsafe, prepare

__all__ = ["FeedEntry", "FeedRefused", "read_entries", "read_raw", "usable_date"]

LARGEST = 5 * 1024 * 1024  # bytes after decompression
FUTURE_ALLOWED = timedelta(
    days=1
)  # clocks and time zones are often wrong by hours; a date further ahead is invalid
_EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class FeedEntry:
    """One item of a feed, in plain text. ``published_at`` is None when the feed gives no usable date."""

    url: str  # canonical
    headline: str
    excerpt: str
    published_at: datetime | None
    guid: str | None
    author: str
    kind: ArticleKind = ArticleKind.NEWS


def read_entries(
    body: bytes, content_type: str, base_url: str, *, now: datetime, identities: Collection[str] = ()
) -> list[FeedEntry]:
    """Return the Entries of a document fetched from ``base_url``, in its order, each address once, at most 500.

    ``identities`` are names and addresses of the Outlet, which are removed from the end and the front of titles. Raises
    :class:`FeedRefused`.
    """
    raw = read_raw(body, content_type, base_url)
    names = [*identities, raw.title] if 0 < len(raw.title) <= 80 else list(identities)
    found: dict[str, FeedEntry] = {}
    for row in raw.entries[:MOST_ENTRIES]:
        entry = _clean_entry(row, raw.base, names, now)
        if entry is not None:
            found.setdefault(entry.url, entry)
    return list(found.values())


def read_raw(body: bytes, content_type: str, base_url: str) -> RawFeed:
    """Return the document as its format's parser reads it, before cleaning. Raises :class:`FeedRefused`."""
    if body.startswith(GZIP):
        try:
            body = gunzip(body, LARGEST)
        except TooLarge:
            raise FeedRefused(f"It is larger than {LARGEST // 1024 // 1024} MB when unpacked.") from None
        except Damaged:
            raise FeedRefused("It is a damaged gzip file.") from None
    if len(body) > LARGEST:
        raise FeedRefused(f"It is larger than {LARGEST // 1024 // 1024} MB.")
    text = to_text(body, content_type).lstrip("\ufeff \t\r\n\x00\x0b\x0c")
    if not text:
        raise FeedRefused("It is empty.")
    if text[0] in "{[":
        return read_json_feed(text, base_url)
    return _read_xml(text, base_url)


def _read_xml(text: str, base_url: str) -> RawFeed:
    try:
        document = prepare(text, most_entries=MOST_ENTRIES)
    except Unsafe as error:
        raise FeedRefused(str(error)) from None
    # feedparser does not get the document's address, because it would resolve every relative address against it.
    headers = {"content-type": "application/xml; charset=utf-8"}
    parsed = feedparser.parse(
        io.BytesIO(document), response_headers=headers, sanitize_html=False, resolve_relative_uris=False
    )
    if not parsed.version and not parsed.entries:
        raise FeedRefused("It is XML, but not RSS, RDF or Atom.")
    feed = parsed.feed
    entries = tuple(_raw_entry(e) for e in parsed.entries[:MOST_ENTRIES])
    title = html_text.plain(_text(feed, "title"))
    return RawFeed(title=title, base=_base(parsed.version, _text(feed, "link"), base_url), entries=entries)


def _base(version: str, site: str, base_url: str) -> str:
    """Return the base of relative addresses: in Atom the document's address (RFC 4287), in RSS, which does not define it, the
    site that the feed names, because many feeds are hosted elsewhere."""
    if version.startswith("atom") or not site:
        return base_url
    try:
        return canonical(site, base_url)
    except UrlRefused:
        return base_url


def _raw_entry(entry: Mapping[str, Any]) -> RawEntry:
    contents = entry.get("content") or []
    content = next((str(c.get("value") or "") for c in contents if c.get("value")), "")
    return RawEntry(
        links=tuple(_links(entry)),
        title=_text(entry, "title"),
        summary=_text(entry, "summary") or _text(entry, "subtitle"),
        content=content,
        moment=_moment(entry),
        guid=_text(entry, "id") or None,
        author=_text(entry, "author"),
        categories=tuple(_categories(entry)),
    )


def _categories(entry: Mapping[str, Any]) -> list[str]:
    """Return the terms and labels of the Entry's categories."""
    tags = (entry.get("tags") or [])[:MOST_CATEGORIES]
    return [str(tag[key]) for tag in tags for key in ("term", "label") if tag.get(key)]


def _links(entry: Mapping[str, Any]) -> list[str]:
    """Return the addresses of the Article, best first. FeedBurner gives the outlet's own address beside its redirect."""
    links = entry.get("links") or []
    found = [_text(entry, "feedburner_origlink"), _text(entry, "link")]
    for rel in ("alternate", "via", "self", "related"):
        found += [str(x.get("href") or "") for x in links if x.get("rel") == rel]
    found.append(_text(entry, "id"))
    return [f for f in found if f.strip()]


def _moment(entry: Mapping[str, Any]) -> datetime | None:
    """Return when the Entry says it appeared. Dates in words that only feedparser reads are taken from it."""
    for name in ("published", "updated", "created"):
        try:
            if moment := dates.read(_text(entry, name)):
                return moment
        except dates.UnknownZone:
            continue
        if f"{name}_parsed" in entry and (parsed := entry[f"{name}_parsed"]):
            try:
                return datetime.fromtimestamp(calendar.timegm(parsed), UTC)
            except (ValueError, OverflowError, OSError, TypeError):
                continue
    return None


def _text(values: Mapping[str, Any], key: str) -> str:
    value = values.get(key) if key in values else None
    return value if isinstance(value, str) else ""


def _clean_entry(row: RawEntry, base: str, names: Collection[str], now: datetime) -> FeedEntry | None:
    """Return the Entry in plain text, or None when it has no usable address or no text."""
    url = next((u for u in (_address(link, base) for link in row.links) if u), None)
    if url is None:
        return None
    words = html_text.excerpt(row.summary) or html_text.excerpt(row.content)
    headline = html_text.headline(row.title, names) or html_text.first_sentence(words)
    if not headline:
        return None
    return FeedEntry(
        url=url,
        headline=headline,
        excerpt="" if words == headline else words,
        published_at=usable_date(row.moment, now),
        guid=html_text.cut(html_text.plain(row.guid), 500) if row.guid else None,
        author=html_text.cut(html_text.plain(row.author), 200),
        kind=classify(html_text.plain(row.title), url, row.categories, words),
    )


def _address(link: str, base: str) -> str | None:
    """Return the canonical address of a link, or None. A bare id such as "1234" is not an address."""
    if not re.match(r"(?i)https?:|[/.?]", link.strip()) and not re.search(r"[/.]", link.split("?")[0]):
        return None
    try:
        return canonical(link, base)
    except UrlRefused:
        return None


def usable_date(moment: datetime | None, now: datetime) -> datetime | None:
    """Return the date if it is plausible, else None: dates before 1990 or more than a day ahead are not; a date less than a
    day ahead counts as ``now``."""
    if moment is None or moment < _EARLIEST or moment > now + FUTURE_ALLOWED:
        return None
    return min(moment, now)
