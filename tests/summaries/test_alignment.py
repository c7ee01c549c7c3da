"""Every fact may stand in the article and the sentence be false all the same. All texts are invented."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from newsletter.feeds.leans import Side
from newsletter.lab.evaluate.planted_faults import planted
from newsletter.summaries.grounding.alignment import Turned
from newsletter.summaries.grounding.gate import Reason, judge
from newsletter.summaries.protocol import ArticleText
from newsletter.summaries.segmentation import pieces
from newsletter.summaries.story_text import Citation, Sentence

VOTE = "The council of Marlow Bay approved 1,200 new berths on Tuesday after a debate of nine hours."
COST = "Engineer Kilmar Teal told the council that the harbor wall will cost 340 million crowns and stand in 2027."
SUED = "Teal sued Whitlock in Quorn over the contract for the wall."
SPOKEN = "“This wall will outlast all of us here,” Mayor Dana Whitlock said."
DENIED = "The fishermen will not leave the old berths, their union said."
SHARE = "Prices for fish rose 4 percent in May, and half the boats stayed in port."
ARTICLE = ArticleText(
    1,
    "The Heron",
    Side.LEFT,
    "Marlow Bay approves berths",
    " ".join([VOTE, COST, SUED, SPOKEN, DENIED, SHARE]),
    datetime(2026, 3, 2, 10, tzinfo=UTC),
)
KNOWN = {1: ARTICLE}


def _reason(text: str) -> object:
    return judge(Sentence(text, (Citation(1, VOTE),)), KNOWN)[1]


@pytest.mark.parametrize(
    "text",
    [
        "Marlow Bay's council approved 1200 berths on Tuesday.",
        "The harbor wall will cost 340 million crowns, engineer Kilmar Teal told the council.",
        "The wall will cost 340 million crowns and is to stand in 2027, Teal told the council.",
        "Whitlock was sued by Teal over the contract for the wall.",
        "Dana Whitlock said: “This wall will outlast all of us here.”",
        "The fishermen's union said they will not leave the old berths.",
        "Fish prices rose 4% in May; half the boats stayed in port.",
        "The Heron reported: The council approved 1,200 new berths after a debate of nine hours on Tuesday.",
    ],
)
def test_what_is_told_otherwise_and_true_may_stand(text: str) -> None:
    assert _reason(text) is None


@pytest.mark.parametrize(
    ("what", "text", "reason"),
    [
        ("two sentences merged", VOTE.replace("1,200", "2,027"), Turned.NUMBER),
        ("another sentence's number", SHARE.replace("4 percent", "2027 percent"), Turned.NUMBER),
        ("another unit", SHARE.replace("4 percent", "4 percentage points"), Turned.NUMBER),
        ("another scale", COST.replace("340 million", "340 billion"), Reason.NUMBER),
        ("a number in words", VOTE.replace("nine hours", "seven hours"), Reason.NUMBER),
        ("a quantity word", SHARE.replace("half the boats", "a third of the boats"), Turned.NUMBER),
        ("another day", VOTE.replace("Tuesday", "Thursday"), Turned.DATE),
        ("another month", SHARE.replace("in May", "in June"), Reason.NAME),
        ("a name from another sentence", COST.replace("Kilmar Teal", "Dana Whitlock"), Turned.NAME),
        ("two names swapped", "Whitlock sued Teal in Quorn over the contract for the wall.", Turned.SWAPPED),
        ("another speaker", SPOKEN.replace("Mayor Dana Whitlock", "Kilmar Teal"), Turned.SPEAKER),
        ("a denial taken away", DENIED.replace("will not", "will"), Turned.NEGATION),
        ("a denial added", VOTE.replace("approved", "never approved"), Turned.NEGATION),
        ("a direction turned", SHARE.replace("rose", "fell"), Reason.FLIPPED),
        ("a word of a quotation", SPOKEN.replace("outlast", "outlive"), Reason.QUOTE),
        ("a word left out of it", SPOKEN.replace("all of us", "us"), Reason.QUOTE),
    ],
)  # fmt: skip
def test_facts_of_the_article_put_together_wrongly_are_refused(what: str, text: str, reason: object) -> None:
    assert _reason(text) in (reason, Turned.NAME), what
    assert _reason(text) is not None


def test_every_planted_kind_is_refused() -> None:
    kinds = {}
    for piece in pieces(ARTICLE.excerpt):
        for kind, text in planted(piece, ARTICLE):
            kinds.setdefault(kind, []).append(_reason(text) is not None)
    assert all(all(caught) for caught in kinds.values()), kinds
    assert {
        "number",
        "number_elsewhere",
        "unit",
        "name",
        "names_swapped",
        "speaker",
        "date",
        "direction",
        "negation",
    } <= set(kinds)
