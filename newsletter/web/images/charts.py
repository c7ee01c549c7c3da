"""Figures drawn from numbers. Pure."""

from __future__ import annotations

from newsletter.feeds.leans import SIDES, Coverage, Side

MOST_SEGMENTS = 80  # above this a segment stands for several Outlets


def segments(coverage: Coverage) -> dict[Side, int]:
    """How many segments of the coverage bar belong to each Side: one for each Outlet.

    Past MOST_SEGMENTS they are scaled down, and a Side that has any Outlet keeps at least one.
    """
    if coverage.outlets <= MOST_SEGMENTS:
        return {side: coverage.of(side) for side in SIDES}
    share = MOST_SEGMENTS / coverage.outlets
    return {side: max(1, round(coverage.of(side) * share)) if coverage.of(side) else 0 for side in SIDES}
