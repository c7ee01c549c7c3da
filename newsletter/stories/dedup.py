"""Wire copies: the same text printed by several Outlets. Pure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from newsletter.stories.words import fold

RUN = 4  # words in a row that are compared as one
FEWEST_RUNS = 8  # below this an excerpt is too short to tell a copy from a coincidence
# Share of the shorter text's runs that the other text has too. Outlets put a heading of their own in front, name their own
# town or take an hour's newer version; who writes independently shares a fifth at most, but for long quotations.
SAME = 0.5
COMPARED = 120  # words from the beginning; feeds cut the same text at different lengths
_LONG_QUOTATION = re.compile(r"“[^“”]{60,600}”|\"[^\"]{60,600}\"")
_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True)
class Print:
    """One printed text: an Article's number, headline and excerpt, and the wire key it has, if any."""

    id: int
    headline: str
    excerpt: str
    wire_key: str | None = None


def wire_keys(prints: Sequence[Print]) -> dict[int, str | None]:
    """The wire key of each Article of one Story, None where a text stands alone. ``prints`` are oldest first.

    Each text is compared with the oldest text of each key so far, so that a chain of rewrites does not end in one key
    for two different texts. A key once given stays.
    """
    leaders: list[tuple[frozenset[tuple[str, ...]], str, list[Print]]] = []
    for one in prints:
        runs, headline = _runs(one.excerpt), _flat(one.headline)
        for known, title, members in leaders:
            if _same(runs, headline, known, title):
                members.append(one)
                break
        else:
            leaders.append((runs, headline, [one]))
    keys: dict[int, str | None] = {}
    for _, _, members in leaders:
        key = None
        if len(members) > 1:
            key = next((m.wire_key for m in members if m.wire_key), None) or _new_key(members[0])
        keys.update((m.id, key) for m in members)
    return keys


def _same(
    runs: frozenset[tuple[str, ...]], headline: str, others: frozenset[tuple[str, ...]], title: str
) -> bool:
    shorter = min(len(runs), len(others))
    if shorter >= FEWEST_RUNS:
        return len(runs & others) >= SAME * shorter
    # An excerpt of one of them is missing or a few words: only the same headline over it counts.
    return bool(headline) and headline == title and (not runs or not others or bool(runs & others))


def _flat(text: str) -> str:
    return " ".join(_WORD.findall(fold(text)))


def _runs(text: str) -> frozenset[tuple[str, ...]]:
    """The runs of words at the beginning, outside of long quotations, which everybody prints."""
    own = _WORD.findall(fold(_LONG_QUOTATION.sub(" ", text)))[:COMPARED]
    words = own if len(own) >= FEWEST_RUNS + RUN - 1 else _WORD.findall(fold(text))[:COMPARED]
    return frozenset(tuple(words[i : i + RUN]) for i in range(len(words) - RUN + 1))


def _new_key(first: Print) -> str:
    return hashlib.sha256(f"{first.id}\n{_flat(first.headline)}".encode()).hexdigest()[:16]
