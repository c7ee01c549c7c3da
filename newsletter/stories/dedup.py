"""Detect wire copies: the same text printed by several Outlets. Pure.

Texts are compared by the overlap of their word shingles (Broder 1997): runs of :data:`SHINGLE_WORDS` consecutive words.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from newsletter.stories.words import fold

SHINGLE_WORDS = 4  # words in a shingle
FEWEST_SHINGLES = 8  # an excerpt with fewer shingles is too short to compare
# Share of the shorter text's shingles that a copy has too. Outlets add a heading, name their own town or take a version that is
# an hour newer; independently written texts share a fifth at most, apart from long quotations.
LEAST_OVERLAP = 0.5
COMPARED_WORDS = 120  # from the beginning, because feeds cut the same text at different lengths
_LONG_QUOTATION = re.compile(r"“[^“”]{60,600}”|\"[^\"]{60,600}\"")
_PLAIN_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True)
class ComparedText:
    """The text of an Article: its id, headline and excerpt, and the wire key that it has already, if any."""

    id: int
    headline: str
    excerpt: str
    wire_key: str | None = None


def wire_keys(texts: Sequence[ComparedText]) -> dict[int, str | None]:
    """Return the wire key of each Article of one Story, by id: equal for copies, None for a text without copies.

    ``texts`` are oldest first. Each text is compared with the oldest text of each group so far, so that a chain of small
    changes does not give one key to two different texts. A key that an Article has already is kept.
    """
    groups: list[tuple[frozenset[tuple[str, ...]], str, list[ComparedText]]] = []
    for text in texts:
        shingles, headline = _shingles(text.excerpt), _normalized(text.headline)
        for first_shingles, other_headline, members in groups:
            if _is_copy(shingles, headline, first_shingles, other_headline):
                members.append(text)
                break
        else:
            groups.append((shingles, headline, [text]))
    keys: dict[int, str | None] = {}
    for _, _, members in groups:
        key = None
        if len(members) > 1:
            key = next((m.wire_key for m in members if m.wire_key), None) or _new_key(members[0])
        keys.update((m.id, key) for m in members)
    return keys


def _is_copy(
    shingles: frozenset[tuple[str, ...]],
    headline: str,
    other_shingles: frozenset[tuple[str, ...]],
    other_headline: str,
) -> bool:
    shorter = min(len(shingles), len(other_shingles))
    if shorter >= FEWEST_SHINGLES:
        return len(shingles & other_shingles) >= LEAST_OVERLAP * shorter
    # One of the excerpts is missing or too short: only an equal headline counts.
    return (
        bool(headline)
        and headline == other_headline
        and (not shingles or not other_shingles or bool(shingles & other_shingles))
    )


def _normalized(text: str) -> str:
    return " ".join(_PLAIN_WORD.findall(fold(text)))


def _shingles(text: str) -> frozenset[tuple[str, ...]]:
    """Return the shingles at the beginning of a text, without long quotations, which every outlet prints."""
    unquoted = _PLAIN_WORD.findall(fold(_LONG_QUOTATION.sub(" ", text)))[:COMPARED_WORDS]
    words = (
        unquoted
        if len(unquoted) >= FEWEST_SHINGLES + SHINGLE_WORDS - 1
        else _PLAIN_WORD.findall(fold(text))[:COMPARED_WORDS]
    )
    return frozenset(tuple(words[i : i + SHINGLE_WORDS]) for i in range(len(words) - SHINGLE_WORDS + 1))


def _new_key(first: ComparedText) -> str:
    return hashlib.sha256(f"{first.id}\n{_normalized(first.headline)}".encode()).hexdigest()[:16]
