"""Wire copies: the same text under other headings is one, what somebody else wrote of it is not."""

from __future__ import annotations

import pytest

from newsletter.stories.dedup import ComparedText, wire_keys

WIRE = (
    "The council of Marlow Bay approved a harbor wall on Tuesday after nine hours of debate, ending a quarrel that had "
    "divided the town for six years. Mayor Dana Whitlock cast the last vote shortly before midnight as fishermen in the "
    "gallery booed. Work on the foundations begins in May and is to be finished before the storms of the following autumn."
)
OWN_HEADING = "Council votes for wall despite protest What you need to know about the vote By Ann Teal, Staff Writer MARLOW BAY — "
NEWER = (
    "The council of Marlow Bay early on Wednesday approved a harbor wall after more than nine hours of debate, ending a "
    "quarrel that had divided the town for six years. Mayor Dana Whitlock cast the last vote shortly before midnight, as "
    "fishermen booed. Builders were not yet named. Work on the foundations begins in May and is to be finished before the "
    "storms of the following autumn."
)
OTHERS = (
    "Marlow Bay will get its sea wall. Councillors backed the plan by seven votes to four late on Tuesday, although the "
    "fishing union says it stands to lose forty berths and has announced that it will go to court. The mayor, Dana Whitlock, "
    "called it the most important vote of her term and promised that builders would start in the spring."
)
SAID = "“This wall will outlast all of us here, and our children will thank the town that it had the courage to spend what it cost,”"


def _keys(*texts: str) -> list[str | None]:
    prints = [ComparedText(n, f"Headline number {n}", text) for n, text in enumerate(texts)]
    return list(wire_keys(prints).values())


@pytest.mark.parametrize("copy", [WIRE, OWN_HEADING + WIRE, WIRE[:180], NEWER, OWN_HEADING + NEWER])
def test_the_same_text_cut_newer_or_under_a_heading_of_the_outlet_is_one(copy: str) -> None:
    first, second = _keys(WIRE, copy)
    assert first == second is not None


def test_who_writes_independently_stands_alone() -> None:
    assert _keys(WIRE, OTHERS) == [None, None]


def test_a_long_quotation_in_both_makes_no_copy() -> None:
    first = f"{SAID} Mayor Dana Whitlock said after the vote in Marlow Bay on Tuesday, when the council had argued all day."
    second = f"Fishermen booed in the hall. {SAID} the mayor replied from her chair, and closed the longest sitting in memory."
    assert _keys(first, second) == [None, None]


def test_a_key_once_given_stays_with_its_text() -> None:
    prints = [
        ComparedText(1, "A", WIRE, "old"),
        ComparedText(2, "B", OTHERS),
        ComparedText(3, "C", OWN_HEADING + WIRE),
    ]
    assert wire_keys(prints) == {1: "old", 2: None, 3: "old"}
