"""Quotes stand by themselves, verbatim, with their speaker where the article names one. All texts are invented."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from newsletter.newsroom.leans import Side
from newsletter.newsroom.quotes import quotes
from newsletter.newsroom.summarizers.protocol import ArticleText

DAY = datetime(2026, 3, 2, 10, tzinfo=UTC)


def _article(excerpt: str, number: int = 1) -> ArticleText:
    return ArticleText(number, f"Outlet {number}", Side.LEFT, "Harbor wall approved", excerpt, DAY)


def test_a_clause_is_quoted_with_its_speaker() -> None:
    text = "“This wall will outlast all of us here,” Mayor Dana Whitlock said after the vote."
    (quote,) = quotes([_article(text)])
    assert quote.words == "This wall will outlast all of us here"
    assert quote.speaker == "Mayor Dana Whitlock"
    assert quote.citation.passage in text


@pytest.mark.parametrize(
    "text",
    [
        "They would “find themselves 37 more berths in the harbor of the town.”",  # begins in the middle
        "It was “The Great Harbor Wall of Marlow Bay” that won.",  # a name, no clause
        'The "sanctuary" berths, including Quorn and Teal, were paid by the "harbor" fund.',  # between two quotations
        "She praised “What we know: the wall stands as it always has.”",  # a heading inside
    ],
)
def test_what_does_not_stand_alone_is_not_quoted(text: str) -> None:
    assert quotes([_article(text)]) == ()


def test_the_same_words_are_not_quoted_again() -> None:
    text = "“We are bringing the matter before the harbor court,” an officer said."
    assert len(quotes([_article(text), _article(text, 2)])) == 1
    assert quotes([_article(text)], taken=["We are bringing the matter before the harbor court"]) == ()


@pytest.mark.parametrize(
    ("said", "speaker"),
    [
        ("Secretary of Harbors Dana Whitlock said in a letter.", "Secretary of Harbors Dana Whitlock"),
        ("his lawyer Anton Weir told reporters.", "Anton Weir"),
        ("the harbor engineer Cole Teal told the council.", "Cole Teal"),
        ("Mayor Dana Whitlock (H-Quorn) told the council.", "Mayor Dana Whitlock"),
        ("said one resident of the old town.", "one resident of the old town"),
        ("said a Quorn government spokesman.", "a Quorn government spokesman"),
        ("the harbor court said in its ruling.", "the harbor court"),
    ],
)
def test_whoever_the_article_names_or_describes_is_the_speaker(said: str, speaker: str) -> None:
    (quote,) = quotes([_article(f"“This wall will outlast all of us here,” {said}")])
    assert quote.speaker == speaker


@pytest.mark.parametrize(
    "said", ["he said.", "the officer said, adding that it would stand.", "she told them."]
)
def test_words_whose_speaker_the_reader_cannot_know_are_not_quoted(said: str) -> None:
    assert quotes([_article(f"“This wall will outlast all of us here,” {said}")]) == ()
