"""What later sentences have overtaken is not printed beside them. All texts are invented."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from newsletter.feeds.leans import Side
from newsletter.summaries.protocol import ArticleText
from newsletter.summaries.selection.extractive import Extractive
from newsletter.summaries.selection.recency import current, has_come, newest_toll, other_toll, toll
from newsletter.summaries.selection.statements import statements

DAY = datetime(2026, 3, 6, 10, tzinfo=UTC)  # a Friday
DONE = "The council of Marlow Bay approved the harbor wall on Thursday after a debate of nine hours."


def _article(
    number: int, excerpt: str, *, days: int = 0, headline: str = "Harbor wall of Marlow Bay"
) -> ArticleText:
    side = (Side.LEFT, Side.RIGHT, Side.CENTER)[number % 3]
    return ArticleText(number, f"Outlet {number}", side, headline, excerpt, DAY - timedelta(days=days))


def _kept(*articles: ArticleText) -> list[str]:
    return [s.text for s in current(statements(articles)) if not s.is_headline]


@pytest.mark.parametrize(
    "stale",
    [
        "Members of the council were poised to approve the harbor wall of Marlow Bay.",
        "The council of Marlow Bay could vote Thursday to approve the harbor wall.",
        "The council of Marlow Bay is expected to approve the harbor wall this week.",
        "The harbor wall of Marlow Bay goes to the court if it passes the council this week.",
        "The mayor of Marlow Bay will learn her fate on March 4 in the case of the harbor wall.",
    ],
)
def test_what_was_to_come_and_has_come_is_left_out(stale: str) -> None:
    assert _kept(_article(1, stale, days=3), _article(2, DONE)) == [DONE]


@pytest.mark.parametrize(
    "true",
    [
        "The council of Marlow Bay will sign the contract for the harbor wall on Monday.",
        "The harbor wall of Marlow Bay approved on Thursday is a plan that could cost the town 40 berths.",
        "Police took the mayor of Marlow Bay into custody and she is expected to approve the harbor wall.",
    ],
)
def test_what_is_still_to_come_stays(true: str) -> None:
    assert true in _kept(_article(1, true), _article(2, DONE))


AWAITED = [
    "Mayor Whitlock of Marlow Bay faces a verdict over the harbor wall this week.",
    "Mayor Whitlock of Marlow Bay could spend a year in prison if convicted over the harbor wall.",
    "Mayor Whitlock of Marlow Bay faces prison if the harbor court finds her guilty over the wall.",
]


@pytest.mark.parametrize("awaited", AWAITED)
def test_a_verdict_is_not_awaited_any_more_when_the_headlines_have_it(awaited: str) -> None:
    spoken = "The harbor court acquitted Mayor Whitlock of Marlow Bay on Thursday over the wall."
    given = [_article(n, spoken, headline="Mayor acquitted over harbor wall") for n in (2, 3)]
    before = _article(1, awaited, headline="Mayor of Marlow Bay faces verdict over harbor wall")
    assert awaited not in _kept(before, *given)
    assert awaited in _kept(before)


def test_what_comes_next_has_not_come_already() -> None:
    sent = "The harbor board voted on Wednesday and sent the wall to the council of Marlow Bay, and it is expected to approve it."
    (stale, done) = (
        s for s in statements([_article(1, sent, days=2), _article(2, DONE)]) if not s.is_headline
    )
    assert has_come(stale, [stale, done])
    assert not has_come(stale, [stale])


def test_what_comes_next_has_not_come_already_however_late_its_feed_dates_it() -> None:
    sent = "The harbor board voted on Wednesday and sent the wall to the council of Marlow Bay, and it is expected to approve it."
    late = _article(1, sent)
    given = [_article(n, DONE, days=n) for n in (2, 3)]
    stale, *done = (s for s in statements([late, *given]) if not s.is_headline)
    assert has_come(stale, [stale, *done])
    assert not has_come(stale, [stale, done[0]])  # one Outlet of the days before may speak of another vote


def test_of_two_tolls_the_newest_is_told() -> None:
    headlines = [
        "71 killed in Marlow Bay storm",
        "76 dead in Marlow Bay storm",
        "Storm kills 76 in Marlow Bay",
    ]
    articles = [_article(n, "", days=n == 0, headline=h) for n, h in enumerate(headlines)]
    pool = statements(articles)
    assert newest_toll([*pool]) == 76
    assert other_toll("The storm of Marlow Bay killed 71 people, rescuers said.", 76)
    assert not other_toll("More than 70 people were killed in Marlow Bay.", 76)
    assert not other_toll("The storm killed 2,000 people in all of Quorn.", 76)
    telling = Extractive().tell(articles)
    told = [telling.headline, *(s.text for s in (*telling.lede, *telling.overview))]
    assert not [t for t in told if "71" in t]


def test_shares_ages_and_years_are_no_tolls() -> None:
    for text in (
        "Some 83 percent of those killed were fishermen.",
        "Five out of six people killed were fishermen.",
        "The fisherman, 32, was killed when the wall fell.",
        "In 2025 killed fishermen were mourned in Marlow Bay.",
        "A mother-of-two killed by the wall was mourned.",
    ):
        assert toll(text) is None, text
    assert toll("At least 12 people were killed.") == (12, False)
