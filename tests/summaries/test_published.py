"""Nothing with a wrong hard fact is published, whoever writes: a model that lies at random, a summarizer that checks nothing,
an operator (whose sentence stands, with what the check says of it)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from newsletter.feeds.leans import Side
from newsletter.issues.editing import operators_sentences
from newsletter.summaries import summarize
from newsletter.summaries.extractive.summarizer import Extractive
from newsletter.summaries.grounding.hard_facts import checked, judged, refusal
from newsletter.summaries.model.schema import Draft, pieces, sentence_of, story_of
from newsletter.summaries.model.writer import published
from newsletter.summaries.protocol import ArticleText, SummarizerError
from newsletter.summaries.story_text import (
    NEVER_JUDGED,
    Sentence,
    StoryText,
    Verdict,
    from_json,
    to_json,
)

DAY = datetime(2026, 3, 2, 10, tzinfo=UTC)
TEXTS = {
    Side.LEFT: "The council of Marlow Bay approved 1,200 new berths on Tuesday after a debate of nine hours. "
    "“This wall will outlast all of us here,” Mayor Dana Whitlock said. Fishermen of the old town will not leave their berths.",
    Side.CENTER: "Marlow Bay's council voted 7 to 4 on Tuesday for 1,200 berths and a wall of 340 million crowns. "
    "Engineer Kilmar Teal told the council that the wall will stand in 2027.",
    Side.RIGHT: "The berths approved in Marlow Bay on Tuesday will cost the harbor 300 jobs, shippers warned. "
    "“This plan drowns honest work,” said guild chair Anton Weir.",
}
ARTICLES = [
    ArticleText(n, f"Outlet {chr(64 + n)}", side, "Marlow Bay council approves berths", text, DAY)
    for n, (side, text) in enumerate(TEXTS.items(), start=1)
]
KNOWN = {a.id: a for a in ARTICLES}
TRUE = [
    ("The council voted 7 to 4 for 1,200 berths.", 2),
    ("Shippers say the berths will cost 300 jobs.", 3),
    ("Dana Whitlock, the mayor, said: “This wall will outlast all of us here.”", 1),
]
FALSE = [
    ("The council voted 19 to 14 for 1,200 berths.", 2),
    ("Shippers say the berths will cost 870 jobs.", 3),
    ("Mayor Clara Dunn resigned on Friday.", 1),
    ("Whitlock said: “This wall will ruin all of us here.”", 1),
    ("The council bought 77 submarines.", 2),
    ("", 1),
]


@st.composite
def sentences(draw: st.DrawFn) -> dict[str, Any]:
    text, number = draw(st.sampled_from([*TRUE, *FALSE]))
    cites = draw(st.sampled_from([[number], [number], [], [99], [-1], [1, 2, 3]]))
    return {"text": text, "cites": cites}


def _some(most: int) -> st.SearchStrategy[list[dict[str, Any]]]:
    return st.lists(sentences(), max_size=most)


@st.composite
def drafts(draw: st.DrawFn) -> Draft:
    quote = st.fixed_dictionaries(
        {
            "words": st.sampled_from(
                ["This plan drowns honest work", "This plan saves honest work", "so it goes"]
            ),
            "speaker": st.sampled_from(["", "Anton Weir", "Dana Whitlock", "Clara Dunn"]),
            "cite": st.integers(-1, 5),
        }
    )
    side = st.none() | st.fixed_dictionaries({"sentences": _some(3), "quotes": st.lists(quote, max_size=2)})
    answer = _some(2).map(lambda a: {"question": "What was approved?", "answer": a})
    return Draft.model_validate(
        {
            "headline": draw(sentences()),
            "lede": draw(_some(2)),
            "overview": draw(_some(4)),
            "not_disputed": draw(_some(2)),
            "left": draw(side),
            "right": draw(side),
            "next": draw(_some(2)),
            "questions": draw(st.lists(answer, max_size=2)),
        }
    )


def _all_standing(draft: Draft) -> StoryText:
    """The Story as if a judge had supported everything."""
    return story_of(draft, [sentence_of(p.text, p.cites, ARTICLES) for p in pieces(draft)], ARTICLES)


def _assert_carried(story: StoryText) -> None:
    false = {text for text, _ in FALSE if text}
    for sentence in story.sentences():
        assert refusal(sentence, KNOWN) is None, sentence.text
        assert sentence.text not in false
    for quote in story.quotes:
        assert quote.words in KNOWN[quote.citation.article_id].text


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(drafts())
def test_whatever_a_model_answers_only_hard_facts_that_hold_are_published(draft: Draft) -> None:
    try:
        told = published(draft, _all_standing(draft), ARTICLES, ARTICLES, now=DAY)
    except SummarizerError:
        return
    _assert_carried(told)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(drafts())
def test_a_summarizer_that_checks_nothing_is_checked_before_its_words_are_stored(draft: Draft) -> None:
    class Unguarded:
        name = "unguarded"

        def tell(self, articles: Sequence[ArticleText], *, now: datetime, brief: Any = None) -> StoryText:
            return _all_standing(draft)

    told = summarize.told(Unguarded(), ARTICLES, now=DAY)
    assert told is not None
    story, written_by, fell_back = told
    _assert_carried(story)
    assert written_by == ("extractive" if fell_back else "unguarded")


def test_a_story_that_nobody_can_tell_gets_no_words() -> None:
    foreign = replace(
        ARTICLES[0],
        headline="Der Rat von Marlow stimmt für die Mauer",
        text="Der Rat hat am Dienstag für die Mauer und den Hafen gestimmt, wie die Stadt mitteilte.",
    )
    assert summarize.told(Extractive(), [foreign], now=DAY) is None


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from([t for t, _ in [*TRUE, *FALSE] if t]), min_size=1, max_size=4))
def test_what_an_operator_writes_stands_as_theirs_with_what_the_check_says(lines: list[str]) -> None:
    before = Extractive().tell(ARTICLES, now=DAY)
    ours = {s.text for s in before.lede}
    written = replace(before, lede=operators_sentences(before.lede, lines))
    told = from_json(to_json(judged(written, ARTICLES)))
    assert [s.text for s in told.lede] == lines
    for sentence in told.lede:
        assert sentence.citations
        assert (sentence.verdict is Verdict.OPERATOR) == (sentence.text not in ours)
        assert sentence.refused == str(refusal(Sentence(sentence.text, sentence.citations), KNOWN) or "")
    assert (
        checked(told, ARTICLES)[0].lede == told.lede
    )  # a person answers for it: it is never dropped in silence


def test_what_an_operator_wrote_before_sentences_were_judged_is_not_taken_for_carried() -> None:
    old = {"text": "Wholly other words.", "cites": [], "support": 1.0, "verdict": "operator"}
    (sentence,) = from_json({"headline": "Berths", "lede": [old]}).lede
    assert (sentence.support, sentence.refused) == (0.0, NEVER_JUDGED)


@pytest.mark.parametrize(
    ("text", "cites", "stands"),
    [
        ("The council voted 7-4 on Tuesday.", (2,), True),
        ("About 1,000 berths were approved.", (1,), False),  # further off than a rounding
        ("Some 340 million crowns will be spent.", (2,), True),
        ("Outlet B says the council of Marlow Bay voted.", (2,), True),
        ("On Friday the council voted.", (2,), True),  # a weekday is left to a judge of meaning
        ("Teal and Whitlock both want the wall.", (1, 2), True),  # names of the cited articles together
        ("Teal and Whitlock both want the wall.", (1,), False),
    ],
)
def test_numbers_and_names_come_from_the_cited_articles_together(
    text: str, cites: tuple[int, ...], stands: bool
) -> None:
    from newsletter.summaries.story_text import Citation

    sentence = Sentence(text, tuple(Citation(n, KNOWN[n].headline) for n in cites))
    assert (refusal(sentence, KNOWN) is None) == stands


JUDGED_ONLY = [
    ("Engineer Kilmar Teal is not heard by the shippers.", 3),  # named by another Article of the Story
    ("On 2 March the shippers spoke of 300 jobs.", 3),  # the day on which the Article appeared
]


@pytest.mark.parametrize(("text", "cite"), JUDGED_ONLY)
def test_a_judge_decides_on_names_of_the_story_and_the_day_of_its_articles(text: str, cite: int) -> None:
    sentence = sentence_of(text, (cite,), ARTICLES)
    assert refusal(sentence, KNOWN) is None
    assert refusal(replace(sentence, verdict=Verdict.SUPPORTED), KNOWN) is not None


def test_an_outlet_that_is_called_by_its_address_may_be_named() -> None:
    known = {2: replace(KNOWN[2], outlet="marlow-times.example")}
    said = "The council voted 7 to 4 for 1,200 berths, {} writes."
    for name, stands in (("marlow-times.example", True), ("evil.example", False)):
        sentence = sentence_of(said.format(name), (1,), [known[2]])
        assert (refusal(sentence, known) is None) is stands, name
