"""A parsed feed document before cleaning, in one form for RSS, RDF, Atom and JSON Feed. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

MOST_ENTRIES = 500  # of one document, in its order; feeds list the newest first
MOST_CATEGORIES = 20  # of one Entry


class FeedRefused(ValueError):
    """The document is not a feed that we can read. The message is the reason, one sentence."""

    @property
    def reason(self) -> str:
        return str(self)


@dataclass(frozen=True)
class RawEntry:
    """An Entry as its format's parser found it. The texts may contain markup."""

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
    """A document: its title, the base address of its links, and its Entries."""

    title: str
    base: str
    entries: tuple[RawEntry, ...]
