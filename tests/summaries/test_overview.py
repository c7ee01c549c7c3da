"""The neutral paragraph covers what the outlets share, plainly, once, and at a length that follows theirs. Texts are invented."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import combinations
from random import Random

import pytest

from newsletter.feeds.leans import Side
from newsletter.summaries.protocol import ArticleText
from newsletter.summaries.selection.overview import (
    ALIKE,
    WEIGHTS,
    Worth,
    looked_at,
    overview_of,
    wanted_words,
)
from newsletter.summaries.selection.statements import statements

DAY = datetime(2026, 3, 2, 10, tzinfo=UTC)
SHARED = "The council of Marlow Bay approved a harbor wall on Tuesday after a debate of nine hours."
SENTENCES = [
    SHARED,
    "Marlow Bay's council voted 7 to 4 on Tuesday for a harbor wall that will cost $12 million.",
    "Mayor Dana Whitlock said the harbor wall would save the town of Marlow Bay from the next storm.",
    "Fishermen in Marlow Bay say the harbor wall will cut them off from 40 berths.",
    "A bakery in the old town of Quorn sells bread in the shape of boats on Sundays.",
    "The contract for the harbor wall is expected to be signed in Marlow Bay on Friday.",
    "Dana Whitlock, a longtime harbor engineer, was elected mayor of Marlow Bay in 2021.",
    "The shameful harbor wall of Marlow Bay will cost the town $12 million, fishermen said.",
]


def _articles(*excerpts: str, headline: str = "Marlow Bay council approves harbor wall") -> list[ArticleText]:
    return [
        ArticleText(n, f"Outlet {chr(64 + n)}", Side.CENTER, headline, excerpt, DAY)
        for n, excerpt in enumerate(excerpts, start=1)
    ]


def _overview(articles: list[ArticleText]) -> list[str]:
    return [s.text for s in overview_of(statements(articles), articles)]


def test_what_the_outlets_share_is_told_and_what_is_beside_the_matter_is_not() -> None:
    excerpts = [f"{SENTENCES[n]} {SENTENCES[m]}" for n, m in ((0, 3), (4, 1), (0, 2), (5, 6))]
    told = _overview(_articles(*excerpts))
    assert SHARED in told or SENTENCES[1] in told
    assert SENTENCES[4] not in told


def test_nothing_is_told_twice() -> None:
    again = "The Marlow Bay council approved the harbor wall on Tuesday after nine hours of debate."
    told = _overview(_articles(SHARED, again, f"{again} {SENTENCES[3]}"))
    assert len({SHARED, again} & set(told)) == 1


def test_a_loaded_sentence_gives_way_to_a_plainer_one() -> None:
    loaded = "The council of Marlow Bay approved a disastrous harbor wall on Tuesday after a shameful debate of nine hours."
    assert loaded not in _overview(_articles(loaded, SHARED, loaded))
    assert _overview(_articles(loaded)) == [loaded]


def test_what_stands_before_is_not_told_again() -> None:
    articles = _articles(f"{SHARED} {SENTENCES[3]}", f"{SENTENCES[1]} {SENTENCES[2]}")
    pool = statements(articles)
    lede = next(s for s in pool if s.text == SHARED)
    assert SHARED not in [s.text for s in overview_of(pool, articles, [lede])]


def test_where_the_outlets_say_more_the_paragraph_is_longer() -> None:
    short, long = _articles(SHARED, SENTENCES[1]), _articles(*[" ".join(SENTENCES)] * 6)
    assert wanted_words(short) < 40 < 60 < wanted_words(long) < 75


def test_without_excerpts_the_headlines_tell() -> None:
    told = _overview(_articles("", "", headline="Marlow Bay council approves a harbor wall"))
    assert told == ["Marlow Bay council approves a harbor wall."]
    assert overview_of([], []) == []


def test_the_search_finds_nearly_what_looking_at_every_set_finds() -> None:
    # It looks at few sets of very many, so now and then it misses the best: how often, on pools that are always the same.
    chance = Random(5)
    short = [_falls_short_by(chance) for _ in range(60)]
    assert sum(s <= 1e-9 for s in short) >= 0.8 * len(short)
    assert sum(s <= 0.1 for s in short) >= 0.95 * len(short)


def _falls_short_by(chance: Random) -> float:
    """How much less worth than the best set, as a share of it, what the search finds in a pool drawn by ``chance``."""
    excerpts = [chance.sample(SENTENCES, chance.randint(1, 3)) for _ in range(chance.randint(1, 4))]
    articles = _articles(*(" ".join(e) for e in excerpts))
    pool = statements(articles)
    able, worth = looked_at(pool), Worth(pool, articles)
    chosen = overview_of(pool, articles)
    found = worth.of([i for i, s in enumerate(pool) if any(s is c for c in chosen)])
    best = max(
        worth.of(c)
        for size in range(1, 5)
        for c in combinations(able, size)
        if all(pool[i].like(pool[j]) < ALIKE for i, j in combinations(c, 2))
    )
    return (best - found) / max(abs(best), 1e-9)


def test_worth_is_the_weighted_sum_of_what_is_learnt_from() -> None:
    articles = _articles(f"{SENTENCES[0]} {SENTENCES[3]}", f"{SENTENCES[1]} {SENTENCES[7]}", SENTENCES[2])
    pool = statements(articles)
    worth = Worth(pool, articles)
    for chosen in ([0], [0, 1], looked_at(pool)):
        weighted = sum(w * f for w, f in zip(WEIGHTS.values(), worth.features(chosen), strict=True))
        assert worth.of(chosen) == pytest.approx(weighted)


def test_each_sentence_below_the_lede_says_something_new() -> None:
    again = "On Tuesday, late at night, the harbor wall of Marlow Bay was approved by a divided council of the town."
    more = "Teachers say that the storm of 2009 flooded their classrooms and three streets behind the school."
    articles = _articles(SHARED, again, f"{SHARED} {more}", f"{again} {more}")
    pool = statements(articles)
    lede = next(s for s in pool if s.text == SHARED)
    told = [s.text for s in overview_of(pool, articles, [lede])]
    assert more in told
    assert again not in told
