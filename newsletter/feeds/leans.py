"""Where Outlets stand, how that folds to three Sides, and how many of each carried a Story. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Lean(StrEnum):
    """Where an Outlet stands (AllSides' five steps)."""

    LEFT = "left"
    LEAN_LEFT = "lean_left"
    CENTER = "center"
    LEAN_RIGHT = "lean_right"
    RIGHT = "right"


class Side(StrEnum):
    """Left, center or right as we tell it: Leans folded to three."""

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
    """The Side an Outlet of this Lean is told with."""
    return _FOLD[Lean(lean)]


@dataclass(frozen=True)
class Coverage:
    """How many distinct Outlets of each Side carried a Story, and how many Articles they ran.

    Wire copies count once: the first Outlet (by publication) stands for all that printed the same text, and
    ``wire_copies`` says how many further Outlets ran it.
    """

    left: int = 0
    center: int = 0
    right: int = 0
    articles: int = 0
    wire_copies: int = 0
    no_side: int = 0  # Outlets that are state-run, or foreign to the Story

    @property
    def outlets(self) -> int:
        return self._sided + self.no_side

    @property
    def _sided(self) -> int:
        return self.left + self.center + self.right

    def of(self, side: Side) -> int:
        return {Side.LEFT: self.left, Side.CENTER: self.center, Side.RIGHT: self.right}[side]

    @property
    def missing(self) -> tuple[Side, ...]:
        """Sides no Outlet of which carried the Story."""
        return tuple(s for s in SIDES if not self.of(s))

    @property
    def one_sided(self) -> bool:
        """Left or right is missing. A missing center alone is not one-sidedness."""
        return not self.left or not self.right

    def shares(self) -> dict[Side, int]:
        """Whole percentages that sum to 100 (largest remainder), for the bar; all 0 when nobody carried it."""
        if not self._sided:
            return dict.fromkeys(SIDES, 0)
        exact = {s: 100 * self.of(s) / self._sided for s in SIDES}
        whole = {s: int(exact[s]) for s in SIDES}
        by_remainder = sorted(SIDES, key=lambda s: (whole[s] - exact[s], SIDES.index(s)))
        for side in by_remainder[: 100 - sum(whole.values())]:
            whole[side] += 1
        return whole


def coverage(rows: Iterable[tuple[int, Side | None, str | None]]) -> Coverage:
    """Count Coverage from ``(outlet id, Side or None, wire key or None)`` rows, one per Article, oldest first.

    An Outlet counts once however many Articles it ran. An Outlet all of whose Articles repeat a text that an earlier
    Outlet already ran is a wire copy and does not count.
    """
    sides: dict[int, Side | None] = {}
    own: set[int] = set()
    first: dict[str, int] = {}
    articles = 0
    for outlet_id, side, wire_key in rows:
        articles += 1
        sides[outlet_id] = side
        if wire_key is None or first.setdefault(wire_key, outlet_id) == outlet_id:
            own.add(outlet_id)
    count = {s: sum(1 for o in own if sides[o] is s) for s in SIDES}
    return Coverage(
        left=count[Side.LEFT],
        center=count[Side.CENTER],
        right=count[Side.RIGHT],
        articles=articles,
        wire_copies=len(sides) - len(own),
        no_side=sum(1 for o in own if sides[o] is None),
    )
