"""Quotes stand by themselves, verbatim, with their speaker where the article names one. All texts are invented."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from newsletter.feeds.leans import Side
from newsletter.summaries.protocol import ArticleText
from newsletter.summaries.selection.quotes import of_sides, quotes

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
        ("the Harbor Minister's statement said.", "the Harbor Minister's statement"),
        ("Whitlock’s office said in a statement.", "Whitlock’s office"),
        ("said a joint statement signed by six towns.", "a joint statement"),
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


WALL = "“This wall will outlast all of us here,” Mayor Dana Whitlock said after the vote."
BERTHS = "“We lose forty berths of the harbor by winter.”"


def test_a_quotation_that_goes_on_is_by_whoever_spoke_before() -> None:
    found = quotes([_article(f"“It stands for all,” said Dana Whitlock. {BERTHS}")])
    assert [(q.words, q.speaker) for q in found] == [
        ("We lose forty berths of the harbor by winter", "Dana Whitlock")
    ]
    assert quotes([_article(f"It was a long debate in the harbor hall. {BERTHS}")]) == ()
    assert quotes([_article(f"“It stands for all,” she said. {BERTHS}")]) == ()


def test_he_said_is_the_one_person_of_whom_the_article_told_that_he_spoke() -> None:
    begins = "Harbor engineer Cole Teal told the council on Monday that the wall was sound."
    told = "“I have seen each stone of this harbor wall myself,” he said."
    (quote,) = quotes([_article(f"{begins} {told}")])
    assert quote.speaker.endswith("Cole Teal")
    assert quotes([_article(f"{begins} Anton Weir had doubted it. {told}")]) == ()
    assert quotes([_article(f"{begins} Anton Weir told reporters he doubted it. {told}")]) == ()
    assert quotes([_article(f"The council of Marlow Bay heard engineers. {told}")]) == ()


@pytest.mark.parametrize(
    "words",
    [
        "The goal of this harbor plan is plain: keep the lower town dry",
        "Congrats to all of Marlow Bay on this harbor wall",
        "I actually never saw the harbor wall from the sea",
    ],
)
def test_a_sentence_said_is_quoted_whatever_its_verb(words: str) -> None:
    (quote,) = quotes([_article(f"“{words},” Mayor Dana Whitlock said.")])
    assert quote.words == words


def test_a_bare_surname_that_no_headline_has_says_nobody() -> None:
    assert quotes([_article("“This wall will outlast all of us here,” Quillon said after the vote.")]) == ()


def _of(side: Side, number: int, excerpt: str) -> ArticleText:
    return ArticleText(number, f"Outlet {number}", side, "Harbor wall approved", excerpt, DAY)


def test_words_that_both_sides_quote_are_left_to_the_one_that_has_no_others() -> None:
    more = "“Forty berths of the harbor are a high price,” said Ann Teal."
    found = of_sides([_of(Side.LEFT, 1, WALL), _of(Side.LEFT, 2, more), _of(Side.RIGHT, 3, WALL)])
    assert [q.speaker for q in found[Side.LEFT]] == ["Ann Teal"]
    assert [q.speaker for q in found[Side.RIGHT]] == ["Mayor Dana Whitlock"]


def test_one_side_is_not_quoted_twice_while_the_other_is_not_at_all() -> None:
    more = "“Forty berths of the harbor are a high price,” said Ann Teal."
    lefts = [_of(Side.LEFT, 1, WALL), _of(Side.LEFT, 2, more)]
    assert len(of_sides(lefts)[Side.LEFT]) == 2
    assert len(of_sides([*lefts, _of(Side.RIGHT, 3, "The vote took nine hours.")])[Side.LEFT]) == 1


def test_a_quotation_is_told_when_a_sentence_prints_a_good_part_of_it() -> None:
    told = "Dana Whitlock said that “this wall will outlast all of us” when she left the hall."
    assert quotes([_article(WALL)], taken=[told]) == ()
    assert (
        len(quotes([_article(WALL)], taken=["The wall of Marlow Bay was approved on Tuesday for all."])) == 1
    )


def test_an_article_beside_the_story_is_not_quoted() -> None:
    five = [_of(Side.LEFT, n, "The vote took nine hours.") for n in range(1, 6)]
    stray = ArticleText(9, "Outlet 9", Side.RIGHT, "Swan nests on the slipway of Quorn", WALL, DAY)
    assert of_sides([*five, stray])[Side.RIGHT] == ()
    assert len(of_sides([*five, _of(Side.RIGHT, 9, WALL)])[Side.RIGHT]) == 1
