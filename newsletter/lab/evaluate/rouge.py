"""Measures how many of an expert's words a text contains: ROUGE-1, -2 and -L as F1. Pure.

ROUGE: Lin, 2004. Words of more than three letters are stemmed (Porter), as in the reference implementation.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import snowballstemmer

_TOKEN = re.compile(r"[a-z0-9]+")
_porter = snowballstemmer.stemmer("porter")


@dataclass(frozen=True)
class Rouge:
    """F1 of single words, of pairs, and of the longest common run with gaps, each 0…1."""

    one: float
    two: float
    longest: float


def rouge(expert: str, text: str) -> Rouge:
    """Return the scores of the text against the expert's; 0 for two empty texts."""
    wanted, found = tokens(expert), tokens(text)
    return Rouge(
        _f1(_shared(wanted, found), len(wanted), len(found)),
        _f1(_shared(_pairs(wanted), _pairs(found)), len(wanted) - 1, len(found) - 1),
        _f1(_longest(wanted, found), len(wanted), len(found)),
    )


@lru_cache(maxsize=100_000)
def _stem(word: str) -> str:
    return str(_porter.stemWord(word)) if len(word) > 3 else word


def tokens(text: str) -> list[str]:
    """Return the words as ROUGE compares them: in lower case, with Porter stems of those of more than three letters."""
    return [_stem(w) for w in _TOKEN.findall(text.lower())]


def _pairs(words: Sequence[str]) -> list[tuple[str, str]]:
    return list(pairwise(words))


def _shared(wanted: Sequence[object], found: Sequence[object]) -> int:
    return (Counter(wanted) & Counter(found)).total()


def _f1(shared: int, wanted: int, found: int) -> float:
    return 2 * shared / (wanted + found) if shared else 0.0


def _longest(wanted: Sequence[str], found: Sequence[str]) -> int:
    """Return the length of the longest common subsequence, with all of ``wanted`` in the bits of one integer (Hyyrö, 2004,
    "Bit-parallel LCS-length computation revisited")."""
    places: dict[str, int] = {}
    for place, word in enumerate(wanted):
        places[word] = places.get(word, 0) | 1 << place
    mask = (1 << len(wanted)) - 1
    open_ = mask
    for word in found:
        here = open_ & places.get(word, 0)
        open_ = ((open_ + here) | (open_ - here)) & mask
    return len(wanted) - open_.bit_count()
