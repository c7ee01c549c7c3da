"""Keep Stories stable: change them as a new grouping proposes only for a clear reason. Pure.

Without this, a few new Articles would split a Story in two, and a few more would join it again an hour later. So a change of
existing Stories needs more than a new Story does (hysteresis; evolutionary clustering, Chakrabarti, Kumar and Tomkins 2006,
weighs the past in the same way):

- A Story is split only where its parts are clearly dissimilar; a single Article leaves only if it is hardly similar to the others.
- Two Stories are merged only if they are clearly similar.
- A new Article joins a Story only if it is similar to several of its members, and to more of them the larger the Story is. An
  Article that was left alone can still join an hour later; one that joined in error would have to leave.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from newsletter.stories.linkage import ENOUGH, join
from newsletter.stories.tfidf import Floats, Numbers

PART = 0.09  # mean similarity of two parts of a Story below which it is split
LEAVE = (
    0.08  # similarity to the other parts, with sizes capped, below which a single Article leaves its Story
)
MERGE = 0.13  # mean similarity at which two Stories are merged
ALIKE = 1.2  # or: ratio of the similarity between the two to that within the smaller one
JOIN = 0.18  # similarity to a Story, with its size capped, at which a new Article joins it
GROWING = 0.3  # above the cap, the size counts with this exponent when an Article joins


def settled(edges: sparse.csr_matrix, found: Sequence[int], stood: Numbers) -> list[int]:
    """Return the labels of ``found`` without the changes of existing Stories that have no clear reason.

    ``edges`` is the symmetric similarity of the rows, ``found`` the proposed labels. ``stood`` holds the present Story of each
    row as a number of ``len(found)`` or more; for a new Article it is the row's own number.
    """
    size = len(found)
    old = np.flatnonzero(stood >= size)
    if not len(old):
        return list(found)
    fresh = np.unique(np.asarray(found, dtype=np.int64), return_inverse=True)[1]
    # A cell: the Articles of one Story to which the new grouping gives the same label.
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
    """Return the indicator matrix of shape (groups, size): 1 where a row belongs to the group."""
    return sparse.csr_matrix((np.ones(len(rows)), (group, rows)), shape=(groups, size))


def _kept(total: sparse.csr_matrix, counted: Floats, story: Numbers, alone: npt.NDArray[np.bool_]) -> Numbers:
    """Return, for each cell, the first of the cells of its Story that it stays together with."""
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
    """Return the Story number of each cell after merging blocks that are clearly similar."""
    block = np.unique(block, return_inverse=True)[1]
    blocks, cells = int(block.max()) + 1, len(block)
    pick = _belonging(block, np.arange(cells), blocks, cells)
    table = (pick @ total @ pick.T).tocsr()
    sizes = np.bincount(block, weights=counted, minlength=blocks).astype(np.float64)
    groups = sparse.csr_matrix((np.ones(cells), (block, fresh)), shape=(blocks, int(fresh.max()) + 1))
    together = ((groups @ groups.T) > 0).tocsr()  # only blocks that share a label of the new grouping
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
    """Return, for each block, the first block of its merged group; the most similar pair is merged first."""
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
    """Return the similarity of two blocks divided by the threshold of merging: 1 or more means that they are merged."""
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
    """Assign each new Article to the most similar Story of those it was grouped with, or leave it with the other new ones."""
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
