"""Which Articles are about the same happening, decided from their words and dates alone. Pure.

The method: title twice plus the first 400 characters as weighted words; a sparse graph of pairs whose cosine is high and
whose dates are close; deterministic weighted label propagation (Raghavan, Albert and Kumara, 2007, with weights and a
fixed order in place of chance); members that hardly resemble the rest are put out again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import numpy as np
from scipy import sparse

from newsletter.newsroom.vectors import Floats, Stems, count, sums, weigh

TEXT_LETTERS = 400
WINDOW = timedelta(days=4)
EDGE = 0.26
EJECT = 0.12
_ROUNDS = 30
_BLOCK = 1024  # rows compared at once: bounds the memory


@dataclass(frozen=True)
class Piece:
    """What is known of one Article. ``date`` None: unknown, close to every date."""

    id: int | str
    title: str
    text: str
    date: date | datetime | None = None


def cluster(pieces: Sequence[Piece]) -> list[int]:
    """A label for each piece; equal labels belong together. A piece like no other has a label of its own.

    The partition does not depend on the order of ``pieces``.
    """
    order = sorted(range(len(pieces)), key=lambda i: _canonical(pieces[i]))
    ordered = [pieces[i] for i in order]
    stems = Stems()
    counts = [count([(stems.of(p.title), 2), (stems.of(p.text[:TEXT_LETTERS]), 1)]) for p in ordered]
    matrix = weigh(counts)
    days = np.array([_day(p.date) for p in ordered], dtype=np.float64)
    labels = propagate(graph(matrix, days))
    labels = eject(matrix, labels)
    result = [0] * len(pieces)
    for place, label in zip(order, labels, strict=True):
        result[place] = label
    return result


def _canonical(piece: Piece) -> tuple[float, str, str, str]:
    return (_day(piece.date), piece.title, piece.text, str(piece.id))


def _day(when: date | datetime | None) -> float:
    """Days since 1970; infinite when unknown, which sorts last."""
    if when is None:
        return float("inf")
    if not isinstance(when, datetime):
        when = datetime(when.year, when.month, when.day, tzinfo=UTC)
    elif when.tzinfo is None:
        when = when.replace(tzinfo=UTC)
    return when.timestamp() / 86_400


def graph(matrix: sparse.csr_matrix, days: Floats, *, edge: float = EDGE) -> sparse.csr_matrix:
    """Pairs with a cosine of ``edge`` or more and dates within the window, as a symmetric matrix. Rows are in date order."""
    size = matrix.shape[0]
    window = WINDOW / timedelta(days=1)
    dated = int(np.searchsorted(days, np.inf))
    across = matrix.T.tocsc()
    parts_row, parts_col, parts_weight = [], [], []
    for start in range(0, size, _BLOCK):
        stop = min(start + _BLOCK, size)
        # Later rows only (the graph is symmetric) and no later than the window reaches.
        last = size if stop > dated else int(np.searchsorted(days, days[stop - 1] + window, side="right"))
        found = (matrix[start:stop] @ across[:, start:last]).tocoo()
        row, col, weight = found.row + start, found.col + start, found.data
        keep = (weight >= edge) & (row < col)
        row, col, weight = row[keep], col[keep], weight[keep]
        with np.errstate(invalid="ignore"):
            near = (np.abs(days[col] - days[row]) <= window) | np.isinf(days[col]) | np.isinf(days[row])
        parts_row.append(row[near])
        parts_col.append(col[near])
        parts_weight.append(weight[near])
        if last < size and dated < size:
            found = (matrix[start:stop] @ across[:, max(dated, last) :]).tocoo()
            keep = found.data >= edge
            parts_row.append(found.row[keep] + start)
            parts_col.append(found.col[keep] + max(dated, last))
            parts_weight.append(found.data[keep])
    if not parts_row:
        return sparse.csr_matrix((size, size))
    row, col, weight = (np.concatenate(p) for p in (parts_row, parts_col, parts_weight))
    half = sparse.coo_matrix((weight, (row, col)), shape=(size, size)).tocsr()
    whole = (half + half.T).tocsr()
    whole.sort_indices()
    return whole


def propagate(edges: sparse.csr_matrix) -> list[int]:
    """Weighted label propagation in a fixed order: each node takes the label its neighbours pull hardest for."""
    size = edges.shape[0]
    labels = list(range(size))
    starts, neighbours, weights = edges.indptr.tolist(), edges.indices.tolist(), edges.data.tolist()
    order = [i for i in range(size) if starts[i + 1] > starts[i]]
    for _ in range(_ROUNDS):
        moved = False
        for node in order:
            pull: dict[int, float] = {}
            for at in range(starts[node], starts[node + 1]):
                label = labels[neighbours[at]]
                pull[label] = pull.get(label, 0.0) + weights[at]
            best = max(pull.items(), key=lambda item: (item[1], item[0] == labels[node], -item[0]))[0]
            if best != labels[node] and pull[best] > pull.get(labels[node], 0.0):
                labels[node] = best
                moved = True
        if not moved:
            break
    return labels


def eject(matrix: sparse.csr_matrix, labels: Sequence[int], *, least: float = EJECT) -> list[int]:
    """Give members that hardly resemble the rest of their cluster a label of their own. Labels are numbered from 0."""
    groups: dict[int, list[int]] = {}
    for node, label in enumerate(labels):
        groups.setdefault(label, []).append(node)
    final = [0] * len(labels)
    number = 0
    members = list(groups.values())
    totals = sums(matrix, members)
    for group, nodes in enumerate(members):
        outside = set()
        if len(nodes) > 2:
            rows = matrix[nodes]
            to_total = np.asarray((rows @ totals[group].T).todense()).ravel()
            mean = (to_total - 1.0) / (len(nodes) - 1)
            outside = {n for n, m in zip(nodes, mean, strict=True) if m < least}
        inside = [n for n in nodes if n not in outside]
        for node in inside:
            final[node] = number
        number += bool(inside)
        for node in sorted(outside):
            final[node] = number
            number += 1
    return final


def central(pieces: Sequence[Piece]) -> int:
    """The place of the piece that most resembles all others; the first of equals."""
    stems = Stems()
    matrix = weigh(
        [count([(stems.of(p.title), 2), (stems.of(p.text[:TEXT_LETTERS]), 1)]) for p in pieces],
        min_df=1,
        max_share=1.0,
    )
    likeness = np.asarray(matrix @ matrix.sum(axis=0).T).ravel()
    return int(np.argmax(np.round(likeness, 9)))
