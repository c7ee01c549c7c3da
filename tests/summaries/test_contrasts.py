"""Two sentences that stand beside each other as a difference speak of the same and judge it differently. All invented."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime

from newsletter.feeds.leans import Side
from newsletter.summaries.protocol import ArticleText
from newsletter.summaries.selection.contrasts import bullets, contrast
from newsletter.summaries.selection.statements import statements

DAY = datetime(2026, 3, 2, 10, tzinfo=UTC)
PLAIN = "The council voted on Monday for the wall in the harbor, which is to cost $12 million."
WOKE = "The woke council voted for the harbor wall, and nobody asked the taxpayers of Marlow Bay."


def _articles(left: str, right: str) -> list[ArticleText]:
    return [
        ArticleText(1, "The Heron", Side.LEFT, "Council votes for the harbor wall", left, DAY),
        ArticleText(2, "The Quay", Side.RIGHT, "Harbor wall passes council", right, DAY),
    ]


def _beside(left: str, right: str) -> list[str]:
    articles = _articles(left, right)
    found = contrast(statements(articles), articles, above=[])
    return [b.sentence.text for b in bullets(found)]


def test_each_side_judges_the_same_vote() -> None:
    told = _beside(
        "The council voted for a controversial harbor wall that its opponents call a gift to builders.",
        "The council voted for the harbor wall over radical fishermen and their leftist friends.",
    )
    assert told == [
        "On the left, The Heron writes: The council voted for a controversial harbor wall that its opponents call a gift to builders.",
        "On the right, The Quay writes: The council voted for the harbor wall over radical fishermen and their leftist friends.",
    ]


def test_one_plain_and_one_that_judges_differ_when_they_tell_the_same() -> None:
    assert len(_beside(PLAIN, WOKE)) == 2


def test_two_matters_or_two_plain_sentences_are_no_difference() -> None:
    assert not _beside(
        "The council voted for a controversial harbor wall on Monday.",
        "Radical leftist crowds marched through the streets of Quorn on Sunday.",
    )
    assert not _beside(
        "The council voted for the harbor wall on Monday.",
        "The harbor wall will cost $12 million, the council said.",
    )


def test_a_word_both_sides_use_is_no_difference() -> None:
    assert not _beside(PLAIN.replace("The", "The woke"), WOKE)


def test_shouting_on_both_sides_is_no_difference() -> None:
    assert not _beside(
        "The council voted for the harbor wall after a stunning debate.",
        "The council voted for the harbor wall after a dramatic debate.",
    )


def test_any_order_sets_the_same_beside_each_other() -> None:
    articles = [*_articles(PLAIN, WOKE), ArticleText(3, "The Gull", Side.RIGHT, "Wall", WOKE, DAY)]
    wanted = bullets(contrast(statements(articles), articles, above=[]))
    assert wanted
    for seed in range(5):
        random.Random(seed).shuffle(articles)
        assert bullets(contrast(statements(articles), articles, above=[])) == wanted


def test_the_name_of_a_column_is_no_side_of_a_difference() -> None:
    headline = "Morning Quay: Woke council votes for the harbor wall"
    articles = [
        ArticleText(1, "The Heron", Side.LEFT, "Council votes for the harbor wall", PLAIN, DAY),
        ArticleText(2, "The Quay", Side.RIGHT, headline, "", DAY),
    ]
    assert not contrast(statements(articles), articles, above=[])
    bare = replace(articles[1], headline=headline.removeprefix("Morning Quay: "))
    assert contrast(statements([articles[0], bare]), [articles[0], bare], above=[])
