"""A sentence copied with one thing changed is refused for that thing; other ways to say the same are not. All texts are invented."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from newsletter.feeds.leans import Side
from newsletter.lab.evaluate.measure_grounding import tally
from newsletter.lab.evaluate.planted_faults import KINDS, between, planted
from newsletter.summaries.grounding.aliases import about, also_called, near_to
from newsletter.summaries.grounding.alignment import Turned
from newsletter.summaries.grounding.gate import Reason, judge
from newsletter.summaries.grounding.near_copies import Change, copied
from newsletter.summaries.protocol import ArticleText
from newsletter.summaries.segmentation import pieces
from newsletter.summaries.story_text import Citation, Sentence

LEAD = "Mayor Dana Whitlock told the harbor council on Tuesday that some 3,012 berths were lost before the storm of Quorn."
MORE = "Engineer Cole Teal said on Friday that twelve boats of the U.S. fleet and a further 940 berths had been saved."
DAY = datetime(2026, 3, 2, 10, tzinfo=UTC)
ARTICLE = ArticleText(1, "The Heron", Side.LEFT, "Marlow Bay counts its berths", f"{LEAD} {MORE}", DAY)
OTHER = ArticleText(
    2,
    "The Tern",
    Side.RIGHT,
    "Guild chair wants an inquiry",
    "Guild chair Anton Weir asked for an inquiry into 77 contracts that the town of Ollern had signed in June.",
    DAY,
)
KNOWN = {1: ARTICLE, 2: OTHER}


def _reason(text: str, *cited: int) -> object:
    passages = {1: LEAD, 2: OTHER.headline}
    return judge(Sentence(text, tuple(Citation(i, passages[i]) for i in cited or (1,))), KNOWN)[1]


@pytest.mark.parametrize(
    ("new", "old", "reason"),
    [
        ("Cole Teal", "Dana Whitlock", Turned.NAME),
        ("some 940 berths", "some 3,012 berths", Turned.NUMBER),
        ("on Friday", "on Tuesday", Turned.DATE),
        ("were not lost", "were lost", Turned.NEGATION),
        ("after the storm", "before the storm", Reason.FLIPPED),
        ("berths were won", "berths were lost", Reason.FLIPPED),
        ("some 3,012 boats of “disgrace”", "some 3,012 berths", Reason.QUOTE),
    ],
)
def test_one_thing_changed_in_a_copy_is_what_it_is_refused_for(new: str, old: str, reason: object) -> None:
    assert old in LEAD
    assert _reason(LEAD.replace(old, new)) is reason


def test_names_that_changed_places_are_swapped() -> None:
    told = "Whitlock accused Teal of hiding the plan of the harbor wall from the council of Marlow Bay."
    other = told.replace("Whitlock accused Teal", "Teal accused Whitlock")
    found = copied(other, [told])
    assert found is not None
    assert found.change in (Change.SWAPPED, Change.NAME)
    passive = (
        "Teal was accused by Whitlock of hiding the plan of the harbor wall from the council of Marlow Bay."
    )
    turned = copied(passive, [told])
    assert turned is None or turned.change is None


@pytest.mark.parametrize(
    "text",
    [
        LEAD.replace("some 3,012", "about 3,000"),
        LEAD.replace("Mayor Dana Whitlock", "Whitlock"),
        LEAD.replace("on Tuesday", "Tuesday"),
        MORE.replace("twelve boats", "a dozen boats"),
        MORE.replace("twelve boats", "12 boats"),
        MORE.replace("the U.S. fleet", "the United States fleet"),
        MORE.replace("had been saved", "were saved"),
        "Whitlock told the harbor council that about 3,000 berths were lost before the storm.",
    ],
)
def test_other_ways_to_say_the_same_may_stand(text: str) -> None:
    assert _reason(text) is None


def test_a_rounded_number_is_rounder_near_and_says_so() -> None:
    assert about("3000", "about 3,000 berths")
    assert not about("3000", "exactly 3,000 berths")
    assert near_to("3000", ["3012"])
    assert not near_to("3015", ["3012"])
    assert not near_to("4000", ["3012"])
    assert _reason(LEAD.replace("some 3,012", "some 3,015")) is Reason.NUMBER
    assert _reason(LEAD.replace("some 3,012 berths", "3,000 berths")) is Reason.NUMBER


def test_short_forms_are_known_by_the_names_they_are_made_of() -> None:
    assert "mbc" in also_called("the Marlow Bay Council has voted")
    assert "united" in also_called("a ship of the U.S. fleet")
    assert "united" not in also_called("let us go")


def test_a_sentence_of_another_article_needs_that_articles_citation() -> None:
    (piece,) = pieces(OTHER.excerpt)
    assert _reason(piece.text, 1) is not None
    assert judge(Sentence(piece.text, (Citation(2, piece.passage),)), KNOWN)[1] is None
    assert judge(Sentence(piece.text, ()), KNOWN)[1] is Reason.NO_CITATION


def test_two_articles_blended_into_one_sentence_are_refused() -> None:
    (piece, *_) = pieces(ARTICLE.excerpt)
    kinds = {}
    for kind, text, cited in between(piece, ARTICLE, OTHER):
        kinds[kind] = _reason(text, *cited)
    assert set(kinds) == {"number_blend", "name_blend", "citation"}
    assert all(kinds.values())


def test_every_kind_of_fault_is_counted_and_none_of_these_passes() -> None:
    counted = tally([ARTICLE, OTHER])
    assert counted.alarms == 0
    assert counted.planted == counted.caught
    assert {"surname", "number_word", "date_elsewhere", "quote_short", "number_blend"} <= set(KINDS)
    told = {kind for p in pieces(ARTICLE.excerpt) for kind, _ in planted(p, ARTICLE)}
    assert {"surname", "date_elsewhere"} <= told
