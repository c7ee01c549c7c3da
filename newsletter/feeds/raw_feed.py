"""What a format's reader found in a document, before cleaning: the same for RSS, RDF, Atom and JSON Feed. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

MOST_ENTRIES = 500  # of one document; the newest stand first
MOST_CATEGORIES = 20  # of one Entry


class FeedRefused(ValueError):
    """This document is no feed we can read. The message is the reason, one sentence."""

    @property
    def reason(self) -> str:
        return str(self)


@dataclass(frozen=True)
class RawEntry:
    """What a format's reader found, before cleaning. The texts are markup."""

    links: tuple[str, ...]  # best first; relative ones allowed
    title: str
    summary: str
    content: str
    moment: datetime | None
    guid: str | None
    author: str
    categories: tuple[str, ...] = ()


@dataclass(frozen=True)
class RawFeed:
    """A document's own name, its address, the base of its links, and its Entries."""

    title: str
    base: str
    entries: tuple[RawEntry, ...]
