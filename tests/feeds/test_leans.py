"""Coverage: the numbers that a reader sees add up."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from newsletter.feeds.leans import SIDES, Coverage, Lean, Side, coverage, side_of

SIDED = [side_of(lean) for lean in Lean]


def test_an_outlet_counts_once_and_a_wire_copy_with_the_first() -> None:
    counted = coverage(
        [
            (1, Side.CENTER, "k"),
            (2, Side.LEFT, "k"),  # a wire copy and nothing else
            (3, Side.RIGHT, "k"),  # a wire copy …
            (3, Side.RIGHT, None),  # … and a text of its own
            (4, Side.RIGHT, None),
            (4, Side.RIGHT, None),
        ]
    )
    assert counted == Coverage(left=0, center=1, right=2, articles=6, wire_copies=1)
    assert counted.one_sided
    assert counted.missing == (Side.LEFT,)


ROWS = st.lists(st.tuples(st.integers(1, 8), st.sampled_from([None, "a", "b"])), max_size=30).map(
    lambda rows: [(outlet, SIDED[outlet % 5], key) for outlet, key in rows]
)


@given(ROWS)
def test_every_outlet_is_counted_or_named_as_a_wire_copy(
    rows: list[tuple[int, Side | None, str | None]],
) -> None:
    counted = coverage(rows)
    assert counted.outlets + counted.wire_copies == len({outlet for outlet, _, _ in rows})
    assert counted.outlets == sum(counted.of(side) for side in SIDES) <= counted.articles
    assert (counted.outlets > 0) == bool(rows)
    assert sum(counted.shares().values()) == (100 if rows else 0)


@given(ROWS)
def test_a_side_with_an_outlet_has_a_share(rows: list[tuple[int, Side | None, str | None]]) -> None:
    counted = coverage(rows)
    for side in SIDES:
        assert (counted.shares()[side] > 0) == (counted.of(side) > 0)


def test_an_outlet_that_counts_for_no_side_is_counted_and_has_no_share() -> None:
    counted = coverage([(1, Side.LEFT, None), (2, None, None), (3, None, "k"), (4, None, "k")])
    assert (counted.outlets, counted.no_side, counted.wire_copies) == (3, 2, 1)
    assert counted.shares() == {Side.LEFT: 100, Side.CENTER: 0, Side.RIGHT: 0}
