"""JSON Feed 1 and 1.1 (jsonfeed.org), read by ourselves: feedparser does not know it. Pure."""

from __future__ import annotations

import html
import json
from datetime import UTC, datetime
from typing import Any

from newsletter.feeds.raw_feed import MOST_CATEGORIES, MOST_ENTRIES, FeedRefused, RawEntry, RawFeed
from newsletter.feeds.urls import UrlRefused, canonical


def read_json_feed(text: str, base_url: str) -> RawFeed:
    """The feed in ``text``. Raises :class:`FeedRefused`."""
    try:
        document = json.loads(text, strict=False)
    except (ValueError, RecursionError):
        raise FeedRefused("It is broken JSON.") from None
    if not isinstance(document, dict):
        raise FeedRefused("It is JSON, but no JSON Feed.")
    rows = document.get("items")
    is_feed = "jsonfeed.org/version" in _word(document, "version")
    if not isinstance(rows, list) or not (is_feed or "title" in document):
        raise FeedRefused("It is JSON, but no JSON Feed.")
    base = _word(document, "home_page_url")
    try:
        base = canonical(base, base_url) if base else base_url
    except UrlRefused:
        base = base_url
    author = _author(document)
    entries = tuple(_raw(row, author) for row in rows[:MOST_ENTRIES] if isinstance(row, dict))
    return RawFeed(title=_word(document, "title"), base=base, entries=entries)


def _raw(row: dict[str, Any], feed_author: str) -> RawEntry:
    """``title``, ``summary`` and ``content_text`` are plain text by the standard; the rest of the way takes markup."""
    guid = _word(row, "id")
    tags = row.get("tags")
    tags = tags[:MOST_CATEGORIES] if isinstance(tags, list) else []
    links = tuple(x for x in (_word(row, "url"), _word(row, "external_url"), guid) if x)
    return RawEntry(
        links=links,
        title=html.escape(_word(row, "title"), quote=False)
        if "<" not in _word(row, "title")
        else _word(row, "title"),
        summary=_word(row, "summary"),
        content=_word(row, "content_html") or html.escape(_word(row, "content_text"), quote=False),
        moment=_moment(_word(row, "date_published")) or _moment(_word(row, "date_modified")),
        guid=guid or None,
        author=_author(row) or feed_author,
        categories=tuple(t for t in tags if isinstance(t, str)),
    )


def _author(row: dict[str, Any]) -> str:
    """1.1 has ``authors``, 1 had ``author``."""
    people = row.get("authors")
    first = people[0] if isinstance(people, list) and people else row.get("author")
    return _word(first, "name") if isinstance(first, dict) else ""


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
        return (moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _word(row: dict[str, Any], key: str) -> str:
    """A string, or a number written as one (ids are often numbers although the standard says otherwise)."""
    value = row.get(key)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    return value if isinstance(value, str) else str(value)[:100]
