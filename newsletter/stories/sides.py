"""Which Side each Article of a Story counts for. Pure, but for reading attributes of loaded rows."""

from __future__ import annotations

from collections.abc import Sequence

from newsletter.db.models import Article, Outlet
from newsletter.feeds.leans import Coverage, Lean, Side, coverage
from newsletter.stories.countries import Standing, side_for, story_countries


def sides_of(articles: Sequence[Article]) -> dict[int, Side | None]:
    """The Side of each Article of one Story, by id; None for an Outlet that is state-run or foreign to the Story.

    The Articles' Outlets must be loaded.
    """
    countries = story_countries([(a.headline, a.excerpt) for a in articles])
    return {a.id: side_for(standing(a.outlet), countries) for a in articles}


def coverage_of(articles: Sequence[Article]) -> Coverage:
    """How many Outlets of each Side carried the Story; ``articles`` oldest first, their Outlets loaded."""
    sides = sides_of(articles)
    return coverage((a.outlet_id, sides[a.id], a.wire_key) for a in articles)


def standing(outlet: Outlet) -> Standing:
    """What the stored Outlet says that bears on its Side."""
    return Standing(
        Lean(outlet.lean),
        outlet.country or None,
        outlet.state_run,
        frozenset(outlet.lean_countries.split()),
    )
