"""Subject lines and preheaders in whole phrases, from invented headlines."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.issues.subject import LONGEST_PREHEADER, LONGEST_SUBJECT, preheader, shorten, subject

LONG = "Harbor council approves the new ferry terminal after a night of shouting in the old town hall"


def test_a_headline_with_room_stays_whole() -> None:
    assert shorten("Rain floods  the lower town.", 60) == "Rain floods the lower town"


def test_a_long_headline_ends_with_its_phrase() -> None:
    assert shorten(LONG, 60) == "Harbor council approves the new ferry terminal"


@pytest.mark.parametrize(
    "headline",
    [
        "Transcripts from Marla Quint's interview with the harbor ministry's inspectors released to the public",
        "After a night of shouting, the harbor council approves the new ferry terminal in the old town",
        "Man who drove the ferry onto the rocks as his passengers slept is sent to prison for eleven years",
        "Mayor's promise to dredge the harbor is false, the auditor general of the province says in a report",
        "Harbor chief denies taking money from the builders of the terminal after the audit",
        "Halvern, Averly and seven other towns",
    ],
)
def test_what_a_cut_would_spoil_is_not_cut(headline: str) -> None:
    assert shorten(headline, 36) == ""


def test_two_short_headlines_stand_side_by_side() -> None:
    heads = ["Ferry aground off Halvern", "Bank cuts its rate", "Cup final tonight"]
    assert subject(heads) == "Ferry aground off Halvern · Bank cuts its rate · 1 more"


def test_the_first_that_fits_is_named() -> None:
    heads = [
        "Transcripts from Marla Quint's interview with the harbor ministry released",
        LONG,
        "Cup final tonight",
    ]
    assert subject(heads) == "Harbor council approves the new ferry terminal · 2 more"
    assert "Cup final tonight" in preheader(heads)
    assert "Harbor council" not in preheader(heads)


def test_nothing_and_one() -> None:
    assert subject([]) == ""
    assert preheader([]) == ""
    assert subject(["Ferry aground off Halvern"]) == "Ferry aground off Halvern"
    assert preheader(["Ferry aground off Halvern"]) == ""


WORDS = st.sampled_from(
    [
        "Council",
        "votes",
        "approves",
        "the",
        "a",
        "new",
        "ferry",
        "terminal",
        "after",
        "as",
        "with",
        "Halvern's",
        "bank,",
        "rises",
        "to",
        "from",
        "in",
        "said",
        "mayor",
    ]
)
HEADLINES = st.lists(WORDS, min_size=1, max_size=18).map(" ".join)


@given(st.lists(HEADLINES, min_size=1, max_size=7))
def test_a_subject_is_made_of_beginnings_of_headlines_and_never_left_open(headlines: list[str]) -> None:
    line = subject(headlines)
    parts = line.split(" · ")
    if parts[-1].endswith(" more"):
        parts.pop()
    assert parts
    for part in parts:
        whole = [h for h in headlines if h.startswith(part)]
        assert whole
        if part not in headlines:
            assert part.split()[-1].lower() not in {
                "the",
                "a",
                "to",
                "from",
                "in",
                "with",
                "after",
                "as",
                "said",
            }
            assert not part.endswith("'s")
            assert len(line) <= LONGEST_SUBJECT
    assert len(preheader(headlines)) <= LONGEST_PREHEADER
