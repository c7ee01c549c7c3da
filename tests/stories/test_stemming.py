"""The words of a text and their stems."""

from __future__ import annotations

import pytest

from newsletter.stories.words import in_english, placed_words, stem, terms, words


@pytest.mark.parametrize(
    "forms",
    [
        ("vote", "votes"),
        ("march", "marches", "marched", "marching", "marchers"),
        ("recognised", "recognized"),
        ("recognises", "recognizes"),
        ("varland", "varland's", "varlands"),
        ("car", "car's"),
        ("cars", "cars'"),
        ("3,000", "3000"),
    ],
)
def test_forms_of_one_word_have_one_stem(forms: tuple[str, ...]) -> None:
    assert len({stem(form) for form in forms}) == 1


@pytest.mark.parametrize(
    "pair", [("author", "authority"), ("gas", "gases"), ("bus", "buses"), ("ring", "red")]
)
def test_other_words_stay_apart(pair: tuple[str, str]) -> None:
    assert stem(pair[0]) != stem(pair[1])


def test_numbers_contractions_and_accents_are_read_as_words() -> None:
    assert words("Petén’s 3,000.5 tons weren’t U.S.-made") == [
        "peten's",
        "3,000.5",
        "tons",
        "weren't",
        "u",
        "s",
        "made",
    ]


def test_terms_leave_out_what_says_nothing_of_the_subject() -> None:
    assert terms("On Monday they'd said it's the U.S. that won't pay 7 tolls") == ("pay", "7", "toll")


def test_a_word_is_placed_without_its_possessive_ending() -> None:
    text = "Café’s mayor"
    assert [(text[a:b], word) for a, b, word in placed_words(text)] == [("Café", "cafe"), ("mayor", "mayor")]


def test_english_is_known_by_its_function_words() -> None:
    assert in_english("The council of the town has said that it will vote on the toll for a bridge in May.")
    assert not in_english("Der Rat der Stadt stimmt im Mai über die Maut für eine neue Brücke am Hafen ab.")
    assert in_english("Varland Hafen Maut")  # too short to tell
