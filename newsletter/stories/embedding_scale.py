"""What an embedder's vectors say of a pair of texts, on the scale of the model that made them. Pure.

Models differ in what a cosine of theirs means: one gives .1 to two texts of different happenings and .8 to two of the same, another
.75 and .9. So the scale is read off the texts themselves: off pairs that share so many rare words that they surely tell one
happening, and off pairs that lie far from each other.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse

from newsletter.stories.tfidf import Floats, Numbers

WEIGHT = 0.12  # what the whole way from different to same counts, beside a cosine of words
SURE = 0.5  # cosine of words at which two texts surely tell one happening
FEW = 8  # sure pairs: by fewer the scale of a model is not known
APART = 0.1  # a model whose cosines of same and different are no further apart is not heard
_PAIRS = 20_000  # compared at once: bounds the memory


@dataclass(frozen=True)
class Meanings:
    """A row of length 1 for each text, of zeros where nothing is ``known``; ``same`` and ``other`` are the cosines that the model
    mostly gives to two texts of one happening, and of two."""

    vectors: Floats
    known: npt.NDArray[np.bool_]
    same: float
    other: float

    def moved(self, row: Numbers, col: Numbers) -> Floats:
        """By how much each pair's likeness moves: up where its cosine is nearer to ``same``, down where nearer to ``other``."""
        middle = (self.same + self.other) / 2
        way = (_cosines(self.vectors, row, col) - middle) / (self.same - self.other)
        moved: Floats = np.where(self.known[row] & self.known[col], WEIGHT * way, 0.0)
        return moved


def scaled(vectors: Floats, sure: sparse.csr_matrix) -> Meanings | None:
    """The vectors with the scale of their model, None where it cannot be known or tells nothing apart.

    ``sure`` has an entry for each pair that surely tells one happening (:data:`SURE`), in the rows' order.
    """
    known = np.asarray(vectors.any(axis=1), dtype=np.bool_)
    pairs = sure.tocoo()
    once = (pairs.row < pairs.col) & known[pairs.row] & known[pairs.col]
    # Rows lie in the order of their dates: half of all rows apart, two hardly ever tell the same.
    here = np.flatnonzero(known)
    far = np.roll(here, len(here) // 2)
    if once.sum() < FEW:
        return None
    same = float(np.median(_cosines(vectors, pairs.row[once], pairs.col[once])))
    other = float(np.median(_cosines(vectors, here, far)))
    return Meanings(vectors, known, same, other) if same - other >= APART else None


def _cosines(vectors: Floats, row: Numbers, col: Numbers) -> Floats:
    found = np.zeros(len(row))
    for start in range(0, len(row), _PAIRS):
        part = slice(start, start + _PAIRS)
        found[part] = np.einsum("ij,ij->i", vectors[row[part]], vectors[col[part]])
    return found
