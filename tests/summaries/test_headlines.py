"""Outlets' headlines made plain, from invented ones."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from newsletter.feeds.leans import Side
from newsletter.summaries.headlines import as_sentence, clean, is_cut_off, neutral, words_of_others
from newsletter.summaries.protocol import ArticleText
from newsletter.summaries.selection.statements import statements
from newsletter.summaries.truecasing import Casing, sentence_case

NOW = datetime(2026, 3, 2, tzinfo=UTC)
TEXT = (
    "The council of Halvern voted to approve the ferry terminal. Mayor Odo Brandt said on Monday that New York engineers "
    "would reject any delay, and the builders of the terminal agreed to begin in spring. Residents of the old town had "
    "asked for a review of the noise. The council expects 300 boats a day. The harbor office of Halvern will publish "
    "the plans, and residents can object until the end of the month, a clerk of the council said in the evening."
)


def piece(number: int, side: Side, headline: str, excerpt: str = TEXT) -> ArticleText:
    return ArticleText(number, f"Outlet {number}", side, headline, excerpt, NOW)


@pytest.mark.parametrize(
    ("headline", "expected"),
    [
        ("BREAKING: Ferry aground off Halvern coast", "Ferry aground off Halvern coast"),
        ("Ferry aground off Halvern coast | Halvern Broadsheet", "Ferry aground off Halvern coast"),
        ("Ferry aground off Halvern coast - Halvern Broadsheet", "Ferry aground off Halvern coast"),
        (
            "Ferry aground off Halvern coast - what we know now",
            "Ferry aground off Halvern coast - what we know now",
        ),
    ],
)
def test_labels_and_site_names_go(headline: str, expected: str) -> None:
    assert clean(headline) == expected


def test_title_case_becomes_sentence_case_and_names_stay() -> None:
    casing = Casing.of([TEXT])
    assert (
        sentence_case("Halvern Council Rejects New York Plan For New Ferry Terminal On Monday", casing)
        == "Halvern council rejects New York plan for new ferry terminal on Monday"
    )


def test_a_shouted_word_is_lowered_and_short_forms_stay() -> None:
    casing = Casing.of([TEXT])
    assert (
        sentence_case("Halvern council VOTES with NATO and the EU", casing)
        == "Halvern council votes with NATO and the EU"
    )


def test_the_opening_number_does_not_make_the_second_word_a_first_one() -> None:
    assert sentence_case("83% Of Residents Object To Ferry Terminal", Casing.of([TEXT])).startswith(
        "83% of residents"
    )


def test_the_central_plain_headline_is_chosen() -> None:
    articles = [
        piece(1, Side.LEFT, "You won't believe what the council did to the harbor!"),
        piece(2, Side.CENTER, "Halvern council approves ferry terminal"),
        piece(3, Side.RIGHT, "Outrageous council approves disastrous ferry terminal"),
        piece(4, Side.RIGHT, "Why is the council approving a ferry terminal?"),
    ]
    assert neutral(articles) == "Halvern council approves ferry terminal"
    assert neutral(articles[::-1]) == "Halvern council approves ferry terminal"


def test_without_any_headline_it_is_called_untitled() -> None:
    assert neutral([piece(1, Side.LEFT, "")]) == "Untitled story"


@pytest.mark.parametrize(
    "headline",
    [
        "Why the ferry ran aground off Halvern",
        "Ferry aground?",
        "Ferry aground",
        "Watch the ferry run aground here",
    ],
)
def test_a_question_or_teaser_is_no_sentence(headline: str) -> None:
    assert as_sentence(headline, Casing.of([TEXT])) is None


def test_a_headline_as_a_sentence_keeps_its_passage() -> None:
    line = as_sentence("UPDATE: Ferry runs aground off the Halvern coast", Casing.of([TEXT]))
    assert line is not None
    assert line.text == "Ferry runs aground off the Halvern coast."
    assert line.passage == "Ferry runs aground off the Halvern coast"


@pytest.mark.parametrize(
    ("headline", "expected"),
    [
        (
            "Halvern Builders Discover Tiny Leak In Ferry Terminal",
            "Halvern builders discover tiny leak in ferry terminal",
        ),
        (
            "US-Funded Builders Reject Extra-Large Ships",
            "US-funded builders reject extra-large ships",
        ),
        (
            "Builders Hear President Odo Brandt Defend Judge’s Ruling",
            "Builders hear President Odo Brandt defend judge’s ruling",
        ),
        ("U.S. Builders Sail Toward Halvern", "U.S. builders sail toward Halvern"),
        ("Halvern mayor says the LAST boat is leaving", "Halvern mayor says the last boat is leaving"),
        ("Halvern council votes with NATO on Tarnovians", "Halvern council votes with NATO on Tarnovians"),
    ],
)
def test_plain_words_are_small_even_where_no_running_text_teaches_it(headline: str, expected: str) -> None:
    assert sentence_case(headline, Casing.of([])) == expected


@pytest.mark.parametrize(
    "headline",
    [
        "Evening Brief: Ferry Aground, Council Votes, Mayor Resigns in Halvern",
        "Five things to know about the Halvern ferry that ran aground",
        "Mayor ‘smiled’ at the ferry. Then she had it sunk",
        "Mayor says ferry was 'a gift to the town of Halvern",
        "“If the ferry sinks...”: Halvern mayor has an answer for the town",
        "Ferry runs aground off the coast of Halvern: photos",
    ],
)
def test_lists_teasers_and_broken_quotations_are_no_statements(headline: str) -> None:
    assert as_sentence(headline, Casing.of([TEXT])) is None


def test_a_headline_cut_off_in_its_last_word_is_known_by_what_others_write() -> None:
    articles = [
        piece(1, Side.LEFT, "Council of Halvern approves the ferry termin", ""),
        piece(2, Side.RIGHT, "Halvern approves ferry terminal after long debate", ""),
        piece(3, Side.CENTER, "Halvern terminal approved by Tarnov", ""),
    ]
    others = words_of_others(articles)
    assert is_cut_off(articles[0].headline, others[articles[0].id])
    assert not is_cut_off(articles[1].headline, others[articles[1].id])
    assert not is_cut_off(articles[2].headline, frozenset({"tarnovs", "tarnovian"}))
    assert not is_cut_off("Halvern terminal approved: Report", frozenset({"reports", "reportedly"}))
    assert all(s.text != "Council of Halvern approves the ferry termin." for s in statements(articles))


@pytest.mark.parametrize(
    ("headline", "expected"),
    [
        ("Ferry aground off Halvern coast – The Post & Ledger", "Ferry aground off Halvern coast"),
        (
            "Ferry aground off Halvern coast - World news - Halvern News Agency",
            "Ferry aground off Halvern coast",
        ),
        (
            "Ferry line of Halvern loses a quarter of its fleet (HFL:nysx)",
            "Ferry line of Halvern loses a quarter of its fleet",
        ),
        ("NEW: Ferry aground off Halvern coast", "Ferry aground off Halvern coast"),
    ],
)
def test_sections_and_tickers_go_as_site_names_do(headline: str, expected: str) -> None:
    assert clean(headline) == expected


def test_a_plain_word_is_small_before_a_closing_mark_and_behind_a_short_form() -> None:
    said = sentence_case(
        "Halvern Mayor Calls Ferry Plan ‘Very Important Decision’ For Town", Casing.of([TEXT])
    )
    assert "important decision’" in said
    assert "Calif. council" in sentence_case(
        "Ferry Plan Passes Calif. Council After Long Debate", Casing.of([TEXT])
    )


def test_a_heading_run_into_an_excerpt_teaches_no_names() -> None:
    heading = "Halvern Council Rejects Plan, Spreads Alarm Over Quorn Fishing Fleet Halvern's council rejected the plan for a ferry on Monday."
    shown = sentence_case("Council Rejects Ferry Plan As Storm Spreads Alarm", Casing.of([heading]))
    assert shown == "Council rejects ferry plan as storm spreads alarm"
    named = Casing.of(["The mayor of Target told the council that Target would have no ferry of its own."])
    assert sentence_case("Ferry Plan For Target Passes Halvern Council Again", named).startswith(
        "Ferry plan for Target"
    )
