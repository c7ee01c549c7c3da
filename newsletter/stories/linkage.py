"""Average linkage with capped sizes: split loose groups into groups that hold together. Pure.

Plain average linkage (UPGMA, Sokal and Michener 1958) joins two groups when all their members are similar on average. That is
right for a handful of Articles and wrong for a hundred, of which any two may describe the same event in other words. So the
size of a group counts only up to ``ENOUGH``: a piece joins a large group when it is similar to some of its members.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import sparse

from newsletter.stories.tfidf import Floats

ENOUGH = 6  # members up to which the size of a group counts
LINK = 0.16  # mean similarity at which two groups are joined
LARGEST = 2500  # pieces; a larger loose group is not split, because its dense similarity matrix needs too much memory


def link(
    edges: sparse.csr_matrix, labels: Sequence[int], *, least: float = LINK, enough: int = ENOUGH
) -> list[int]:
    """Return finer labels: within each group of ``labels``, join pieces by average linkage while the similarity is at least
    ``least``.

    The similarity of two groups is the sum of the edges between them divided by both sizes, each counted up to ``enough``. Of
    equal similarities the first in row order is taken, so that the result is deterministic.
    """
    if not labels:
        return []
    label = np.unique(np.asarray(labels, dtype=np.int64), return_inverse=True)[1]
    sizes = np.bincount(label)
    row = np.repeat(np.arange(len(label)), np.diff(edges.indptr))
    strong = (label[row] == label[edges.indices]) & (edges.data >= least)
    # When every pair of a group is similar enough, so is every mean: linkage would join it all.
    whole = np.bincount(label[row[strong]], minlength=len(sizes)) == sizes * (sizes - 1)
    found = np.zeros(len(label), dtype=np.int64)
    nodes = np.argsort(label, kind="stable")
    for number, group in enumerate(np.split(nodes, np.cumsum(sizes)[:-1])):
        if whole[number] or len(group) > LARGEST:
            found[group] = group[0]
        else:
            found[group] = group[join(edges[group][:, group].toarray(), least, enough)]
    answer: list[int] = found.tolist()
    return answer


def taken_in(
    edges: sparse.csr_matrix, labels: Sequence[int], *, least: float = LINK, enough: int = ENOUGH
) -> list[int]:
    """Return the labels after giving each single node the label of the most similar group, if the similarity is at least
    ``least``.

    Similarity is that of :func:`link`, to all groups of two or more. Label propagation and linkage need single strong edges;
    this step also counts many faint ones, which a text that describes the event in other words has. All nodes are compared
    with the groups as they were before.
    """
    if not labels:
        return []
    label = np.unique(np.asarray(labels, dtype=np.int64), return_inverse=True)[1]
    sizes = np.bincount(label)
    alone = np.flatnonzero(sizes[label] == 1)
    several = np.flatnonzero(sizes[label] > 1)
    result = list(labels)
    if not len(alone) or not len(several):
        return result
    member = sparse.csr_matrix(
        (np.ones(len(several)), (several, label[several])), shape=(len(label), len(sizes))
    )
    pull = (edges[alone] @ member @ sparse.diags_array(1.0 / np.minimum(sizes, enough))).tocsr()
    pull.sort_indices()
    name = np.zeros(len(sizes), dtype=np.int64)
    name[label] = labels
    for place, node in enumerate(alone.tolist()):
        here = slice(pull.indptr[place], pull.indptr[place + 1])
        likeness = np.round(pull.data[here], 9)
        if len(likeness) and likeness.max() >= least:
            result[node] = int(name[pull.indices[here][likeness.argmax()]])
    return result


def join(total: Floats, least: float, enough: float, sizes: Floats | None = None) -> list[int]:
    """Agglomerate rows by average linkage; return for each row the first row of its group.

    ``total`` is the symmetric matrix of similarities. With ``sizes``, each row stands for so many pieces and ``total`` holds
    sums of similarities. Both arrays are overwritten.
    """
    size = len(total)
    np.fill_diagonal(total, 0.0)
    members = np.ones(size) if sizes is None else sizes
    counted = np.minimum(members, enough)
    likeness = total.copy() if sizes is None else total / np.outer(counted, counted)
    nearest = likeness.argmax(axis=1)
    best = likeness[np.arange(size), nearest]
    parent = list(range(size))
    while True:
        i = int(best.argmax())
        if best[i] < least:
            return _roots(parent)
        i, j = sorted((i, int(nearest[i])))
        parent[j] = i
        members[i] += members[j]
        counted[i] = min(members[i], enough)
        total[i] += total[j]
        total[:, i] = total[i]
        total[i, i] = 0.0
        total[j] = total[:, j] = likeness[j] = likeness[:, j] = 0.0
        likeness[i] = likeness[:, i] = total[i] / (counted[i] * counted)
        best[j], nearest[j] = 0.0, j
        again = np.flatnonzero((nearest == i) | (nearest == j))
        again = again[best[again] > 0.0]
        rows = likeness[again]
        nearest[again] = rows.argmax(axis=1)
        best[again] = rows.max(axis=1)
        nearest[i] = likeness[i].argmax()
        best[i] = likeness[i, nearest[i]]
        nearer = np.flatnonzero(likeness[:, i] > best)
        nearest[nearer], best[nearer] = i, likeness[nearer, i]


def _roots(parent: Sequence[int]) -> list[int]:
    roots = []
    for node in range(len(parent)):
        while parent[node] != node:
            node = parent[node]
        roots.append(node)
    return roots
