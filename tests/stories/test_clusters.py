"""Grouping by words alone: in any order of Articles, with any number of Outlets, and links that hold on average."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from newsletter.stories.clustering import EDGE_SIMILARITY, SAME_STORY_FACTOR, Piece, cluster
from newsletter.stories.linkage import LINK_SIMILARITY, attach_singles, average_linkage
from newsletter.stories.similarity_graph import (
    DECAY_PER_DAY,
    build_graph,
    edges_above,
    propagate_labels,
    strengthen_within,
)
from newsletter.stories.tfidf import terms, weigh_terms

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
PLACES = ["Ardmoor", "Belwick", "Corran", "Dunmere", "Eskdale", "Farrow"]
DEEDS = ["flood", "strike", "verdict", "eclipse", "merger", "earthquake"]
WORDS = [
    "crowds",
    "minister",
    "doctors",
    "bridge",
    "harbour",
    "budget",
    "orchard",
    "winter",
    "signal",
    "lantern",
    "meadow",
    "engine",
]


def told(place: int, deed: int, extra: list[int], number: int, day: int) -> Piece:
    filler = " ".join(WORDS[w] for w in extra)
    return Piece(
        number,
        f"{DEEDS[deed].title()} in {PLACES[place]}",
        f"The {DEEDS[deed]} of {PLACES[place]} met {filler}.",
        NOW - timedelta(days=day),
    )


pieces = st.lists(
    st.tuples(
        st.integers(0, 5),
        st.integers(0, 5),
        st.lists(st.integers(0, 11), min_size=2, max_size=6),
        st.integers(0, 9),
    ),
    min_size=1,
    max_size=30,
).map(lambda rows: [told(p, d, e, n, day) for n, (p, d, e, day) in enumerate(rows)])


def partition(
    found: list[Piece], where: Mapping[int | str, int | None] | None = None
) -> set[frozenset[int | str]]:
    groups: dict[int, set[int | str]] = {}
    before = None if where is None else [where.get(p.id) for p in found]
    for piece, label in zip(found, cluster(found, current_stories=before), strict=True):
        groups.setdefault(label, set()).add(piece.id)
    return {frozenset(g) for g in groups.values()}


@settings(max_examples=60, deadline=None)
@given(pieces, st.randoms(use_true_random=False))
def test_the_order_of_arrival_does_not_matter(found: list[Piece], chance: object) -> None:
    mixed = found[:]
    chance.shuffle(mixed)  # type: ignore[attr-defined]
    assert partition(mixed) == partition(found)


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(
    pieces,
    st.lists(st.one_of(st.none(), st.integers(1, 4)), min_size=30, max_size=30),
    st.randoms(use_true_random=False),
)
def test_nor_does_it_where_some_stand_in_stories_already(
    found: list[Piece], current: list[int | None], chance: object
) -> None:
    where = {p.id: story for p, story in zip(found, current, strict=False)}
    mixed = found[:]
    chance.shuffle(mixed)  # type: ignore[attr-defined]
    assert partition(mixed, where) == partition(found, where)


def test_what_stands_together_is_not_parted_by_a_small_doubt() -> None:
    """A pair just too unlike to be joined anew stays where it stood together; one that is plainly unlike does not."""
    apart, together = np.array([0, 1]), np.array([7, 7])
    for value, stays in ((0.9 * EDGE_SIMILARITY, True), (0.6 * EDGE_SIMILARITY, False)):
        edges = _symmetric(2, {(0, 1): value})
        for current, one_group in ((apart, False), (together, stays)):
            found = strengthen_within(edges, current, SAME_STORY_FACTOR)
            assert (
                len(set(average_linkage(found, propagate_labels(edges_above(found, EDGE_SIMILARITY))))) == 1
            ) is one_group


def test_nothing_and_one_piece_and_empty_texts() -> None:
    assert cluster([]) == []
    assert cluster([Piece(1, "A cheese wins", "")]) == [0]
    assert len(set(cluster([Piece(n, "", "") for n in range(3)]))) == 3


@pytest.mark.parametrize("others", [0, 2, 6])
def test_a_newsroom_of_few_articles_knows_its_happening(others: int) -> None:
    ferry = [
        Piece(
            0,
            "Ferry Maribel runs aground off Cape Tarn",
            "Helicopters lifted 214 passengers off the ferry Maribel.",
        ),
        Piece(
            1,
            "Unions blame cuts as ferry Maribel grounds",
            "The ferry Maribel ran aground with 214 passengers.",
        ),
        Piece(2, "Captain of ferry Maribel praised", "Passengers of the ferry Maribel praised its captain."),
    ]
    lone = [
        Piece(10 + i, f"{d.title()} in {p}", f"A {d} struck {p} and many passengers waited on Sunday.")
        for i, (d, p) in enumerate(zip(DEEDS, PLACES, strict=True))
    ][:others]
    assert partition([*ferry, *lone]) == {frozenset({0, 1, 2}), *(frozenset({p.id}) for p in lone)}


def test_a_word_of_one_large_happening_stays_rare() -> None:
    """A third of all articles name the Maribel; counted by Stories hers is one name among many."""
    rows = [[(f"Maribel ferry word{i}", 1)] for i in range(12)]
    rows += [[(f"valley other{i // 2}", 1)] for i in range(24)]
    words = terms(rows)
    rows_by_article = weigh_terms(words, list(range(36))).toarray()
    rows_by_story = weigh_terms(words, [0] * 12 + list(range(1, 25))).toarray()
    assert rows_by_story[0] @ rows_by_story[1] > rows_by_article[0] @ rows_by_article[1]


def _symmetric(size: int, edges: dict[tuple[int, int], float]) -> sparse.csr_matrix:
    table = np.zeros((size, size))
    for (i, j), value in edges.items():
        table[i, j] = table[j, i] = value
    return sparse.csr_matrix(table)


def test_a_chain_is_cut_where_it_does_not_hold_on_average() -> None:
    chain = _symmetric(4, {(0, 1): 0.5, (1, 2): 0.21, (2, 3): 0.5})
    assert average_linkage(chain, propagate_labels(chain)) == [0, 0, 2, 2]
    close = _symmetric(4, {(0, 1): 0.5, (1, 2): 0.21, (2, 3): 0.5, (0, 2): 0.2, (1, 3): 0.2, (0, 3): 0.2})
    assert average_linkage(close, [0] * 4) == [0, 0, 0, 0]


def test_a_large_group_asks_for_some_of_its_members_only() -> None:
    """One that is like six of thirty by 0.2 joins: plain average linkage would ask for thirty."""
    edges = {(i, j): 0.4 for i in range(30) for j in range(i)}
    edges |= {(30, i): 6 * LINK_SIMILARITY / 6 + 0.01 for i in range(6)}
    assert len(set(average_linkage(_symmetric(31, edges), [0] * 31))) == 1


def test_who_is_alone_joins_the_group_it_is_likest_on_average_by_many_faint_edges() -> None:
    """Nodes 0 to 9 and 10 to 12 are groups; 13 is faintly like all of the first, 14 of too few, 15 and 16 only like each other."""
    edges = {(13, i): 0.11 for i in range(10)} | {(13, 10): 0.3}
    edges |= {(14, i): 0.11 for i in range(5)} | {(16, 15): 0.9}
    labels = [5] * 10 + [11] * 3 + [13, 14, 15, 16]
    found = attach_singles(_symmetric(17, edges), labels)
    assert found == [5] * 10 + [11] * 3 + [5, 14, 15, 16]
    assert attach_singles(_symmetric(2, {(1, 0): 0.9}), [0, 1]) == [0, 1]  # nobody to join
    assert attach_singles(_symmetric(0, {}), []) == []


@pytest.mark.parametrize(("others", "joins"), [(12, True), (35, False)])
def test_a_telling_in_other_words_joins_what_it_is_faintly_like_all_over(others: int, joins: bool) -> None:
    """It has two words in common with each of twelve Articles, beside a dozen of its own, or too many of its own."""

    def text(own: list[str], places: list[int]) -> str:
        return " ".join([*own, *(f"word{place % 1499}" for place in places)])

    told = [
        Piece(
            100 * s + i,
            "",
            text(
                [f"happening{s}x{j}" for j in range(i % 2, i % 2 + 9)],
                [3100 * s + 170 * i + 7919 * j for j in range(12)],
            ),
            NOW,
        )
        for s in range(12)
        for i in range(12)
    ]
    odd = Piece(9999, "", text(["happening0x0", "happening0x1"], [373 * j for j in range(others)]), NOW)
    found = cluster([*told, odd])
    assert len(set(found[:12])) == 1
    assert (found[-1] == found[0]) is joins
    assert joins or found.count(found[-1]) == 1


def test_propagation_goes_on_from_where_it_begins() -> None:
    """A chain of four that holds as hard in its middle as at its ends can be one group or two."""
    edges = {(1, 0): 0.4, (2, 1): 0.4, (3, 2): 0.4}
    assert propagate_labels(_symmetric(4, edges), [0, 0, 2, 2]) == [0, 0, 2, 2]
    assert propagate_labels(_symmetric(4, edges), [0, 1, 1, 3]) == [1, 1, 1, 1]
    assert propagate_labels(_symmetric(4, edges | {(2, 0): 0.4}), [0, 0, 2, 2]) == [
        0,
        0,
        0,
        0,
    ]  # where more pulls, it goes


def test_likeness_fades_by_the_day_and_ends_with_the_window() -> None:
    matrix = sparse.csr_matrix(np.ones((4, 1)))
    found = build_graph(matrix, np.array([0.0, 1.0, 4.5, np.inf]), least=0.1).toarray()
    assert found[0, 1] == pytest.approx(np.exp(-DECAY_PER_DAY))
    assert found[0, 2] == 0 < found[1, 2]
    assert found[0, 3] == found[2, 3] == pytest.approx(np.exp(-DECAY_PER_DAY / 2))
