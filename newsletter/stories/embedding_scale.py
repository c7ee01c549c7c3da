"""Estimate the scale of an embedding model, so that its cosines can be compared with cosines of words. Pure.

The cosines of different models have different meanings: one model gives .1 to two texts about different events and .8 to two about
the same event, another .75 and .9. So the scale is estimated from the texts themselves: from pairs that share so many rare words
that they are surely about one event, and from pairs with dates far apart.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse

from newsletter.stories.tfidf import Floats, Numbers

WEIGHT = 0.12  # what the distance from a different to the same event counts, added to a cosine of words
SURE = 0.5  # cosine of words at which two texts are surely about one event
FEWEST_SURE_PAIRS = 8  # sure pairs needed to estimate the scale
LEAST_SPREAD = 0.1  # of the cosines of same and different events; a model with less is not used
_PAIRS = 20_000  # compared at once, which limits the memory used


@dataclass(frozen=True)
class Meanings:
    """Vectors of length 1, shape (texts, width), with zeros for texts that are not ``known``; ``same`` and ``other`` are the
    model's median cosines of two texts about one event, and about different events."""

    vectors: Floats
    known: npt.NDArray[np.bool_]
    same: float
    other: float

    def adjustments(self, row: Numbers, col: Numbers) -> Floats:
        """Return what is added to the similarity of each pair: positive when its cosine is nearer to ``same``, negative when
        nearer to ``other``, and 0 when a text is not known."""
        middle = (self.same + self.other) / 2
        position = (_cosines(self.vectors, row, col) - middle) / (self.same - self.other)
        added: Floats = np.where(self.known[row] & self.known[col], WEIGHT * position, 0.0)
        return added


def with_scale(vectors: Floats, sure: sparse.csr_matrix) -> Meanings | None:
    """Return the vectors with the estimated scale of their model, or None when it cannot be estimated or is too narrow.

    ``sure`` has an entry for each pair that is surely about one event (:data:`SURE`); its rows are those of ``vectors``.
    """
    known = np.asarray(vectors.any(axis=1), dtype=np.bool_)
    pairs = sure.tocoo()
    once = (pairs.row < pairs.col) & known[pairs.row] & known[pairs.col]
    # Rows are in order of date: two rows half of all rows apart are hardly ever about one event.
    known_rows = np.flatnonzero(known)
    far = np.roll(known_rows, len(known_rows) // 2)
    if once.sum() < FEWEST_SURE_PAIRS:
        return None
    same = float(np.median(_cosines(vectors, pairs.row[once], pairs.col[once])))
    other = float(np.median(_cosines(vectors, known_rows, far)))
    return Meanings(vectors, known, same, other) if same - other >= LEAST_SPREAD else None


def _cosines(vectors: Floats, row: Numbers, col: Numbers) -> Floats:
    found = np.zeros(len(row))
    for start in range(0, len(row), _PAIRS):
        part = slice(start, start + _PAIRS)
        found[part] = np.einsum("ij,ij->i", vectors[row[part]], vectors[col[part]])
    return found
