"""What the Sides are said to agree on is a fact that each of them states. All texts are invented."""

from __future__ import annotations

import random
from datetime import UTC, datetime

from newsletter.feeds.leans import Side
from newsletter.summaries.protocol import ArticleText
from newsletter.summaries.selection.agreements import agreements, carries, contested, is_fact
from newsletter.summaries.selection.statements import statements

DAY = datetime(2026, 3, 2, 10, tzinfo=UTC)
VOTE = "The council of Marlow Bay voted 7 to 4 on Monday to build a harbor wall."
SAME_VOTE = "By 7 votes to 4, the Marlow Bay council voted on Monday night, after a long debate, for a wall in the harbor."
LEFT = ArticleText(
    1,
    "The Heron",
    Side.LEFT,
    "Fishermen fear for berths",
    f"{VOTE} Critics say the wall will ruin the fishery.",
    DAY,
)
RIGHT = ArticleText(
    2,
    "The Quay",
    Side.RIGHT,
    "A wall at last",
    f"{SAME_VOTE} The wall should have been built in 2009, its engineer said.",
    DAY,
)


def _agreed(articles: list[ArticleText], *, headline: str = "", told: bool = False) -> list[str]:
    pool = statements(articles)
    above = pool if told else []
    return [s.text for _, s in agreements(pool, articles, above=above, told=above, headline=headline)]


def test_a_fact_of_both_sides_in_words_of_their_own_is_agreed_on_and_cited_to_both() -> None:
    pool = statements([LEFT, RIGHT])
    ((statement, sentence),) = agreements(pool, [LEFT, RIGHT], above=[], told=[], headline="Wall built")
    assert statement.text in (VOTE, SAME_VOTE)
    assert {c.article_id for c in sentence.citations} == {1, 2}
    assert all(c.passage in f"{LEFT.excerpt} {RIGHT.excerpt}" for c in sentence.citations)


def test_another_number_another_name_or_a_denial_is_no_agreement() -> None:
    for text in (
        SAME_VOTE.replace("7 votes", "8 votes"),
        SAME_VOTE.replace("the Marlow Bay council", "the Quorn Tarn assembly"),
        SAME_VOTE.replace("voted on Monday", "has not voted on Monday"),
        f"The mayor denied that {SAME_VOTE[:1].lower()}{SAME_VOTE[1:]}",
    ):
        assert not carries(VOTE, ArticleText(3, "The Gull", Side.RIGHT, "", text, DAY)), text
    assert carries(VOTE, RIGHT)


def test_what_somebody_thinks_is_no_fact() -> None:
    (_, judged, *_) = statements([LEFT])
    (_, wished, *_) = statements([RIGHT])
    assert "Critics" in judged.text
    assert "should" in wished.text
    assert not is_fact(judged)
    assert not is_fact(wished)


def test_two_statements_in_one_sentence_are_no_fact() -> None:
    (joined, *_) = statements(
        [ArticleText(3, "The Gull", Side.LEFT, "", f"{VOTE[:-1]}; Ann Teal knew the builder well.", DAY)]
    )
    assert not is_fact(joined)


def test_what_both_sides_say_may_be_told_again_but_not_in_the_words_above_it() -> None:
    assert _agreed([LEFT, RIGHT], told=True) == []
    pool = statements([LEFT, RIGHT])
    above = [s for s in pool if s.article.id == 1]
    ((_, sentence),) = agreements(pool, [LEFT, RIGHT], above=above, told=pool, headline="")
    assert sentence.text == SAME_VOTE


def test_the_headline_is_not_repeated() -> None:
    assert _agreed([LEFT, RIGHT], headline=f"{VOTE} {SAME_VOTE}") == []


def test_one_side_alone_agrees_with_nobody() -> None:
    other = ArticleText(4, "The Gull", Side.LEFT, "", SAME_VOTE, DAY)
    assert _agreed([LEFT, other]) == []


def test_any_order_agrees_on_the_same() -> None:
    more = [
        ArticleText(n, f"Outlet {n}", Side.CENTER, "", VOTE.replace("Monday", "Monday night"), DAY)
        for n in (5, 6)
    ]
    articles = [LEFT, RIGHT, *more]
    wanted = _agreed(articles)
    assert wanted
    for seed in range(5):
        random.Random(seed).shuffle(articles)
        assert _agreed(articles) == wanted


def test_what_a_fair_share_of_the_headlines_denies_is_not_agreed_on() -> None:
    text = "The keeper of the harbor light was killed on Monday, the police of Quorn said."
    assert contested(
        text, ["Keeper of harbor light captured", "Keeper captured in Quorn", "Harbor light dark"]
    )
    assert not contested(
        text, ["Keeper of harbor light killed", "Keeper captured in Quorn", "Harbor light dark"]
    )


def test_a_headline_that_counts_may_say_what_ours_says_and_another_may_not() -> None:
    def agreed(left: str, right: str) -> list[str]:
        rows = [(Side.LEFT, left), (Side.RIGHT, right)]
        articles = [ArticleText(n, f"Outlet {n}", s, h, "", DAY) for n, (s, h) in enumerate(rows, start=1)]
        return _agreed(articles, headline="Rents rise 38 percent in Quorn, says council")

    assert agreed(
        "Rents rise by more than expected to 38 percent in Quorn",
        "Rents in Quorn rise 38 percent within months",
    )
    assert not agreed("Rents in Quorn rise, council says", "Quorn council says rents rise in harbor")
