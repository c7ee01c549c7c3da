"""A Fetcher that shows feeds as they stood at a moment of the simulated time."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime
from functools import lru_cache
from threading import Lock

from lxml import etree

from newsletter.clock import YEARS, Clock
from newsletter.feeds.fetcher import Fetched, Fetcher

_ITEMS = {"item", "entry"}
_DATES = {"pubDate", "published", "updated", "date", "issued"}
_ADDRESSES = {"link", "guid", "id"}


class Newsstand:
    """A Fetcher that fetches each document once, and returns those of its items that were published by now. Thread-safe.

    Items without a readable date are shown from the beginning. ``again_after``: what is older than that is told anew, as many times
    as it fits into the time since, with addresses of its own; None: told once. Answers 304 while nothing new appeared.
    """

    def __init__(
        self, fetch: Fetcher, clock: Clock, *, since: datetime, again_after: timedelta | None = None
    ) -> None:
        self._fetch, self._clock = fetch, clock
        self._since, self._again_after = since, again_after
        self._kept: dict[str, _Document | Fetched] = {}
        self._lock = Lock()

    def __call__(self, url: str, *, etag: str | None = None, last_modified: str | None = None) -> Fetched:
        with self._lock:
            kept = self._kept.get(url)
        if kept is None:
            got = self._fetch(url)
            kept = _Document(got) if got.status == 200 else got
            with self._lock:
                self._kept[url] = kept
        return kept.at(self._clock(), self._round(), etag) if isinstance(kept, _Document) else kept

    def _round(self) -> tuple[int, timedelta]:
        """Return the number of the repetition, from 0, and how far its dates are moved."""
        if self._again_after is None:
            return 0, timedelta(0)
        nth = max(0, (self._clock() - self._since) // self._again_after)
        return nth, nth * self._again_after


class Reissued:
    """A Fetcher for editions that are made for each moment, such as the sample's: one for each day (UTC)."""

    def __init__(self, edition: Callable[[datetime], Fetcher], clock: Clock) -> None:
        self._edition = lru_cache(maxsize=2)(edition)
        self._clock = clock

    def __call__(self, url: str, *, etag: str | None = None, last_modified: str | None = None) -> Fetched:
        morning = self._clock().astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        return self._edition(morning)(url, etag=etag, last_modified=last_modified)


class _Document:
    """One complete feed, which returns a copy with the items published by a moment."""

    def __init__(self, fetched: Fetched) -> None:
        self._fetched = fetched
        parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False, recover=True)
        try:
            self._root = etree.parse(io.BytesIO(fetched.body), parser).getroot()
        except etree.XMLSyntaxError:  # without items it is returned unchanged
            self._root = None
        self._lock = Lock()
        found = [] if self._root is None else [e for e in self._root.iter() if _name(e) in _ITEMS]
        self._items = [(e, e.getparent(), _published(e)) for e in found]

    def at(self, now: datetime, told: tuple[int, timedelta], etag: str | None) -> Fetched:
        nth, moved = told
        shown = {n for n, (_, _, at) in enumerate(self._items) if at is None or at + moved <= now}
        tag = f'"{hashlib.sha256(repr((nth, sorted(shown))).encode()).hexdigest()[:16]}"'
        kept = self._fetched
        if etag == tag:
            return Fetched(304, b"", tag, None, kept.content_type, kept.url, None)
        body = kept.body if self._root is None else self._written(shown, nth, moved)
        return Fetched(200, body, tag, None, kept.content_type, kept.url, None)

    def _written(self, shown: set[int], nth: int, moved: timedelta) -> bytes:
        with self._lock, self._without(shown):  # the tree is changed and restored under the lock
            if not nth:
                return bytes(etree.tostring(self._root, encoding="utf-8", xml_declaration=True))
            with _shifted([self._items[n][0] for n in shown], nth, moved):
                return bytes(etree.tostring(self._root, encoding="utf-8", xml_declaration=True))

    @contextmanager
    def _without(self, shown: set[int]) -> Iterator[None]:
        away = [(e, p, p.index(e)) for n, (e, p, _) in enumerate(self._items) if n not in shown]
        for item, parent, _ in reversed(away):
            parent.remove(item)
        try:
            yield
        finally:
            for item, parent, place in away:
                parent.insert(place, item)


@contextmanager
def _shifted(items: list[etree._Element], nth: int, moved: timedelta) -> Iterator[None]:
    """Give these items later dates and other addresses while the block runs."""
    before: list[tuple[etree._Element, str | None]] = []
    for item in items:
        for part in item:
            if _name(part) in _DATES and part.text and (at := _moment(part.text.strip())):
                before.append((part, part.text))
                part.text = format_datetime(at + moved)
            elif _name(part) in _ADDRESSES and part.text:
                before.append((part, part.text))
                part.text = f"{part.text.strip()}{'&' if '?' in part.text else '?'}told={nth}"
    try:
        yield
    finally:
        for part, text in before:
            part.text = text


def _name(element: etree._Element) -> str:
    return str(element.tag).rpartition("}")[2]


def _published(item: etree._Element) -> datetime | None:
    """Return the earliest date of an item (RFC 822 or ISO 8601); None when it has no valid one."""
    texts = [str(e.text).strip() for e in item if _name(e) in _DATES and e.text]
    moments = [moment for text in texts if (moment := _moment(text))]
    return min(moments, default=None)


def _moment(text: str) -> datetime | None:
    for read in (parsedate_to_datetime, datetime.fromisoformat):
        try:
            moment = read(text)
        except ValueError:
            continue
        if moment.year not in YEARS:
            return None
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return None
