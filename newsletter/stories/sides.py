"""Determine which Side each Article of a Story counts for. Reads only attributes of loaded rows."""

from __future__ import annotations

from collections.abc import Sequence

from newsletter.db.models import Article, Outlet
from newsletter.feeds.leans import Coverage, Lean, Side, coverage
from newsletter.stories.countries import OutletLean, side_for, story_countries


def sides_of(articles: Sequence[Article]) -> dict[int, Side | None]:
    """Return the Side of each Article of one Story, by id; None for an Outlet that is state-run or foreign to the Story.

    The Articles' Outlets must be loaded.
    """
    countries = story_countries([(a.headline, a.excerpt) for a in articles])
    return {a.id: side_for(outlet_lean(a.outlet), countries) for a in articles}


def coverage_of(articles: Sequence[Article]) -> Coverage:
    """Return the Coverage of a Story. ``articles`` are oldest first, and their Outlets must be loaded."""
    sides = sides_of(articles)
    return coverage((a.outlet_id, sides[a.id], a.wire_key) for a in articles)


def outlet_lean(outlet: Outlet) -> OutletLean:
    """Return the data of a stored Outlet that decide its Side."""
    return OutletLean(
        Lean(outlet.lean),
        outlet.country or None,
        outlet.state_run,
        frozenset(outlet.lean_countries.split()),
    )
