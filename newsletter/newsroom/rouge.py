"""How much of an expert's words a text carries: ROUGE-1, -2 and -L as F1. Pure.

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

_WORD = re.compile(r"[a-z0-9]+")
_porter = snowballstemmer.stemmer("porter")


@dataclass(frozen=True)
class Rouge:
    """F1 of single words, of pairs, and of the longest common run with gaps, each 0…1."""

    one: float
    two: float
    longest: float


def rouge(expert: str, text: str) -> Rouge:
    """The text measured against the expert's. Two empty texts have nothing in common."""
    wanted, found = _tokens(expert), _tokens(text)
    return Rouge(
        _f1(_shared(wanted, found), len(wanted), len(found)),
        _f1(_shared(_pairs(wanted), _pairs(found)), len(wanted) - 1, len(found) - 1),
        _f1(_longest(wanted, found), len(wanted), len(found)),
    )


@lru_cache(maxsize=100_000)
def _stem(word: str) -> str:
    return str(_porter.stemWord(word)) if len(word) > 3 else word


def _tokens(text: str) -> list[str]:
    return [_stem(w) for w in _WORD.findall(text.lower())]


def _pairs(words: Sequence[str]) -> list[tuple[str, str]]:
    return list(pairwise(words))


def _shared(wanted: Sequence[object], found: Sequence[object]) -> int:
    return (Counter(wanted) & Counter(found)).total()


def _f1(shared: int, wanted: int, found: int) -> float:
    return 2 * shared / (wanted + found) if shared else 0.0


def _longest(wanted: Sequence[str], found: Sequence[str]) -> int:
    """Length of the longest common subsequence."""
    row = [0] * (len(found) + 1)
    for word in wanted:
        before = 0
        for place, other in enumerate(found, start=1):
            above = row[place]
            row[place] = before + 1 if word == other else max(above, row[place - 1])
            before = above
    return row[-1]
