"""A fresh grouping changes Stories for a clear reason only: each rule just below its threshold and just above it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from scipy import sparse

from newsletter.stories.linkage import SIZE_CAP
from newsletter.stories.stability import (
    JOIN_FROM,
    JOIN_SIZE_EXPONENT,
    LEAVE_BELOW,
    MERGE_FROM,
    MERGE_RATIO,
    SPLIT_BELOW,
    stabilize,
)

SMALL, LARGE = [0, 1, 2], [3, 4, 5, 6]


def _edges(size: int, *within: tuple[Sequence[int], Sequence[int], float]) -> sparse.csr_matrix:
    """Likeness between the members of one list and those of another."""
    table = np.zeros((size, size))
    for some, others, value in within:
        for i in some:
            for j in others:
                if i != j:
                    table[i, j] = table[j, i] = value
    return sparse.csr_matrix(table)


def _stories(edges: sparse.csr_matrix, found: Sequence[int], current: Sequence[int | None]) -> list[set[int]]:
    size = len(found)
    numbers = np.array([i if s is None else size + s for i, s in enumerate(current)], dtype=np.int64)
    groups: dict[int, set[int]] = {}
    for i, label in enumerate(stabilize(edges, found, numbers)):
        groups.setdefault(label, set()).add(i)
    return sorted(groups.values(), key=min)


def _two(between: float, own: float = 0.6) -> sparse.csr_matrix:
    return _edges(7, (SMALL, SMALL, own), (LARGE, LARGE, own), (SMALL, LARGE, between))


def test_where_no_story_stands_the_fresh_grouping_is_the_answer() -> None:
    assert stabilize(_two(0.2), [0, 0, 0, 3, 3, 5, 6], np.arange(7)) == [0, 0, 0, 3, 3, 5, 6]
    assert stabilize(sparse.csr_matrix((0, 0)), [], np.arange(0)) == []


@pytest.mark.parametrize(
    ("between", "parts"),
    [(0.9 * SPLIT_BELOW, [set(SMALL), set(LARGE)]), (1.1 * SPLIT_BELOW, [set(range(7))])],
)
def test_a_story_parts_where_it_is_clearly_apart(between: float, parts: list[set[int]]) -> None:
    assert _stories(_two(between), [0, 0, 0, 3, 3, 3, 3], [1] * 7) == parts


@pytest.mark.parametrize(
    ("between", "parts"), [(0.9 * MERGE_FROM, [set(SMALL), set(LARGE)]), (1.1 * MERGE_FROM, [set(range(7))])]
)
def test_two_stories_become_one_where_they_are_clearly_alike(between: float, parts: list[set[int]]) -> None:
    assert _stories(_two(between), [0] * 7, [1] * 3 + [2] * 4) == parts


def test_or_where_the_smaller_is_more_like_the_larger_than_like_itself() -> None:
    """Bare headlines of one large happening: little alike on average, and the few no more so among themselves."""
    few, many = [0, 1], list(range(2, 32))
    for own, one in ((0.8 * SIZE_CAP, False), (0.01, True)):
        edges = _edges(32, (few, few, own), (many, many, 0.5), (few, many[:12], 0.1))
        assert edges[few][:, many].mean() < MERGE_FROM
        ratio = 12 * 0.1 / SIZE_CAP / own
        assert (ratio >= MERGE_RATIO) is one
        assert (len(_stories(edges, [0] * 32, [1] * 2 + [2] * 30)) == 1) is one


@pytest.mark.parametrize(("similarity", "stays"), [(0.9 * LEAVE_BELOW, False), (1.1 * LEAVE_BELOW, True)])
def test_an_article_that_goes_nowhere_leaves_only_if_hardly_like_the_others(
    similarity: float, stays: bool
) -> None:
    many = list(range(1, 13))
    edges = _edges(13, (many, many, 0.5), ([0], many[:6], similarity))
    assert edges[[0]][:, many].mean() < SPLIT_BELOW
    assert (len(_stories(edges, [0] + [1] * 12, [1] * 13)) == 1) is stays


@pytest.mark.parametrize(("similarity", "joins"), [(0.9 * JOIN_FROM, False), (1.1 * JOIN_FROM, True)])
def test_a_new_article_joins_what_it_is_like(similarity: float, joins: bool) -> None:
    edges = _edges(5, (range(4), range(4), 0.5), ([4], range(4), similarity))
    assert (len(_stories(edges, [0] * 5, [1] * 4 + [None])) == 1) is joins


def test_of_a_large_story_a_new_article_is_like_more_members() -> None:
    many = list(range(60))
    for members, joins in ((6, False), (int(6 * 10**JOIN_SIZE_EXPONENT) + 1, True)):
        edges = _edges(61, (many, many, 0.5), ([60], many[:members], JOIN_FROM))
        assert (len(_stories(edges, [0] * 61, [1] * 60 + [None])) == 1) is joins


def test_new_articles_between_two_stories_that_stay_two_go_to_the_likest_or_stay_among_themselves() -> None:
    current: list[int | None] = [1] * 3 + [2] * 4 + [None] * 2
    for to_small, to_large, want in (
        (0.3, 0.2, [{0, 1, 2, 7, 8}, {3, 4, 5, 6}]),
        (0.2, 0.3, [{0, 1, 2}, {3, 4, 5, 6, 7, 8}]),
        (0.05, 0.05, [{0, 1, 2}, {3, 4, 5, 6}, {7, 8}]),
    ):
        edges = _edges(
            9,
            (SMALL, SMALL, 0.6),
            (LARGE, LARGE, 0.6),
            ([7, 8], [7, 8], 0.5),
            ([7, 8], SMALL, to_small),
            ([7, 8], LARGE, to_large),
        )
        assert _stories(edges, [0] * 9, current) == want


def test_an_article_goes_over_to_another_story_when_it_is_apart_from_its_own() -> None:
    edges = _edges(7, ([0, 1], [0, 1], 0.6), ([2, *LARGE], [2, *LARGE], 0.6))
    assert _stories(edges, [0, 0, 2, 2, 2, 2, 2], [1] * 3 + [2] * 4) == [{0, 1}, {2, 3, 4, 5, 6}]
