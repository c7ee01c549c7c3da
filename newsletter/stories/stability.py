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

from newsletter.stories.linkage import SIZE_CAP, agglomerate
from newsletter.stories.tfidf import Floats, Numbers

SPLIT_BELOW = 0.09  # mean similarity of two parts of a Story below which it is split
LEAVE_BELOW = 0.08  # similarity to the other parts, with sizes capped, below which one Article leaves
MERGE_FROM = 0.13  # mean similarity at which two Stories are merged
MERGE_RATIO = 1.2  # or: ratio of the similarity between the two to that within the smaller one
JOIN_FROM = 0.18  # similarity to a Story, with its size capped, at which a new Article joins it
JOIN_SIZE_EXPONENT = 0.3  # above the cap, the size counts with this exponent when an Article joins


def stabilize(edges: sparse.csr_matrix, proposed: Sequence[int], current: Numbers) -> list[int]:
    """Return the labels of ``proposed`` without the changes of existing Stories that have no clear reason.

    ``edges`` is the symmetric similarity of the rows, ``proposed`` the proposed labels. ``current`` holds the present Story of each
    row as a number of ``len(found)`` or more; for a new Article it is the row's own number.
    """
    size = len(proposed)
    old = np.flatnonzero(current >= size)
    if not len(old):
        return list(proposed)
    fresh = np.unique(np.asarray(proposed, dtype=np.int64), return_inverse=True)[1]
    # A cell: the Articles of one Story to which the new grouping gives the same label.
    cells, cell = np.unique(np.stack([current[old], fresh[old]]), axis=1, return_inverse=True)
    cell = cell.ravel()
    indicator = _indicator(cell, old, cells.shape[1], size)
    total = (indicator @ edges @ indicator.T).tocsr()
    cell_sizes = np.bincount(cell).astype(np.float64)
    is_single = (cell_sizes == 1) & (np.bincount(fresh)[cells[1]] == 1)
    block = _split_stories(total, cell_sizes, cells[0], is_single)
    final = _merge_blocks(total, cell_sizes, block, cells[1])
    result = np.full(size, -1, dtype=np.int64)
    result[old] = final[cell]
    choices: dict[int, set[int]] = {}
    for group, story in zip(cells[1].tolist(), final.tolist(), strict=True):
        choices.setdefault(group, set()).add(story)
    _place_new(result, edges, fresh, choices, old)
    answer: list[int] = result.tolist()
    return answer


def _indicator(group: Numbers, rows: Numbers, groups: int, size: int) -> sparse.csr_matrix:
    """Return the indicator matrix of shape (groups, size): 1 where a row belongs to the group."""
    return sparse.csr_matrix((np.ones(len(rows)), (group, rows)), shape=(groups, size))


def _split_stories(
    total: sparse.csr_matrix, cell_sizes: Floats, story: Numbers, is_single: npt.NDArray[np.bool_]
) -> Numbers:
    """Return, for each cell, the first of the cells of its Story that it stays together with."""
    block = np.arange(len(story))
    several = np.flatnonzero(np.bincount(story)[story] > 1)
    for one in np.unique(story[several]):
        cells = np.flatnonzero(story == one)
        table, sizes = total[cells][:, cells].toarray(), cell_sizes[cells]
        root = np.array(agglomerate(table.copy(), SPLIT_BELOW, np.inf, sizes.copy()))
        for k in np.flatnonzero(is_single[cells]).tolist():
            if np.count_nonzero(root == root[k]) > 1:
                continue
            parts = [r for r in np.unique(root).tolist() if r != root[k]]
            similarity = [
                float(table[k, root == r].sum()) / min(float(sizes[root == r].sum()), SIZE_CAP) for r in parts
            ]
            if similarity and max(similarity) >= LEAVE_BELOW:
                root[k] = parts[similarity.index(max(similarity))]
        block[cells] = cells[root]
    return block


def _merge_blocks(total: sparse.csr_matrix, cell_sizes: Floats, block: Numbers, fresh: Numbers) -> Numbers:
    """Return the Story number of each cell after merging blocks that are clearly similar."""
    block = np.unique(block, return_inverse=True)[1]
    blocks, cells = int(block.max()) + 1, len(block)
    indicator = _indicator(block, np.arange(cells), blocks, cells)
    table = (indicator @ total @ indicator.T).tocsr()
    sizes = np.bincount(block, weights=cell_sizes, minlength=blocks).astype(np.float64)
    groups = sparse.csr_matrix((np.ones(cells), (block, fresh)), shape=(blocks, int(fresh.max()) + 1))
    together = ((groups @ groups.T) > 0).tocsr()  # only blocks that share a label of the new grouping
    near = connected_components(together, directed=False)[1]
    final = np.arange(blocks)
    for one in np.flatnonzero(np.bincount(near) > 1).tolist():
        here = np.flatnonzero(near == one)
        final[here] = here[
            _merge_similar(
                table[here][:, here].toarray(),
                together[here][:, here].toarray().astype(np.bool_),
                sizes[here],
            )
        ]
    return final[block]


def _merge_similar(table: Floats, together: npt.NDArray[np.bool_], sizes: Floats) -> list[int]:
    """Return, for each block, the first block of its merged group; the most similar pair is merged first."""
    left, first = list(range(len(sizes))), list(range(len(sizes)))
    while True:
        pairs = [(x, y) for x in left for y in left if x < y and together[x, y]]
        similarity = [_merge_score(table, sizes, x, y) for x, y in pairs]
        if not similarity or max(similarity) < 1.0:
            return first
        x, y = pairs[similarity.index(max(similarity))]
        table[x] += table[y]
        table[:, x] += table[:, y]
        together[x] |= together[y]
        together[:, x] |= together[:, y]
        sizes[x] += sizes[y]
        left.remove(y)
        first = [x if f == y else f for f in first]


def _merge_score(table: Floats, sizes: Floats, x: int, y: int) -> float:
    """Return the similarity of two blocks divided by the threshold of merging: 1 or more means that they are merged."""
    small, large = (x, y) if sizes[x] <= sizes[y] else (y, x)
    mean = float(table[x, y] / (sizes[x] * sizes[y])) / MERGE_FROM
    own = float(table[small, small])
    if sizes[small] < 2 or own == 0.0:
        return mean
    ratio = float(table[x, y]) / min(sizes[large], SIZE_CAP) * min(sizes[small] - 1, SIZE_CAP) / own
    return max(mean, float(ratio) / MERGE_RATIO)


def _place_new(
    result: Numbers, edges: sparse.csr_matrix, fresh: Numbers, choices: dict[int, set[int]], old: Numbers
) -> None:
    """Assign each new Article to the most similar Story of those it was grouped with, or leave it with the other new ones."""
    size = len(result)
    sizes = np.bincount(result[old])
    needed = np.where(
        sizes > SIZE_CAP,
        SIZE_CAP * (np.maximum(sizes, 1) / SIZE_CAP) ** JOIN_SIZE_EXPONENT,
        np.maximum(sizes, 1),
    )
    new = np.flatnonzero(result < 0)
    similarity_to = (edges[new] @ _indicator(result[old], old, len(sizes), size).T).tocsr()
    for place, row in enumerate(new.tolist()):
        group = int(fresh[row])
        result[row] = len(sizes) + group
        stories = sorted(choices.get(group, ()))
        if stories:
            similarity = (similarity_to[[place]].toarray()[0] / needed)[stories]
            if similarity.max() >= JOIN_FROM:
                result[row] = stories[int(similarity.argmax())]
