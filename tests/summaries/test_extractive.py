"""The extractive summarizer: only what the Articles carry, the same for any order, and nothing invented for a Side."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from newsletter.feeds.leans import Side
from newsletter.summaries.grounding.gate import judge, stands_in
from newsletter.summaries.protocol import ArticleText, SummarizerError
from newsletter.summaries.selection.differences import without_opening
from newsletter.summaries.selection.extractive import Extractive, overview, side_texts
from newsletter.summaries.selection.rouge import rouge
from newsletter.summaries.story_text import Telling, from_json, to_json

DAY = datetime(2026, 3, 2, 10, tzinfo=UTC)
LEADS = [
    "The council of Marlow Bay approved a harbor wall on Tuesday after a debate of nine hours.",
    "Marlow Bay's council voted 7 to 4 on Tuesday for a harbor wall that will cost $12 million.",
    "A divided council in Marlow Bay approved the harbor wall on Tuesday over protests of fishermen.",
    "Mayor Dana Whitlock said the harbor wall would save the town of Marlow Bay from the next storm.",
]
MORE = [
    "Dana Whitlock, a longtime harbor engineer, was elected mayor of Marlow Bay in 2021.",
    "The contract for the harbor wall is expected to be signed in Marlow Bay on Friday.",
    "“This wall will outlast all of us here,” Whitlock told the council.",
    "Fishermen in Marlow Bay say the harbor wall will cut them off from 40 berths.",
    "Kilmar Teal, right, and his sister Ann Teal, center, arrive at the harbor hall in Marlow Bay.",
    "But he refused to name the builder of the wall when he was asked about it.",
    "MARLOW BAY, Quorn (AP) — The wall was first planned in 2009 and has been put off six times.",
]
HEADLINES = [
    "Marlow Bay council approves harbor wall",
    "Marlow Bay Votes For Disastrous Harbor Wall",
    "Harbor wall wins in Marlow Bay",
    "Fishermen slam radical harbor wall",
]


@st.composite
def stories(draw: st.DrawFn) -> list[ArticleText]:
    articles = []
    for number in range(1, draw(st.integers(1, 7)) + 1):
        headline = draw(st.sampled_from(HEADLINES))
        parts = [draw(st.sampled_from(LEADS)), *draw(st.lists(st.sampled_from(MORE), max_size=4))]
        junk = draw(st.sampled_from(["", headline + " ", "Read more: ", draw(st.text(max_size=20))]))
        excerpt = (junk + " ".join(parts))[: draw(st.integers(20, 600))]
        side = draw(st.sampled_from(list(Side)))
        articles.append(
            ArticleText(
                number, f"Outlet {chr(64 + number)}", side, headline, excerpt, DAY - timedelta(hours=number)
            )
        )
    return articles


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(stories())
def test_nothing_published_is_unsupported(articles: list[ArticleText]) -> None:
    telling = Extractive().tell(articles)
    known = {a.id: a for a in articles}
    for sentence in telling.sentences():
        assert judge(sentence, known)[1] is None
        assert all(stands_in(c.passage, known[c.article_id]) for c in sentence.citations)
    for summary in telling.summaries:
        for sentence in summary.sentences:
            assert known[sentence.citations[0].article_id].side is summary.side
        for quote in summary.quotes:
            article = known[quote.citation.article_id]
            assert article.side is summary.side
            assert quote.words in " ".join(article.excerpt.split())
    assert from_json(to_json(telling)).headline == telling.headline


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(stories())
def test_no_bullet_is_a_sentence_that_stands_above_it(articles: list[ArticleText]) -> None:
    telling = Extractive().tell(articles)
    sides = [s for summary in telling.summaries for s in summary.sentences]
    above = {s.text for s in (*telling.lede, *telling.overview, *sides)}
    outlets = [a.outlet for a in articles]
    assert not above & {without_opening(b.sentence.text, outlets) for b in telling.analysis}


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(stories(), st.integers(0, 1000))
def test_the_same_articles_in_any_order_are_told_the_same(articles: list[ArticleText], seed: int) -> None:
    shuffled = random.Random(seed).sample(articles, len(articles))
    assert to_json(Extractive().tell(shuffled)) == to_json(Extractive().tell(articles))


def _story(*sides: Side) -> list[ArticleText]:
    return [
        ArticleText(n, f"Outlet {chr(64 + n)}", side, HEADLINES[n % 3], f"{LEADS[n % 4]} {MORE[n % 4]}", DAY)
        for n, side in enumerate(sides, start=1)
    ]


def _said(telling: Telling) -> list[str]:
    return [s.text for s in telling.sentences()]


def test_a_side_that_no_outlet_speaks_for_is_not_invented() -> None:
    telling = Extractive().tell(_story(Side.LEFT, Side.LEFT, Side.CENTER))
    assert telling.summary(Side.RIGHT) is None
    assert telling.summary(Side.LEFT) is not None
    assert not [b for b in telling.analysis if b.kind.value == "differ"]
    assert not any("On the right" in text for text in _said(telling))


def test_both_sides_speak_in_their_own_words() -> None:
    telling = Extractive().tell(_story(Side.LEFT, Side.RIGHT, Side.CENTER, Side.RIGHT))
    assert {s.side for s in telling.summaries} == set(Side)
    assert telling.lede
    assert telling.overview


def test_captions_datelines_and_leaning_sentences_are_never_told() -> None:
    articles = [
        ArticleText(
            n, f"Outlet {chr(64 + n)}", side, HEADLINES[0], f"{LEADS[n]} {MORE[4]} {MORE[5]} {MORE[6]}", DAY
        )
        for n, side in enumerate((Side.LEFT, Side.RIGHT, Side.CENTER))
    ]
    text = " ".join(_said(Extractive().tell(articles)))
    assert "Kilmar Teal" not in text
    assert "But he" not in text
    assert "(AP)" not in text


def test_a_summary_is_more_than_a_headline_where_the_excerpt_says_more() -> None:
    telling = Extractive().tell(_story(Side.LEFT, Side.RIGHT, Side.CENTER))
    for summary in telling.summaries:
        assert all(s.text.rstrip(".") not in HEADLINES for s in summary.sentences)


def test_there_must_be_an_article() -> None:
    with pytest.raises(SummarizerError):
        Extractive().tell([])


def test_an_overview_is_near_the_asked_length() -> None:
    words = overview(_story(Side.LEFT, Side.RIGHT, Side.CENTER, Side.LEFT)).split()
    assert 30 <= len(words) <= 87


def test_rouge_counts_shared_words_pairs_and_runs() -> None:
    same = rouge("the wall was approved", "the wall was approved")
    assert (same.one, same.two, same.longest) == (1.0, 1.0, 1.0)
    some = rouge("the harbor wall was approved", "approved was the wall")
    assert some.one == pytest.approx(8 / 9)
    assert some.two == 0.0
    assert some.longest == pytest.approx(4 / 9)
    assert rouge("", "words").one == 0.0


@pytest.mark.parametrize("loaded_first", [True, False])
def test_a_loaded_sentence_gives_way_to_a_plainer_one_of_its_side(*, loaded_first: bool) -> None:
    loaded = "A judge in Marlow Bay ordered illegal alien Teo Larkspur to leave Quorn on Tuesday."
    plainer = "A judge in Marlow Bay ordered Teo Larkspur to leave Quorn on Tuesday."
    texts = [loaded, plainer] if loaded_first else [plainer, loaded]
    told = [
        ArticleText(
            n, f"Outlet {n}", Side.RIGHT, f"Judge orders Larkspur out {n}", text, DAY - timedelta(hours=n)
        )
        for n, text in enumerate(texts, start=1)
    ]
    assert plainer in side_texts(told)[Side.RIGHT]
    assert "illegal alien" not in side_texts(told)[Side.RIGHT]
    alone = [a for a in told if a.excerpt == loaded]
    assert loaded in side_texts(alone)[Side.RIGHT]


def test_what_both_sides_state_is_more_than_what_stood_above() -> None:
    shared = "Fishermen in Marlow Bay say the harbor wall will cut them off from 40 berths."
    articles = [
        ArticleText(n, f"Outlet {n}", side, HEADLINES[0], f"{LEADS[0]} {shared}", DAY)
        for n, side in enumerate((Side.LEFT, Side.RIGHT, Side.CENTER))
    ]
    telling = Extractive().tell(articles)
    above = {s.text for s in (*telling.lede, *telling.overview)}
    agreed = [b.sentence.text for b in telling.analysis if b.kind.value == "agree"]
    assert not above & set(agreed)


def test_no_side_is_told_in_the_sentences_of_another() -> None:
    articles = [
        ArticleText(n, f"Outlet {n}", side, HEADLINES[0], f"{LEADS[0]} {own} {MORE[0]}", DAY)
        for n, (side, own) in enumerate(
            [
                (Side.LEFT, "Teachers of the town say the wall will keep their school dry for a generation."),
                (Side.RIGHT, "Shippers warn that the wall makes each berth of the harbor a third dearer."),
                (Side.CENTER, "Engineers measured waves of nine meters in the harbor during the last storm."),
            ]
        )
    ]
    summaries = Extractive().tell(articles).summaries
    texts = [s.text for summary in summaries for s in summary.sentences]
    assert len(texts) == len(set(texts))


def test_a_sentence_without_a_word_of_the_story_is_not_told() -> None:
    pitch = "Everything about it goes quick and easy."
    articles = [
        ArticleText(n, f"Outlet {n}", side, HEADLINES[0], f"{LEADS[n]} {pitch if n == 2 else ''}", DAY)
        for n, side in enumerate((Side.LEFT, Side.RIGHT, Side.CENTER, Side.CENTER))
    ]
    assert pitch not in _said(Extractive().tell(articles))
