"""What the mail carries of each Story: whole sentences, the last Stories shorter first, and five minutes in all."""

from __future__ import annotations

import pytest

from newsletter.issues.length import WHOLE_ISSUE, fitted, mailed, metered, reading_seconds, words_of
from newsletter.issues.reading_time import LONGEST_READ
from newsletter.summaries.story_text import RowKind, Sentence, StoryKind, StoryText
from tests.issues.issue_values import issue, story


def test_a_story_gives_way_step_by_step_and_keeps_its_lede_and_headlines() -> None:
    text = story(1).text
    sizes = [sum(len(s.text) for s in mailed(text, detail).sentences()) for detail in range(4)]
    assert sizes == sorted(sizes)
    assert len(set(sizes)) == 4
    least = mailed(text, 0)
    assert (least.lede, least.headlines, least.rows) == (text.lede, text.headlines, ())
    assert {r.kind for r in mailed(text, 1).rows} == {RowKind.LEFT_STRESSES, RowKind.RIGHT_STRESSES}


def test_questions_and_quotes_are_left_to_the_page() -> None:
    most = mailed(story(1).text)
    assert not most.questions
    assert not most.quotes


def test_a_blind_spot_and_a_story_without_sides_are_brief() -> None:
    third = issue().stories[2]
    assert third.kind is StoryKind.BLIND_SPOT
    brief = mailed(third.text)
    assert len(brief.lede) == 1
    assert not brief.overview
    assert not brief.rows


@pytest.mark.parametrize(
    ("lede", "overview", "printed"),
    [((23, 22), (22, 16), 3), ((35,), (30, 20), 2), ((23, 30), (25,), 2), ((80,), (5,), 1), ((12,), (), 1)],
)
def test_a_brief_has_its_lede_and_one_sentence_more(
    lede: tuple[int, ...], overview: tuple[int, ...], printed: int
) -> None:
    """The numbers are words of each sentence."""
    first, more = (tuple(Sentence("word " * n, ()) for n in part) for part in (lede, overview))
    brief = mailed(StoryText("A fair opens", StoryKind.NO_SIDES, first, more))
    assert brief.lede == (*first, *more)[:printed]
    assert not brief.overview


def test_the_whole_issue_is_read_in_five_minutes_and_the_first_story_is_the_longest() -> None:
    stories = fitted(issue().stories, 800)
    assert sum(map(words_of, stories)) <= 800
    sided = [s for s in stories if s.kind is StoryKind.WITH_SIDES]
    assert words_of(sided[0]) >= words_of(sided[-1])
    assert all(s.text.lede for s in stories)
    assert reading_seconds(issue().stories) <= LONGEST_READ
    assert sum(map(words_of, fitted(issue().stories, WHOLE_ISSUE))) <= WHOLE_ISSUE


def test_what_cannot_be_shortened_any_further_stays() -> None:
    assert len(fitted(issue().stories, 10)) == 7


def test_the_metered_rendition_has_headline_and_lede_only() -> None:
    short = metered(story(1))
    assert short.text.lede == story(1).text.lede[:2]
    assert (short.text.rows, short.text.headlines, short.history) == ((), (), ())
