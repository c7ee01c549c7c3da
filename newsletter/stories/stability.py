"""What stands together stays, unless there is a clear reason: a fresh grouping held against the Stories there are. Pure.

Grouping anew from the same words, a few Articles later, parts a Story in two and an hour afterwards joins it again. So what the
fresh grouping would change is asked for more than a new Story is (hysteresis; evolutionary clustering weighs the past in the same
way, Chakrabarti, Kumar and Tomkins, 2006):

- A Story parts only where its parts are clearly apart, one Article alone only if it is hardly like the others.
- Two Stories become one only if they are clearly alike.
- A new Article joins a Story only if it is like several of its members, the more the larger the Story is: one that is left alone can
  join an hour later, one that has joined in error must leave.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from newsletter.stories.linkage import ENOUGH, join
from newsletter.stories.tfidf import Floats, Numbers

PART = 0.09  # mean likeness of two parts of a Story below which they are apart
LEAVE = 0.08  # likeness to what counts of the others below which an Article leaves for no other Story
MERGE = 0.13  # mean likeness at which two Stories are one
ALIKE = 1.2  # or, of the smaller to the larger, so many times that of its own members to each other
JOIN = 0.18  # likeness to what counts of a Story at which a new Article joins it
GROWING = 0.3  # power of its size by which more than ENOUGH members count there


def settled(edges: sparse.csr_matrix, found: Sequence[int], stood: Numbers) -> list[int]:
    """The labels of ``found``, but for what would change Stories without a clear reason.

    ``stood`` holds the Story of each row, a number from the count of rows up, or the row's own number for a new Article.
    """
    size = len(found)
    old = np.flatnonzero(stood >= size)
    if not len(old):
        return list(found)
    fresh = np.unique(np.asarray(found, dtype=np.int64), return_inverse=True)[1]
    # A cell: the Articles of one Story that the fresh grouping keeps together.
    cells, cell = np.unique(np.stack([stood[old], fresh[old]]), axis=1, return_inverse=True)
    cell = cell.ravel()
    pick = _belonging(cell, old, cells.shape[1], size)
    total = (pick @ edges @ pick.T).tocsr()
    counted = np.bincount(cell).astype(np.float64)
    alone = (counted == 1) & (np.bincount(fresh)[cells[1]] == 1)
    block = _kept(total, counted, cells[0], alone)
    final = _merged(total, counted, block, cells[1])
    result = np.full(size, -1, dtype=np.int64)
    result[old] = final[cell]
    choices: dict[int, set[int]] = {}
    for group, story in zip(cells[1].tolist(), final.tolist(), strict=True):
        choices.setdefault(group, set()).add(story)
    _place_new(result, edges, fresh, choices, old)
    answer: list[int] = result.tolist()
    return answer


def _belonging(group: Numbers, rows: Numbers, groups: int, size: int) -> sparse.csr_matrix:
    """A row for each group, 1 where a row belongs to it."""
    return sparse.csr_matrix((np.ones(len(rows)), (group, rows)), shape=(groups, size))


def _kept(total: sparse.csr_matrix, counted: Floats, story: Numbers, alone: npt.NDArray[np.bool_]) -> Numbers:
    """For each cell the first cell of those of its Story that stay with it."""
    block = np.arange(len(story))
    several = np.flatnonzero(np.bincount(story)[story] > 1)
    for one in np.unique(story[several]):
        cells = np.flatnonzero(story == one)
        table, sizes = total[cells][:, cells].toarray(), counted[cells]
        root = np.array(join(table.copy(), PART, np.inf, sizes.copy()))
        for k in np.flatnonzero(alone[cells]).tolist():
            if np.count_nonzero(root == root[k]) > 1:
                continue
            parts = [r for r in np.unique(root).tolist() if r != root[k]]
            likeness = [
                float(table[k, root == r].sum()) / min(float(sizes[root == r].sum()), ENOUGH) for r in parts
            ]
            if likeness and max(likeness) >= LEAVE:
                root[k] = parts[likeness.index(max(likeness))]
        block[cells] = cells[root]
    return block


def _merged(total: sparse.csr_matrix, counted: Floats, block: Numbers, fresh: Numbers) -> Numbers:
    """For each cell a number of the Story it belongs to, after blocks that are clearly alike became one."""
    block = np.unique(block, return_inverse=True)[1]
    blocks, cells = int(block.max()) + 1, len(block)
    pick = _belonging(block, np.arange(cells), blocks, cells)
    table = (pick @ total @ pick.T).tocsr()
    sizes = np.bincount(block, weights=counted, minlength=blocks).astype(np.float64)
    groups = sparse.csr_matrix((np.ones(cells), (block, fresh)), shape=(blocks, int(fresh.max()) + 1))
    together = ((groups @ groups.T) > 0).tocsr()  # only what the fresh grouping puts together
    near = connected_components(together, directed=False)[1]
    final = np.arange(blocks)
    for one in np.flatnonzero(np.bincount(near) > 1).tolist():
        here = np.flatnonzero(near == one)
        final[here] = here[
            _joined(
                table[here][:, here].toarray(),
                together[here][:, here].toarray().astype(np.bool_),
                sizes[here],
            )
        ]
    return final[block]


def _joined(table: Floats, together: npt.NDArray[np.bool_], sizes: Floats) -> list[int]:
    """For each of a few blocks the first of those it is one with; the likest are joined first."""
    left, first = list(range(len(sizes))), list(range(len(sizes)))
    while True:
        pairs = [(x, y) for x in left for y in left if x < y and together[x, y]]
        likeness = [_reason(table, sizes, x, y) for x, y in pairs]
        if not likeness or max(likeness) < 1.0:
            return first
        x, y = pairs[likeness.index(max(likeness))]
        table[x] += table[y]
        table[:, x] += table[:, y]
        together[x] |= together[y]
        together[:, x] |= together[:, y]
        sizes[x] += sizes[y]
        left.remove(y)
        first = [x if f == y else f for f in first]


def _reason(table: Floats, sizes: Floats, x: int, y: int) -> float:
    """How many times enough two blocks are alike to be one."""
    small, large = (x, y) if sizes[x] <= sizes[y] else (y, x)
    mean = float(table[x, y] / (sizes[x] * sizes[y])) / MERGE
    own = float(table[small, small])
    if sizes[small] < 2 or own == 0.0:
        return mean
    ratio = float(table[x, y]) / min(sizes[large], ENOUGH) * min(sizes[small] - 1, ENOUGH) / own
    return max(mean, float(ratio) / ALIKE)


def _place_new(
    result: Numbers, edges: sparse.csr_matrix, fresh: Numbers, choices: dict[int, set[int]], old: Numbers
) -> None:
    """New Articles join the likest Story of those they were grouped with, or stay among themselves."""
    size = len(result)
    sizes = np.bincount(result[old])
    asked = np.where(
        sizes > ENOUGH, ENOUGH * (np.maximum(sizes, 1) / ENOUGH) ** GROWING, np.maximum(sizes, 1)
    )
    new = np.flatnonzero(result < 0)
    pull = (edges[new] @ _belonging(result[old], old, len(sizes), size).T).tocsr()
    for place, row in enumerate(new.tolist()):
        group = int(fresh[row])
        result[row] = len(sizes) + group
        stories = sorted(choices.get(group, ()))
        if stories:
            likeness = (pull[[place]].toarray()[0] / asked)[stories]
            if likeness.max() >= JOIN:
                result[row] = stories[int(likeness.argmax())]
