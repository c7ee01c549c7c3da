"""Grouping replayed as Articles arrive: what changes its Story is counted once, however often."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from newsletter.lab.evaluate.measure_stability import Stability, replayed, stories
from newsletter.stories.clustering import Piece

START = datetime(2026, 3, 2, 6, tzinfo=UTC)
WALL = "The council of Marlow Bay approved a harbor wall after a debate of nine hours, and fishermen lost forty berths."
LAMPS = (
    "A museum in Teal reopened its wing of glass with a show of three hundred lamps from island workshops."
)
HAIL = "Farmers counted losses after hail flattened barley, oats and orchards across the valley of Quorn."


def _pieces() -> list[Piece]:
    return [
        Piece(n, text[:40], f"{text} Report number {n}.", START + timedelta(hours=n))
        for n, text in enumerate([WALL, LAMPS, WALL, HAIL, LAMPS, WALL, HAIL, LAMPS])
    ]


def test_stories_grow_and_keep_their_articles() -> None:
    found = replayed(_pieces(), every=timedelta(hours=1))
    assert found.rounds == 8
    assert found.counts() == {"merged": 0, "split": 0, "moved": 0, "changed": 0}
    grown = stories(found, 8)
    assert grown[0] == grown[2] == grown[5]
    assert grown[1] == grown[4] == grown[7]
    assert grown[3] == grown[6]
    assert len(set(grown)) == 3


def test_each_round_is_shown_to_a_judge() -> None:
    told: list[tuple[list[int], int]] = []
    replayed(
        _pieces(),
        every=timedelta(hours=2),
        judge=lambda places, found: told.append((list(places), len(set(found)))),
    )
    assert told == [([0, 1], 2), ([0, 1, 2, 3], 3), ([0, 1, 2, 3, 4, 5], 3), (list(range(8)), 3)]


def test_rounds_in_which_nothing_arrived_are_none() -> None:
    pieces = [Piece(1, "Wall", WALL, START), Piece(2, "Wall", WALL, START + timedelta(days=3))]
    assert replayed(pieces, every=timedelta(hours=1)).rounds == 2


def test_an_article_that_changed_twice_is_counted_once() -> None:
    found = Stability()
    found.changed["split"] |= {1, 2}
    found.changed["merged"] |= {2}
    assert found.counts()["changed"] == 2


def test_a_bare_day_is_its_midnight_and_without_a_date_nothing_arrives() -> None:
    assert replayed([Piece(1, "Wall", WALL, date(2026, 3, 2))], every=timedelta(days=1)).rounds == 1
    with pytest.raises(ValueError, match="date"):
        replayed([Piece(1, "Wall", WALL)], every=timedelta(days=1))
