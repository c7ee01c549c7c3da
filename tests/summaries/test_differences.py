"""Differences in words say something, are counted right, and are left out otherwise. All texts are invented."""

from __future__ import annotations

from datetime import UTC, datetime

from newsletter.feeds.leans import Side
from newsletter.summaries.protocol import ArticleText
from newsletter.summaries.selection import differences
from newsletter.summaries.selection.framing import root_of
from newsletter.summaries.selection.side_words import side_words, words_of

DAY = datetime(2026, 3, 2, 10, tzinfo=UTC)


def _articles(left: list[str], right: list[str]) -> list[ArticleText]:
    rows = [(Side.LEFT, h) for h in left] + [(Side.RIGHT, h) for h in right]
    return [ArticleText(i, f"Outlet {i}", s, h, "", DAY) for i, (s, h) in enumerate(rows, start=1)]


def test_a_loaded_word_of_one_side_is_counted() -> None:
    articles = _articles(
        ["Whitlock held by harbor police", "Whitlock in custody", "Whitlock taken in"],
        ["Gangbanger Whitlock held", "Police hold gangbanger Whitlock", "Whitlock arrested"],
    )
    (count,) = differences.telling_counts(side_words(articles), articles)
    assert count.text == (
        "The word “gangbanger” is in 2 of 3 headlines on the right and in none of 3 on the left."
    )
    assert differences.holds(count.text, articles) is True
    assert differences.holds(count.text.replace("2 of 3", "3 of 3"), articles) is False


def test_trivial_words_and_places_are_no_difference() -> None:
    articles = _articles(
        ["Council set to vote in Quorn", "Council set for Quorn wall", "Council set on wall in Quorn"],
        ["Council votes on wall", "Wall passes council", "Council wall vote done"],
    )
    assert differences.telling_counts(side_words(articles), articles) == []
    assert "set" not in side_words(articles).get(Side.LEFT, ())


def test_a_word_few_headlines_use_is_no_difference() -> None:
    left = ["Regime holds vote", "Regime in talks", *[f"Council talks part {n}" for n in range(30)]]
    articles = _articles(left, ["Council in talks"] * 5)
    assert differences.telling_counts(side_words(articles), articles) == []


def test_british_and_american_spelling_are_one_word() -> None:
    assert root_of("favouring") == root_of("favoring")
    assert root_of("organised") == root_of("organized")
    assert root_of("defence") == root_of("defense")
    assert root_of("centre") == root_of("center")
    articles = _articles(["Map favouring the bay"] * 2, ["Map favoring the bay"] * 2)
    assert side_words(articles) == {}


def test_words_are_whole() -> None:
    assert "ms-13" in words_of("Alleged MS-13 man held")
    assert not any(w.endswith("-") for w in words_of("Alleged MS-13 man - held by far- right group"))


def test_only_words_that_judge_are_a_sides_own() -> None:
    articles = _articles(
        ["Illegal wall clears the court"] * 3 + ["At least a wall catches up"] * 3,
        ["Council votes on the harbor"] * 4,
    )
    assert side_words(articles) == {Side.LEFT: ("illegal",)}
