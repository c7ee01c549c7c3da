"""Average linkage with capped sizes: split loose groups into groups that hold together. Pure.

Plain average linkage (UPGMA, Sokal and Michener 1958) joins two groups when all their members are similar on average. That is
right for a handful of Articles and wrong for a hundred, of which any two may describe the same event in other words. So the
size of a group counts only up to ``SIZE_CAP``: a piece joins a large group when it is similar to some of its members.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import sparse

from newsletter.stories.tfidf import Floats

SIZE_CAP = 6  # members up to which the size of a group counts
LINK_SIMILARITY = 0.16  # mean similarity at which two groups are joined
MAX_PIECES = 2500  # pieces; a larger loose group is not split, because its dense similarity matrix needs too much memory


def average_linkage(
    edges: sparse.csr_matrix,
    labels: Sequence[int],
    *,
    least: float = LINK_SIMILARITY,
    size_cap: int = SIZE_CAP,
) -> list[int]:
    """Return finer labels: within each group of ``labels``, join pieces by average linkage while the similarity is at least
    ``least``.

    The similarity of two groups is the sum of the edges between them divided by both sizes, each counted up to ``size_cap``. Of
    equal similarities the first in row order is taken, so that the result is deterministic.
    """
    if not labels:
        return []
    label = np.unique(np.asarray(labels, dtype=np.int64), return_inverse=True)[1]
    sizes = np.bincount(label)
    row = np.repeat(np.arange(len(label)), np.diff(edges.indptr))
    strong = (label[row] == label[edges.indices]) & (edges.data >= least)
    # When every pair of a group is similar enough, so is every mean: linkage would join it all.
    complete = np.bincount(label[row[strong]], minlength=len(sizes)) == sizes * (sizes - 1)
    root = np.zeros(len(label), dtype=np.int64)
    nodes = np.argsort(label, kind="stable")
    for number, group in enumerate(np.split(nodes, np.cumsum(sizes)[:-1])):
        if complete[number] or len(group) > MAX_PIECES:
            root[group] = group[0]
        else:
            root[group] = group[agglomerate(edges[group][:, group].toarray(), least, size_cap)]
    answer: list[int] = root.tolist()
    return answer


def attach_singles(
    edges: sparse.csr_matrix,
    labels: Sequence[int],
    *,
    least: float = LINK_SIMILARITY,
    size_cap: int = SIZE_CAP,
) -> list[int]:
    """Return the labels after giving each single node the label of the most similar group, if the similarity is at least
    ``least``.

    Similarity is that of :func:`average_linkage`, to all groups of two or more. Label propagation and linkage need single strong edges;
    this step also counts many faint ones, which a text that describes the event in other words has. All nodes are compared
    with the groups as they were before.
    """
    if not labels:
        return []
    label = np.unique(np.asarray(labels, dtype=np.int64), return_inverse=True)[1]
    sizes = np.bincount(label)
    singles = np.flatnonzero(sizes[label] == 1)
    several = np.flatnonzero(sizes[label] > 1)
    result = list(labels)
    if not len(singles) or not len(several):
        return result
    member = sparse.csr_matrix(
        (np.ones(len(several)), (several, label[several])), shape=(len(label), len(sizes))
    )
    similarity_to = (edges[singles] @ member @ sparse.diags_array(1.0 / np.minimum(sizes, size_cap))).tocsr()
    similarity_to.sort_indices()
    label_of = np.zeros(len(sizes), dtype=np.int64)
    label_of[label] = labels
    for place, node in enumerate(singles.tolist()):
        here = slice(similarity_to.indptr[place], similarity_to.indptr[place + 1])
        similarity = np.round(similarity_to.data[here], 9)
        if len(similarity) and similarity.max() >= least:
            result[node] = int(label_of[similarity_to.indices[here][similarity.argmax()]])
    return result


def agglomerate(total: Floats, least: float, size_cap: float, sizes: Floats | None = None) -> list[int]:
    """Agglomerate rows by average linkage; return for each row the first row of its group.

    ``total`` is the symmetric matrix of similarities. With ``sizes``, each row stands for so many pieces and ``total`` holds
    sums of similarities. Both arrays are overwritten.
    """
    size = len(total)
    np.fill_diagonal(total, 0.0)
    members = np.ones(size) if sizes is None else sizes
    capped = np.minimum(members, size_cap)
    similarity = total.copy() if sizes is None else total / np.outer(capped, capped)
    nearest = similarity.argmax(axis=1)
    best = similarity[np.arange(size), nearest]
    parent = list(range(size))
    while True:
        i = int(best.argmax())
        if best[i] < least:
            return _roots(parent)
        i, j = sorted((i, int(nearest[i])))
        parent[j] = i
        members[i] += members[j]
        capped[i] = min(members[i], size_cap)
        total[i] += total[j]
        total[:, i] = total[i]
        total[i, i] = 0.0
        total[j] = total[:, j] = similarity[j] = similarity[:, j] = 0.0
        similarity[i] = similarity[:, i] = total[i] / (capped[i] * capped)
        best[j], nearest[j] = 0.0, j
        outdated = np.flatnonzero((nearest == i) | (nearest == j))
        outdated = outdated[best[outdated] > 0.0]
        rows = similarity[outdated]
        nearest[outdated] = rows.argmax(axis=1)
        best[outdated] = rows.max(axis=1)
        nearest[i] = similarity[i].argmax()
        best[i] = similarity[i, nearest[i]]
        nearer = np.flatnonzero(similarity[:, i] > best)
        nearest[nearer], best[nearer] = i, similarity[nearer, i]


def _roots(parent: Sequence[int]) -> list[int]:
    roots = []
    for node in range(len(parent)):
        while parent[node] != node:
            node = parent[node]
        roots.append(node)
    return roots
