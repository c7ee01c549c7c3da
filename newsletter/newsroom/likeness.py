"""How alike pieces are, as a sparse graph, and the groups that pull together in it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import numpy as np
from scipy import sparse

from newsletter.newsroom.vectors import Floats

WINDOW = timedelta(days=4)
FADING = 0.1  # a day
UNKNOWN_DAYS = 0.5  # how far apart pieces are taken to be when a date is not known
_ROUNDS = 30
_BLOCK = 1024  # rows compared at once: bounds the memory
_DAY = timedelta(days=1)


def graph(matrix: sparse.csr_matrix, days: Floats, *, least: float) -> sparse.csr_matrix:
    """Pairs alike by ``least`` or more, as a symmetric matrix. Rows are in date order, unknown dates (infinite) last.

    Likeness is the cosine, faded by :data:`FADING` for each day between the dates: what outlets report of one happening
    they mostly report within a day. More than :data:`WINDOW` apart, nothing is alike.
    """
    size = matrix.shape[0]
    window = WINDOW / _DAY
    dated = int(np.searchsorted(days, np.inf))
    parts: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    for start in range(0, size, _BLOCK):
        stop = min(start + _BLOCK, size)
        # Later rows only (the graph is symmetric) and no later than the window reaches; the undated are near everything.
        last = size if stop > dated else int(np.searchsorted(days, days[stop - 1] + window, side="right"))
        for left, right in ((start, last), (max(dated, last), size)):
            if left < right:
                found = (matrix[start:stop] @ matrix[left:right].T).tocoo()
                parts.append(_alike(found.row + start, found.col + left, found.data, days, least))
    if not parts:
        return sparse.csr_matrix((size, size))
    row, col, value = (np.concatenate(p) for p in zip(*parts, strict=True))
    half = sparse.csr_matrix((value, (row, col)), shape=(size, size))
    whole = (half + half.T).tocsr()
    whole.sort_indices()
    return whole


def _alike(
    row: np.ndarray, col: np.ndarray, cosine: Floats, days: Floats, least: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The pairs, each once, whose faded cosine is enough."""
    keep = (cosine >= least) & (row < col)
    row, col, cosine = row[keep], col[keep], cosine[keep]
    unknown = np.isinf(days[col]) | np.isinf(days[row])
    with np.errstate(invalid="ignore"):
        apart = np.where(unknown, UNKNOWN_DAYS, np.abs(days[col] - days[row]))
    value = cosine * np.exp(-FADING * apart)
    keep = (value >= least) & (apart <= WINDOW / _DAY)
    return row[keep], col[keep], value[keep]


def stronger(edges: sparse.csr_matrix, least: float) -> sparse.csr_matrix:
    """The edges of ``least`` or more."""
    found = edges.tocoo()
    keep = found.data >= least
    return _graph(found.row[keep], found.col[keep], found.data[keep], edges.shape[0])


def within(edges: sparse.csr_matrix, labels: Sequence[int]) -> sparse.csr_matrix:
    """The edges between nodes of one label."""
    found = edges.tocoo()
    label = np.asarray(labels)
    keep = label[found.row] == label[found.col]
    return _graph(found.row[keep], found.col[keep], found.data[keep], edges.shape[0])


def _graph(row: np.ndarray, col: np.ndarray, value: Floats, size: int) -> sparse.csr_matrix:
    made = sparse.csr_matrix((value, (row, col)), shape=(size, size))
    made.sort_indices()
    return made


def propagate(edges: sparse.csr_matrix) -> list[int]:
    """A label for each node: weighted label propagation (Raghavan, Albert and Kumara, 2007) in a fixed order in place of chance.

    Each node takes the label its neighbours pull hardest for, until none moves. The weakest nodes come first: begun at the strongest,
    one label floods all that lie around the large Stories before the small ones have found together.
    """
    size = edges.shape[0]
    starts, neighbours, weights = edges.indptr.tolist(), edges.indices.tolist(), edges.data.tolist()
    strength = np.round(np.asarray(edges.sum(axis=1)).ravel(), 6)
    order = [i for i in np.argsort(strength, kind="stable").tolist() if starts[i + 1] > starts[i]]
    labels = list(range(size))
    stale = [True] * size  # a neighbour has moved since this node was asked
    for _ in range(_ROUNDS):
        moved = False
        for node in order:
            if not stale[node]:
                continue
            stale[node] = False
            begin, end = starts[node], starts[node + 1]
            pull: dict[int, float] = {}
            for neighbour, weight in zip(neighbours[begin:end], weights[begin:end], strict=True):
                label = labels[neighbour]
                pull[label] = pull.get(label, 0.0) + weight
            mine = labels[node]
            most = max(pull.values())
            if most > pull.get(mine, 0.0):
                labels[node] = min(label for label, value in pull.items() if value == most)
                moved = True
                for neighbour in neighbours[begin:end]:
                    stale[neighbour] = True
        if not moved:
            break
    return labels
