"""The countries of a Story and the Side of an Outlet in it. All outlets and events are invented."""

from __future__ import annotations

import pytest

from newsletter.feeds.leans import Lean, Side
from newsletter.stories.countries import OutletLean, countries_named, side_for, story_countries

HOME = OutletLean(Lean.LEFT, country="US")
ABROAD = OutletLean(Lean.LEAN_RIGHT, country="GB")


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("Kenyan farmers march in Nairobi", {"KE"}),
        ("Norway's fishing fleet meets Icelanders' boats", {"NO"}),
        ("The U.S. and South Korea sign", {"US", "KR"}),
        ("New Mexico closes a mine", {"US"}),
        ("South Sudan opens a bridge", {"SS"}),
        ("Latin American ministers meet", set()),
        ("Jordan scores 40 points", set()),
        ("Give us the bridge", set()),
    ],
)
def test_a_country_is_known_by_its_name_its_people_and_its_capital(text: str, codes: set[str]) -> None:
    assert countries_named(text) == codes


def test_a_story_most_headlines_of_which_name_a_country_is_about_it() -> None:
    articles = [
        ("Kenyan farmers march on the capital", "Farmers marched through Nairobi on Monday."),
        ("Farmers march in Kenya over milk prices", "They want a higher price for milk."),
        ("Milk march blocks the roads", "Kenyan police closed two roads on Monday."),
    ]
    assert story_countries(articles) == {"KE"}


def test_a_country_that_takes_part_is_named_in_a_quarter_of_the_texts() -> None:
    articles = [
        ("Kenya seeks milk deal", "Kenyan ministers flew to Washington on Monday."),
        ("Kenya asks for lower tariffs", "The ministers hope for an answer this week."),
        ("Kenya sends ministers", "The White House said it would listen."),
    ]
    assert story_countries(articles) == {"KE", "US"}


@pytest.mark.parametrize(
    "articles",
    [
        [],
        [("Milk prices rise", "Milk costs more in Kenya."), ("Farmers march", "They marched on Monday.")],
        [("Kenya seeks milk deal", ""), ("Kenya asks for lower tariffs", "")],
    ],
)
def test_where_the_country_is_not_clear_none_is_said(articles: list[tuple[str, str]]) -> None:
    assert story_countries(articles) == frozenset()


@pytest.mark.parametrize(
    ("outlet", "countries", "side"),
    [
        (HOME, {"US"}, Side.LEFT),
        (HOME, {"KE", "US"}, Side.LEFT),
        (HOME, {"KE"}, None),
        (HOME, set(), Side.LEFT),
        (ABROAD, {"US"}, None),
        (OutletLean(Lean.LEAN_RIGHT, country="GB", lean_countries=frozenset({"US"})), {"US"}, Side.RIGHT),
        (OutletLean(Lean.CENTER, country="GB"), {"US"}, Side.CENTER),
        (OutletLean(Lean.RIGHT), {"KE"}, Side.RIGHT),
        (OutletLean(Lean.CENTER, country="KE", state_run=True), {"KE"}, None),
        (OutletLean(Lean.LEFT, state_run=True), set(), None),
    ],
)
def test_an_outlet_counts_for_a_side_where_its_lean_holds(
    outlet: OutletLean, countries: set[str], side: Side | None
) -> None:
    assert side_for(outlet, countries) is side
