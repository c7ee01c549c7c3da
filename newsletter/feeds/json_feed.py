"""Parse JSON Feed 1 and 1.1 (jsonfeed.org), which feedparser does not support. Pure."""

from __future__ import annotations

import html
import json
from datetime import UTC, datetime
from typing import Any

from newsletter.feeds import dates
from newsletter.feeds.raw_feed import MOST_CATEGORIES, MOST_ENTRIES, FeedRefused, RawEntry, RawFeed
from newsletter.feeds.urls import UrlRefused, canonical


def read_json_feed(text: str, base_url: str) -> RawFeed:
    """Return the feed in ``text``. ``base_url`` is the address of the document. Raises :class:`FeedRefused`."""
    try:
        document = json.loads(text, strict=False)
    except (ValueError, RecursionError):
        raise FeedRefused("It is broken JSON.") from None
    if not isinstance(document, dict):
        raise FeedRefused("It is JSON, but no JSON Feed.")
    rows = document.get("items")
    is_feed = "jsonfeed.org/version" in _string(document, "version")
    if not isinstance(rows, list) or not (is_feed or "title" in document):
        raise FeedRefused("It is JSON, but no JSON Feed.")
    base = _string(document, "home_page_url")
    try:
        base = canonical(base, base_url) if base else base_url
    except UrlRefused:
        base = base_url
    author = _author(document)
    entries = tuple(_raw_entry(row, author) for row in rows[:MOST_ENTRIES] if isinstance(row, dict))
    return RawFeed(title=_string(document, "title"), base=base, entries=entries)


def _raw_entry(row: dict[str, Any], feed_author: str) -> RawEntry:
    """Return one item as a RawEntry. ``title``, ``summary`` and ``content_text`` are plain text by the standard, whereas the
    fields of a RawEntry are markup."""
    guid = _string(row, "id")
    tags = row.get("tags")
    tags = tags[:MOST_CATEGORIES] if isinstance(tags, list) else []
    links = tuple(x for x in (_string(row, "url"), _string(row, "external_url"), guid) if x)
    return RawEntry(
        links=links,
        title=html.escape(_string(row, "title"), quote=False)
        if "<" not in _string(row, "title")
        else _string(row, "title"),
        summary=_string(row, "summary"),
        content=_string(row, "content_html") or html.escape(_string(row, "content_text"), quote=False),
        moment=_moment(_string(row, "date_published")) or _moment(_string(row, "date_modified")),
        guid=guid or None,
        author=_author(row) or feed_author,
        categories=tuple(t for t in tags if isinstance(t, str)),
    )


def _author(row: dict[str, Any]) -> str:
    """Return the author's name, or an empty string. Version 1.1 has ``authors``, version 1 has ``author``."""
    authors = row.get("authors")
    first = authors[0] if isinstance(authors, list) and authors else row.get("author")
    return _string(first, "name") if isinstance(first, dict) else ""


def _moment(text: str) -> datetime | None:
    """Return the moment of a date in RFC 3339, as the standard says, or as RSS writes it, which some feeds do."""
    try:
        moment = datetime.fromisoformat(text)
        return (moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment).astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    try:
        return dates.read(text)
    except dates.UnknownZone:
        return None


def _string(row: dict[str, Any], key: str) -> str:
    """Return a string, or a number as a string: ids are often numbers, against the standard. Anything else gives ""."""
    value = row.get(key)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    return value if isinstance(value, str) else str(value)[:100]
