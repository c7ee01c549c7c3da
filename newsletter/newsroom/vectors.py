"""Texts as sparse vectors of weighted words, for comparing Articles and Stories. Pure.

Weights are (1 + log tf) · idf, rows of length 1, so that a dot product is a cosine. Words are folded to plain lower case
and lightly stemmed (plural and possessive endings and the commonest verb endings), which keeps names apart that a
full stemmer would confuse.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt
from scipy import sparse

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*(?:[.,]\d+)*")
_ENDINGS = ("ations", "ation", "ings", "ing", "ers", "ies", "ed", "er", "es", "ly", "s")
_SHORTEST_STEM = 4  # letters that must stay
Floats = npt.NDArray[np.float64]


def fold(text: str) -> str:
    """Lower case without accents, so that "Petén" and "Peten" are one word."""
    plain = unicodedata.normalize("NFKD", text)
    return "".join(c for c in plain if not unicodedata.combining(c)).lower()


def stem(word: str) -> str:
    """The word without its commonest English ending; numbers and short words as they are."""
    for sign in ("'s", "’s", "'", "’"):
        word = word.removesuffix(sign)
    if not word.isalpha():
        return word.replace(",", "").replace("'", "").replace("’", "")
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= _SHORTEST_STEM:
            return word[: -len(ending)]
    if word.endswith("s") and len(word) > 3 and not word.endswith("ss"):
        return word[:-1]
    return word


class Stems:
    """Words of texts, stemmed; each distinct word is stemmed once."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}

    def of(self, text: str) -> list[str]:
        """The stems of ``text`` in order; single letters are dropped, single digits kept."""
        known = self._known
        found = []
        for word in _WORD.findall(fold(text)):
            short = known.get(word)
            if short is None:
                short = known[word] = stem(word)
            if len(short) > 1 or short.isdigit():
                found.append(short)
        return found


def weigh(
    counts: Sequence[Counter[str]], *, min_df: int = 2, max_share: float = 0.25, idf_power: float = 1.0
) -> sparse.csr_matrix:
    """One row of length 1 for each Counter of words: (1 + log tf) · idf.

    Words in fewer than ``min_df`` rows or in more than ``max_share`` of them say nothing about what belongs together
    and are left out; a row without any other word is empty. The columns are in alphabetical order, so that equal
    inputs give bit-equal outputs.
    """
    total = len(counts)
    seen: Counter[str] = Counter()
    for row in counts:
        seen.update(row.keys())
    most = max(max_share * total, min_df)
    words = sorted(w for w, df in seen.items() if min_df <= df <= most)
    column = {w: i for i, w in enumerate(words)}
    idf = np.array([np.log((1 + total) / (1 + seen[w])) + 1 for w in words], dtype=np.float64) ** idf_power
    starts: list[int] = [0]
    columns: list[int] = []
    values: list[int] = []
    for row in counts:
        kept = sorted((column[w], tf) for w, tf in row.items() if w in column)
        columns.extend(c for c, _ in kept)
        values.extend(tf for _, tf in kept)
        starts.append(len(columns))
    at = np.array(columns, dtype=np.int32)
    weights = (1 + np.log(np.array(values, dtype=np.float64))) * idf[at] if columns else np.zeros(0)
    matrix = sparse.csr_matrix((weights, at, np.array(starts, dtype=np.int64)), shape=(total, len(words)))
    return unit_rows(matrix)


def unit_rows(matrix: sparse.csr_matrix) -> sparse.csr_matrix:
    """The same rows at length 1; empty rows stay empty."""
    length = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel())
    length[length == 0] = 1.0
    return sparse.diags_array(1.0 / length).dot(matrix).tocsr()


def sums(matrix: sparse.csr_matrix, groups: Sequence[Sequence[int]]) -> sparse.csr_matrix:
    """One row for each group of row numbers: the sum of its rows."""
    where = [i for group in groups for i in group]
    which = [g for g, group in enumerate(groups) for _ in group]
    pick = sparse.csr_matrix(
        (np.ones(len(where)), (np.array(which, dtype=np.int64), np.array(where, dtype=np.int64))),
        shape=(len(groups), matrix.shape[0]),
    )
    return (pick @ matrix).tocsr()


def count(parts: Iterable[tuple[Sequence[str], int]]) -> Counter[str]:
    """Words of several texts counted together, each text as often as its number says."""
    total: Counter[str] = Counter()
    for words, times in parts:
        for word in words:
            total[word] += times
    return total
