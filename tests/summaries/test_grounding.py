"""The grounding gate: what its cited Articles do not carry is refused, with the reason. All texts are invented."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from newsletter.feeds.leans import Side
from newsletter.lab.evaluate.measure_grounding import planted, tally, true_forms
from newsletter.summaries.grounding.gate import Reason, examine, judge
from newsletter.summaries.protocol import ArticleText
from newsletter.summaries.segmentation import pieces
from newsletter.summaries.story_text import (
    Bullet,
    BulletKind,
    Citation,
    Quote,
    Sentence,
    Summary,
    Telling,
    Verdict,
)

DAY = datetime(2026, 3, 2, 10, tzinfo=UTC)
TRUE = "The council of Marlow Bay approved 1,200 new berths on Tuesday, Mayor Dana Whitlock said."
SPOKEN = "“This wall will outlast all of us here,” Whitlock told the council."
LEFT = ArticleText(1, "The Heron", Side.LEFT, "Marlow Bay approves berths", f"{TRUE} {SPOKEN}", DAY)
RIGHT = ArticleText(
    2,
    "The Anchor",
    Side.RIGHT,
    "Berths for Marlow Bay",
    "The council of Marlow Bay approved new berths on Tuesday.",
    DAY,
)
KNOWN = {1: LEFT, 2: RIGHT}
CITED = (Citation(1, TRUE),)


def _reason(text: str, cites: tuple[Citation, ...] = CITED, **more: object) -> Reason | None:
    return judge(Sentence(text, cites), KNOWN, **more)[1]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text",
    [
        TRUE,
        "Mayor Dana Whitlock said the council of Marlow Bay approved twelve hundred new berths on Tuesday.".replace(
            "twelve hundred", "1200"
        ),
        'The Heron reported: "This wall will outlast all of us here," Whitlock told the council.',
    ],
)
def test_what_the_article_says_may_stand(text: str) -> None:
    assert _reason(text) is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (TRUE.replace("1,200", "1,300"), Reason.NUMBER),
        (TRUE.replace("Dana Whitlock", "Cole Teal"), Reason.NAME),
        (SPOKEN.replace("will outlast", "will never outlast"), Reason.QUOTE),
        ("The council of Marlow Bay argued over school buses and garbage fees all evening.", Reason.SUPPORT),
        (TRUE.replace("approved", "rejected"), Reason.FLIPPED),
        ("As an AI, I see that the council of Marlow Bay approved 1,200 new berths.", Reason.SELF_TALK),
    ],
)
def test_what_it_does_not_say_is_refused(text: str, reason: Reason) -> None:
    assert _reason(text) is reason


def test_citations_must_exist_and_stand_in_the_article() -> None:
    assert _reason(TRUE, ()) is Reason.NO_CITATION
    assert _reason(TRUE, (Citation(9, TRUE),)) is Reason.UNKNOWN_ARTICLE
    assert _reason(TRUE, (Citation(1, "Something else entirely."),)) is Reason.PASSAGE
    assert (
        _reason(TRUE, (Citation(2, RIGHT.excerpt),)) is Reason.NUMBER
    )  # true elsewhere, not in what it cites


def test_sides_and_agreements_cite_those_they_speak_for() -> None:
    assert _reason(TRUE, side=Side.RIGHT) is Reason.SIDE
    agreed = "The council of Marlow Bay approved new berths on Tuesday."
    assert _reason(agreed, both=True) is Reason.BOTH
    assert _reason(agreed, (*CITED, Citation(2, RIGHT.excerpt)), both=True) is None


def test_long_runs_outside_quotation_marks_are_refused_when_bounded() -> None:
    assert _reason(TRUE, max_copied=6) is Reason.COPIED
    assert _reason(SPOKEN, (Citation(1, SPOKEN),), max_copied=6) is None


def test_an_operator_answers_for_their_own_words() -> None:
    own = Sentence("Wholly other words.", (), verdict=Verdict.OPERATOR)
    assert judge(own, KNOWN)[1] is None


def test_what_is_dropped_is_reported_and_nothing_else_is_lost() -> None:
    true, false = Sentence(TRUE, CITED), Sentence(TRUE.replace("1,200", "9"), CITED)
    telling = Telling(
        "Berths",
        lede=(true, false),
        analysis=(Bullet(BulletKind.NEXT, false),),
        summaries=(
            Summary(Side.LEFT, (true,), (Quote("This wall will never outlast us", "", Citation(1, SPOKEN)),)),
            Summary(Side.RIGHT, (true,)),
        ),
        side_words={Side.LEFT: ("approves", "berths")},
    )
    found = examine(telling, [LEFT, RIGHT])
    assert [s.text for s in found.telling.lede] == [TRUE]
    assert found.telling.analysis == ()
    assert [s.side for s in found.telling.summaries] == [Side.LEFT]
    assert found.telling.summaries[0].quotes == ()
    assert found.telling.side_words == {Side.LEFT: ("approves",)}
    assert sorted(f.reason for f in found.dropped if f.reason) == sorted(
        [Reason.NUMBER, Reason.NUMBER, Reason.QUOTE, Reason.SIDE]
    )


def test_planted_faults_are_caught_without_false_alarms() -> None:
    counted = tally([LEFT, RIGHT])
    assert counted.alarms == 0
    assert counted.true >= 3
    assert counted.planted == counted.caught
    assert {"number", "name", "date", "direction", "quote", "quote_word", "quote_cut"} <= set(counted.planted)


def test_the_planted_faults_differ_from_the_true_forms() -> None:
    for piece in pieces(LEFT.excerpt):
        assert not {t for _, t in planted(piece, LEFT)} & set(true_forms(piece, LEFT))
