"""Headline and lede tell the newest turn of a Story, when enough Outlets report it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from newsletter.feeds.leans import SIDES
from newsletter.summaries.protocol import ArticleText
from newsletter.summaries.selection.extractive import Extractive
from newsletter.summaries.selection.waves import latest_wave
from tests.conftest import MORNING

PASSED = (
    "House passes harbor bill in late vote",
    "The House of Ostrava passed the harbor bill on Friday in a late vote of 60 to 41.",
)
SIGNED = ("Governor signs harbor bill into law", "Governor Ada Lind signed the harbor bill into law on Sunday at the port of Ostrava.")  # fmt: skip


def _articles(passed: int, signed: int) -> list[ArticleText]:
    def one(number: int, words: tuple[str, str], hours: float) -> ArticleText:
        headline, excerpt = words
        at = MORNING - timedelta(hours=hours)
        return ArticleText(
            number,
            f"Outlet {number}",
            SIDES[number % 3],
            f"{headline}",
            f"{excerpt} Report {number} tells of it.",
            at,
        )

    return [one(n, PASSED, 60 + n / 10) for n in range(passed)] + [
        one(passed + n, SIGNED, 2 + n / 10) for n in range(signed)
    ]  # fmt: skip


def test_a_later_turn_that_enough_outlets_report_leads() -> None:
    told = Extractive().tell(_articles(passed=12, signed=5))
    assert told.headline == "Governor signs harbor bill into law"
    assert "signed the harbor bill" in told.lede[0].text


def test_stragglers_are_no_wave() -> None:
    articles = _articles(passed=12, signed=2)
    assert latest_wave(articles) == articles
    assert "House passes" in Extractive().tell(articles).headline


def test_a_share_of_a_large_story_is_asked_for() -> None:
    articles = _articles(passed=60, signed=5)
    assert latest_wave(articles) == articles


def test_the_same_news_told_on_another_day_is_no_turn() -> None:
    articles = _articles(passed=12, signed=5)
    told_again = [replace(a, headline=PASSED[0]) for a in articles]
    assert latest_wave(told_again) == told_again
    assert latest_wave(articles) == articles[12:]


def test_a_story_of_one_day_is_one_wave() -> None:
    articles = _articles(passed=0, signed=3)
    assert latest_wave(articles) == articles
    assert latest_wave([]) == []
