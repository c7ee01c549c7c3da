"""Shortening: whole sentences, nothing twice, both Sides alike, and five minutes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from newsletter.feeds.leans import SIDES, Side
from newsletter.issues.shortened import WHOLE_ISSUE, metered, reading_seconds, shortened, words_of
from newsletter.summaries.story_text import Bullet, BulletKind
from tests.issues.issue_values import issue, sentence, story


@pytest.mark.parametrize("count", range(1, 8))
def test_any_number_of_stories_is_read_in_five_minutes(count: int) -> None:
    stories = issue(count).stories
    assert sum(map(words_of, shortened(stories))) <= WHOLE_ISSUE
    assert reading_seconds(stories) <= 300


def test_headline_lede_and_every_side_are_always_kept() -> None:
    for short, whole in zip(shortened(issue().stories, words=1), issue().stories, strict=True):
        assert short.headline == whole.headline
        assert len(short.telling.lede) == 1
        assert [s.side for s in short.telling.summaries] == [s.side for s in whole.telling.summaries]
        assert not short.telling.analysis


def test_sentences_are_whole_and_from_the_story() -> None:
    for short, whole in zip(shortened(issue().stories), issue().stories, strict=True):
        assert set(short.telling.sentences()) <= set(whole.telling.sentences())


def test_nothing_is_said_twice() -> None:
    told = story(1)
    same = sentence("The vote was fifty to forty.", 103)
    telling = replace(
        told.telling,
        lede=(same,),
        overview=(same,),
        summaries=tuple(replace(s, sentences=(same, *s.sentences)) for s in told.telling.summaries),
    )
    (short,) = shortened((replace(told, telling=telling),))
    texts = [s.text for s in short.telling.sentences()]
    assert len(texts) == len(set(texts))


def test_a_long_sentence_gives_way_to_a_shorter_one() -> None:
    told = story(1)
    long = sentence("word " * 45 + "end.", 103)
    lede = (long, sentence("A short one.", 103))
    (short,) = shortened((replace(told, telling=replace(told.telling, lede=lede)),), words=1)
    assert short.telling.lede == lede[1:]
    (only,) = shortened((replace(told, telling=replace(told.telling, lede=(long,))),), words=1)
    assert only.telling.lede == (long,)


def test_of_a_side_the_mail_keeps_a_sentence_that_does_not_tell_the_lede_again() -> None:
    told = story(1)
    lede = sentence("The council of Marlow Bay approved a harbor wall on Tuesday by nine votes.", 103)
    again = sentence("On Tuesday the council of Marlow Bay approved the harbor wall by nine votes.", 101)
    leans = sentence("They called it a gift to builders.", 101)
    own = sentence("Fishermen will lose forty berths at the northern pier.", 101)
    left = replace(told.telling.summaries[0], sentences=(again, leans, own))
    telling = replace(told.telling, lede=(lede,), summaries=(left, *told.telling.summaries[1:]))
    (short,) = shortened((replace(told, telling=telling),), words=1)
    assert short.telling.summaries[0].sentences == (own,)
    (long,) = shortened((replace(told, telling=telling),), words=2_000)
    assert long.telling.summaries[0].sentences == (again, leans, own), "in reading order where there is room"
    alone = replace(telling, summaries=(replace(left, sentences=(again,)), *telling.summaries[1:]))
    (short,) = shortened((replace(told, telling=alone),), words=1)
    assert short.telling.summaries[0].sentences == (again,), "a Side is told all the same"


def test_one_story_has_room_for_everything() -> None:
    (short,) = shortened((story(1),))
    assert len(short.telling.analysis) == 3
    assert [len(s.quotes) for s in short.telling.summaries] == [1, 1, 1]
    assert short.telling.questions
    assert short.telling.side_words
    assert short.history


def test_a_long_quotation_is_left_out_and_none_is_cut() -> None:
    told = story(1)
    first = told.telling.summaries[0]
    long = replace(first.quotes[0], words="word " * 30)
    telling = replace(
        told.telling, summaries=(replace(first, quotes=(long, *first.quotes)), *told.telling.summaries[1:])
    )
    (short,) = shortened((replace(told, telling=telling),))
    left = short.telling.summary(Side.LEFT)
    assert left is not None
    assert left.quotes == first.quotes


def test_metered_keeps_headline_lede_and_coverage() -> None:
    told = metered(story(1))
    assert list(told.telling.sentences()) == list(story(1).telling.lede)
    assert told.coverage == story(1).coverage
    assert all(told.telling.summary(side) is None for side in SIDES)
    assert told.history == ()


def test_what_the_two_sides_write_of_the_same_stands_together_or_not_at_all() -> None:
    told = story(1)
    pair = tuple(
        Bullet(
            BulletKind.DIFFER,
            sentence(f"On the {side}, The {name} writes: The {what} council voted for it.", cited),
        )
        for side, name, what, cited in (("left", "Heron", "bold", 101), ("right", "Quay", "woke", 105))
    )
    telling = replace(told.telling, analysis=pair, summaries=told.telling.summaries[:1], questions=())
    whole = replace(told, telling=telling, history=())
    kept = {shortened((whole,), words=words)[0].telling.analysis for words in range(1, 400)}
    assert kept == {(), pair}
