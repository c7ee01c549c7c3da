"""The sparse graph of similar pieces, and label propagation on it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import numpy as np
from scipy import sparse

from newsletter.stories.embedding_scale import Meanings
from newsletter.stories.tfidf import Floats, Numbers

WINDOW = timedelta(days=4)
DECAY_PER_DAY = 0.13  # exponential decay of similarity for each day between two dates
UNKNOWN_DAYS = 0.5  # days assumed between two pieces when a date is unknown
LEAST_WORD_COSINE = 0.05  # least cosine of words of a pair whose embeddings are compared
_ROUNDS = 30
_BLOCK = 1024  # rows compared at once, which limits the memory used
_DAY = timedelta(days=1)


def build_graph(
    matrix: sparse.csr_matrix, days: Floats, *, least: float, meanings: Meanings | None = None
) -> sparse.csr_matrix:
    """Return the pairs with a similarity of at least ``least`` as a symmetric sparse matrix.

    ``matrix`` has one vector of length 1 a row, ``days`` the date of each row, in ascending order, infinity when unknown.
    Similarity is the cosine times exp(-:data:`DECAY_PER_DAY` · days between the dates), because outlets mostly report one event
    within a day. It is 0 beyond :data:`WINDOW`. ``meanings`` adds a small positive or negative amount to the cosine
    (:meth:`Meanings.adjustments`).
    """
    size = matrix.shape[0]
    window = WINDOW / _DAY
    dated = int(np.searchsorted(days, np.inf))
    parts: list[tuple[Numbers, Numbers, Floats]] = []
    for start in range(0, size, _BLOCK):
        stop = min(start + _BLOCK, size)
        # Compare with later rows only, as the graph is symmetric, up to the end of the window, and with all undated rows.
        last = size if stop > dated else int(np.searchsorted(days, days[stop - 1] + window, side="right"))
        for left, right in ((start, last), (max(dated, last), size)):
            if left < right:
                found = (matrix[start:stop] @ matrix[left:right].T).tocoo()
                row, col, cosine = _half(
                    found.row + start,
                    found.col + left,
                    found.data,
                    least if meanings is None else LEAST_WORD_COSINE,
                )
                if meanings is not None:
                    cosine = cosine + meanings.adjustments(row, col)
                parts.append(_decayed(row, col, cosine, days, least))
    if not parts:
        return sparse.csr_matrix((size, size))
    row, col, value = (np.concatenate(p) for p in zip(*parts, strict=True))
    half = sparse.csr_matrix((value, (row, col)), shape=(size, size))
    whole = (half + half.T).tocsr()
    whole.sort_indices()
    return whole


def _half(row: Numbers, col: Numbers, cosine: Floats, least: float) -> tuple[Numbers, Numbers, Floats]:
    """Return each pair once, without those below ``least``."""
    keep = (cosine >= least) & (row < col)
    return row[keep], col[keep], cosine[keep]


def _decayed(
    row: Numbers, col: Numbers, cosine: Floats, days: Floats, least: float
) -> tuple[Numbers, Numbers, Floats]:
    """Return the pairs whose decayed similarity is at least ``least``, and the similarity."""
    unknown = np.isinf(days[col]) | np.isinf(days[row])
    with np.errstate(invalid="ignore"):
        apart = np.where(unknown, UNKNOWN_DAYS, np.abs(days[col] - days[row]))
    value = cosine * np.exp(-DECAY_PER_DAY * apart)
    keep = (value >= least) & (apart <= WINDOW / _DAY)
    return row[keep], col[keep], value[keep]


def strengthen_within(edges: sparse.csr_matrix, labels: Numbers, times: float) -> sparse.csr_matrix:
    """Return the edges with those between nodes of one label multiplied by ``times``."""
    row = np.repeat(np.arange(edges.shape[0]), np.diff(edges.indptr))
    value = np.where(labels[row] == labels[edges.indices], times, 1.0) * edges.data
    return sparse.csr_matrix((value, edges.indices, edges.indptr), shape=edges.shape)


def edges_above(edges: sparse.csr_matrix, least: float) -> sparse.csr_matrix:
    """Return the edges with a weight of at least ``least``."""
    found = edges.tocoo()
    keep = found.data >= least
    return _sorted_graph(found.row[keep], found.col[keep], found.data[keep], edges.shape[0])


def _sorted_graph(row: Numbers, col: Numbers, value: Floats, size: int) -> sparse.csr_matrix:
    made = sparse.csr_matrix((value, (row, col)), shape=(size, size))
    made.sort_indices()
    return made


def propagate_labels(edges: sparse.csr_matrix, first: Sequence[int] | None = None) -> list[int]:
    """Return a label for each node by weighted label propagation (Raghavan, Albert and Kumara 2007), in a fixed order.

    Each node takes the label with the greatest weight among its neighbours, until no label changes; it starts with its label
    in ``first``, or with a label of its own. Nodes with the smallest total weight come first: in the opposite order the label
    of a large Story spreads to its surroundings before the small Stories have formed.
    """
    size = edges.shape[0]
    starts, neighbours, weights = edges.indptr.tolist(), edges.indices.tolist(), edges.data.tolist()
    strength = np.round(np.asarray(edges.sum(axis=1)).ravel(), 6)
    order = [i for i in np.argsort(strength, kind="stable").tolist() if starts[i + 1] > starts[i]]
    labels = list(range(size)) if first is None else list(first)
    needs_update = [True] * size  # a neighbour has changed its label since this node was updated
    for _ in range(_ROUNDS):
        moved = False
        for node in order:
            if not needs_update[node]:
                continue
            needs_update[node] = False
            begin, end = starts[node], starts[node + 1]
            weight_of: dict[int, float] = {}
            for neighbour, weight in zip(neighbours[begin:end], weights[begin:end], strict=True):
                label = labels[neighbour]
                if label in weight_of:
                    weight_of[label] += weight
                else:
                    weight_of[label] = weight
            own = labels[node]
            most = max(weight_of.values())
            if most > weight_of.get(own, 0.0):
                labels[node] = min(label for label, value in weight_of.items() if value == most)
                moved = True
                for neighbour in neighbours[begin:end]:
                    needs_update[neighbour] = True
        if not moved:
            break
    return labels
