"""How alike pieces are, as a sparse graph, and the groups that pull together in it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import numpy as np
from scipy import sparse

from newsletter.stories.embedding_scale import Meanings
from newsletter.stories.tfidf import Floats, Numbers

WINDOW = timedelta(days=4)
FADING = 0.13  # a day
UNKNOWN_DAYS = 0.5  # how far apart pieces are taken to be when a date is not known
FAINTEST = 0.05  # cosine of words at which meanings are asked at all
_ROUNDS = 30
_BLOCK = 1024  # rows compared at once: bounds the memory
_DAY = timedelta(days=1)


def graph(
    matrix: sparse.csr_matrix, days: Floats, *, least: float, meanings: Meanings | None = None
) -> sparse.csr_matrix:
    """Pairs alike by ``least`` or more, as a symmetric matrix. Rows are in date order, unknown dates (infinite) last.

    Likeness is the cosine, faded by :data:`FADING` for each day between the dates: what outlets report of one happening
    they mostly report within a day. More than :data:`WINDOW` apart, nothing is alike.

    ``meanings`` moves the cosine of the words a little, up or down (:meth:`Meanings.moved`).
    """
    size = matrix.shape[0]
    window = WINDOW / _DAY
    dated = int(np.searchsorted(days, np.inf))
    parts: list[tuple[Numbers, Numbers, Floats]] = []
    for start in range(0, size, _BLOCK):
        stop = min(start + _BLOCK, size)
        # Later rows only (the graph is symmetric) and no later than the window reaches; the undated are near everything.
        last = size if stop > dated else int(np.searchsorted(days, days[stop - 1] + window, side="right"))
        for left, right in ((start, last), (max(dated, last), size)):
            if left < right:
                found = (matrix[start:stop] @ matrix[left:right].T).tocoo()
                row, col, cosine = _half(
                    found.row + start, found.col + left, found.data, least if meanings is None else FAINTEST
                )
                if meanings is not None:
                    cosine = cosine + meanings.moved(row, col)
                parts.append(_alike(row, col, cosine, days, least))
    if not parts:
        return sparse.csr_matrix((size, size))
    row, col, value = (np.concatenate(p) for p in zip(*parts, strict=True))
    half = sparse.csr_matrix((value, (row, col)), shape=(size, size))
    whole = (half + half.T).tocsr()
    whole.sort_indices()
    return whole


def _half(row: Numbers, col: Numbers, cosine: Floats, least: float) -> tuple[Numbers, Numbers, Floats]:
    """Each pair once, of those that are alike enough to be looked at."""
    keep = (cosine >= least) & (row < col)
    return row[keep], col[keep], cosine[keep]


def _alike(
    row: Numbers, col: Numbers, cosine: Floats, days: Floats, least: float
) -> tuple[Numbers, Numbers, Floats]:
    """The pairs whose faded likeness is enough, and it."""
    unknown = np.isinf(days[col]) | np.isinf(days[row])
    with np.errstate(invalid="ignore"):
        apart = np.where(unknown, UNKNOWN_DAYS, np.abs(days[col] - days[row]))
    value = cosine * np.exp(-FADING * apart)
    keep = (value >= least) & (apart <= WINDOW / _DAY)
    return row[keep], col[keep], value[keep]


def strengthened(edges: sparse.csr_matrix, labels: Numbers, times: float) -> sparse.csr_matrix:
    """The same edges, those between nodes of one label ``times`` as strong."""
    row = np.repeat(np.arange(edges.shape[0]), np.diff(edges.indptr))
    value = np.where(labels[row] == labels[edges.indices], times, 1.0) * edges.data
    return sparse.csr_matrix((value, edges.indices, edges.indptr), shape=edges.shape)


def stronger(edges: sparse.csr_matrix, least: float) -> sparse.csr_matrix:
    """The edges of ``least`` or more."""
    found = edges.tocoo()
    keep = found.data >= least
    return _graph(found.row[keep], found.col[keep], found.data[keep], edges.shape[0])


def _graph(row: Numbers, col: Numbers, value: Floats, size: int) -> sparse.csr_matrix:
    made = sparse.csr_matrix((value, (row, col)), shape=(size, size))
    made.sort_indices()
    return made


def propagate(edges: sparse.csr_matrix, first: Sequence[int] | None = None) -> list[int]:
    """A label for each node: weighted label propagation (Raghavan, Albert and Kumara, 2007) in a fixed order in place of chance.

    Each node takes the label its neighbours pull hardest for, until none moves; it begins with its label in ``first``, or with one
    of its own. The weakest nodes come first: begun at the strongest, one label floods all that lie around the large Stories before
    the small ones have found together.
    """
    size = edges.shape[0]
    starts, neighbours, weights = edges.indptr.tolist(), edges.indices.tolist(), edges.data.tolist()
    strength = np.round(np.asarray(edges.sum(axis=1)).ravel(), 6)
    order = [i for i in np.argsort(strength, kind="stable").tolist() if starts[i + 1] > starts[i]]
    labels = list(range(size)) if first is None else list(first)
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
                if label in pull:
                    pull[label] += weight
                else:
                    pull[label] = weight
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
