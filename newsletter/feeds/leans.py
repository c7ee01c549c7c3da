"""Leans of Outlets, the three Sides, and the Coverage of a Story. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Lean(StrEnum):
    """The political position of an Outlet, on AllSides' scale of five."""

    LEFT = "left"
    LEAN_LEFT = "lean_left"
    CENTER = "center"
    LEAN_RIGHT = "lean_right"
    RIGHT = "right"


class Side(StrEnum):
    """Left, center or right: the five Leans folded to three."""

    LEFT = "left"
    CENTER = "center"
    RIGHT = "right"


SIDES = (Side.LEFT, Side.CENTER, Side.RIGHT)
_FOLD = {
    Lean.LEFT: Side.LEFT,
    Lean.LEAN_LEFT: Side.LEFT,
    Lean.CENTER: Side.CENTER,
    Lean.LEAN_RIGHT: Side.RIGHT,
    Lean.RIGHT: Side.RIGHT,
}
SIDE_NAMES = {Side.LEFT: "Left", Side.CENTER: "Center", Side.RIGHT: "Right"}
LEAN_NAMES = {
    Lean.LEFT: "Left",
    Lean.LEAN_LEFT: "Lean left",
    Lean.CENTER: "Center",
    Lean.LEAN_RIGHT: "Lean right",
    Lean.RIGHT: "Right",
}


def side_of(lean: Lean | str) -> Side:
    """Return the Side of an Outlet with this Lean."""
    return _FOLD[Lean(lean)]


@dataclass(frozen=True)
class Coverage:
    """The number of distinct Outlets of each Side that carried a Story, and the number of their Articles.

    A wire copy counts once, for the Outlet that published it first; ``wire_copies`` is the number of further Outlets that
    published only copies.
    """

    left: int = 0
    center: int = 0
    right: int = 0
    articles: int = 0
    wire_copies: int = 0
    no_side: int = 0  # Outlets that are state-run, or foreign to the Story

    @property
    def outlets(self) -> int:
        return self._with_side + self.no_side

    @property
    def _with_side(self) -> int:
        return self.left + self.center + self.right

    def of(self, side: Side) -> int:
        return {Side.LEFT: self.left, Side.CENTER: self.center, Side.RIGHT: self.right}[side]

    @property
    def missing(self) -> tuple[Side, ...]:
        """The Sides without an Outlet that carried the Story."""
        return tuple(s for s in SIDES if not self.of(s))

    @property
    def one_sided(self) -> bool:
        """Whether left or right is missing. A Story without center alone is not one-sided."""
        return not self.left or not self.right

    def shares(self) -> dict[Side, int]:
        """Return whole percentages that sum to 100 (largest remainder method), or 0 for each Side when no Side has an Outlet."""
        if not self._with_side:
            return dict.fromkeys(SIDES, 0)
        exact = {s: 100 * self.of(s) / self._with_side for s in SIDES}
        whole = {s: int(exact[s]) for s in SIDES}
        by_remainder = sorted(SIDES, key=lambda s: (whole[s] - exact[s], SIDES.index(s)))
        for side in by_remainder[: 100 - sum(whole.values())]:
            whole[side] += 1
        return whole


def coverage(rows: Iterable[tuple[int, Side | None, str | None]]) -> Coverage:
    """Count the Coverage from rows of (outlet id, Side or None, wire key or None), one for each Article, oldest first.

    An Outlet counts once, however many Articles it published. It does not count when all of its Articles repeat texts that
    other Outlets published earlier; it is then one of ``wire_copies``.
    """
    sides: dict[int, Side | None] = {}
    original: set[int] = set()
    first: dict[str, int] = {}
    articles = 0
    for outlet_id, side, wire_key in rows:
        articles += 1
        sides[outlet_id] = side
        if wire_key is None or first.setdefault(wire_key, outlet_id) == outlet_id:
            original.add(outlet_id)
    count = {s: sum(1 for o in original if sides[o] is s) for s in SIDES}
    return Coverage(
        left=count[Side.LEFT],
        center=count[Side.CENTER],
        right=count[Side.RIGHT],
        articles=articles,
        wire_copies=len(sides) - len(original),
        no_side=sum(1 for o in original if sides[o] is None),
    )
