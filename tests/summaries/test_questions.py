"""Questions are well formed and answered by their sentence, or not asked. All texts are invented."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from newsletter.feeds.leans import Side
from newsletter.summaries.protocol import ArticleText
from newsletter.summaries.selection.questions import ask, asked, is_person, tells_next
from newsletter.summaries.selection.statements import Statement, statements

DAY = datetime(2026, 3, 2, 10, tzinfo=UTC)
TOPIC = frozenset({"whitlock", "teal"})
HEADLINE = "Marlow Bay council approves harbor wall and 40 homes"


def _article(number: int, excerpt: str, *, age: timedelta = timedelta()) -> ArticleText:
    return ArticleText(number, f"Outlet {number}", Side.LEFT, HEADLINE, excerpt, DAY - age)


def _statement(text: str) -> Statement:
    return next(s for s in statements([_article(1, text)]) if not s.is_headline)


@pytest.mark.parametrize(
    ("text", "question"),
    [
        (
            "Dana Whitlock, a longtime harbor engineer in Marlow Bay, drew up the plan for the wall.",
            "Who is Dana Whitlock?",
        ),
        (
            "Mayor Cole Teal said the wall would be built before the winter storms reach Marlow Bay.",
            "What did Mayor Cole Teal say?",
        ),
        (
            "At least 12 people were killed when the old harbor wall of Marlow Bay gave way.",
            "How many people were killed?",
        ),
        (
            "The harbor council is expected to vote on the contract for the wall later this month.",
            "What happens next?",
        ),
        (
            "The harbor council is scheduled to vote on the contract for the wall on Friday.",
            "What happens next, and when?",
        ),
    ],
)
def test_a_sentence_that_answers_is_asked_for(text: str, question: str) -> None:
    assert asked(_statement(text), TOPIC) == question


@pytest.mark.parametrize(
    ("text", "question"),
    [
        (
            "Prosecutors accused the mayor of Marlow Bay of selling the harbor wall.",
            "What is the accusation?",
        ),
        ("The council of Marlow Bay acted in response to the storm of last winter.", "What prompted it?"),
        ("The harbor wall of Marlow Bay is aimed at keeping storms out of the town.", "What is the aim?"),
        (
            "The council of Marlow Bay put the wall off because the harbor has no money.",
            "What reason is given?",
        ),
        ("The harbor plan of the town makes room for 40 homes behind the new wall.", None),
        ("Some 83 percent of those killed in the storm of Marlow Bay were fishermen.", None),
    ],
)
def test_reasons_are_asked_for_by_what_they_are(text: str, question: str | None) -> None:
    assert asked(_statement(text), TOPIC) == question


def test_nobody_is_asked_after_whom_one_outlet_alone_names() -> None:
    text = "Anton Weir, a retired baker in the town of Quorn, spoke about the harbor wall."
    assert asked(_statement(text), TOPIC) is None
    assert asked(_statement(text), TOPIC | {"weir"}) == "Who is Anton Weir?"


def test_an_answer_tells_what_stands_nowhere_above() -> None:
    lead = "At least 12 people were killed when the harbor wall of Marlow Bay gave way on Monday."
    again = "At least 12 people were killed on Monday in Marlow Bay, rescuers said, when the harbor wall gave way there."
    pool = statements([_article(1, lead), _article(2, again)])
    said = [s for s in pool if s.text == lead]
    assert ask(pool, said) == []
    assert [q for q, _ in ask(pool, ())] == ["How many people were killed?"]


@pytest.mark.parametrize(
    "text",
    [
        "On Wednesday, the Marlow Bay council ended the effort to stall the harbor wall.",
        "Marlow Bay, the seaside town, has debated the harbor wall for some fifteen years.",
        "After Tuesday, a harbor wall in Marlow Bay looks closer than it did last winter.",
    ],
)
def test_a_day_or_a_place_is_nobody(text: str) -> None:
    question = asked(_statement(text))
    assert question is None or "On Wednesday" not in question
    assert question is None or "After Tuesday" not in question


@pytest.mark.parametrize(
    "name", ["On Wednesday", "The Senate", "Harbor Department", "Whitlock", "August Teal News"]
)
def test_no_person(name: str) -> None:
    assert not is_person(name)


def test_what_was_coming_in_an_old_article_is_not_next() -> None:
    old = _article(
        1,
        "The harbor council is expected to vote on the wall in Marlow Bay on Friday.",
        age=timedelta(days=4),
    )
    young = _article(2, "The harbor wall of Marlow Bay stands as a matter of long debate in the council.")
    assert not [q for q, _ in ask(statements([old, young]), ()) if "next" in q]


def test_a_plan_to_or_a_wish_in_a_quotation_is_no_next_step() -> None:
    assert not tells_next("The council approved a plan to build the wall.")
    assert not tells_next("The mayor said “the wall will stand” at the harbor.")
    assert not tells_next("The council was expected to vote on Friday.")
    assert tells_next("The council will vote on Friday.")


def test_a_sentence_beside_the_matter_is_not_asked_for() -> None:
    aside = "Elsewhere in Europe, two million visitors are expected to dance at a carnival over the weekend."
    main = "The council of Marlow Bay approved the harbor wall and 40 homes after a debate of nine hours."
    assert aside not in [s.text for _, s in ask(statements([_article(1, f"{main} {aside}")]), ())]
