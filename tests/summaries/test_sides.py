"""Each Side's Summary: its own stress, not the other's; and what it is held against when that is measured."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from newsletter.feeds.leans import Side
from newsletter.lab.evaluate import side_matching
from newsletter.lab.evaluate.measure_sides import (
    ALONE,
    LIKENESSES,
    OURS,
    WHOLE,
    Rarity,
    Tally,
    alone,
    compare,
)
from newsletter.lab.evaluate.side_matching import PAIR
from newsletter.lab.evaluate.side_yardsticks import YARDSTICKS
from newsletter.stories.terms import terms
from newsletter.summaries.protocol import ArticleText
from newsletter.summaries.selection.extractive import Extractive, side_texts
from newsletter.summaries.selection.selection import stands_by_itself
from newsletter.summaries.selection.side_telling import told_by
from newsletter.summaries.selection.statements import statements

DAY = datetime(2026, 3, 2, 10, tzinfo=UTC)
VOTE = "The council of Marlow Bay approved a harbor wall on Tuesday after a debate of nine hours."
SAME_VOTE = "The council of Marlow Bay on Tuesday approved a harbor wall after nine hours of debate."
BERTHS = "Fishermen of the northern pier will lose forty berths, their union warned before the hall."
TAXES = "Property taxes would rise by nine percent over ten years to pay back the bonds, a study found."
CRANES = "Builders with four cranes and two barges would pour concrete for the wall of Marlow Bay from May until the first days of winter."
STEEL = "Rock for the wall of Marlow Bay would come by barge from the quarries of Quorn, and steel gates from a foundry in Teal."
MAYOR = "Mayor Dana Whitlock said the wall of Marlow Bay would keep the lower town dry in every storm that engineers have yet drawn."
STORM = "Engineers presented drawings of concrete, rock and steel gates to residents in the spring."


def _article(number: int, side: Side, headline: str, *sentences: str) -> ArticleText:
    return ArticleText(
        number, f"Outlet {number}", side, headline, " ".join(sentences), DAY + timedelta(minutes=number)
    )


def _story() -> list[ArticleText]:
    return [
        _article(1, Side.LEFT, "Fishermen lose berths to wall", VOTE, STORM, BERTHS),
        _article(2, Side.CENTER, "Marlow Bay approves harbor wall", SAME_VOTE),
        _article(3, Side.RIGHT, "Taxes rise to pay for wall", SAME_VOTE, STORM, TAXES),
    ]


BOTH = (VOTE, CRANES, STEEL, MAYOR)


def test_of_the_same_sentences_a_side_tells_those_that_its_headlines_stress() -> None:
    story = [
        _article(1, Side.LEFT, "Fishermen lose berths to wall", *BOTH, BERTHS, TAXES),
        _article(2, Side.RIGHT, "Taxes rise to pay for wall", *BOTH, BERTHS, TAXES),
    ]
    texts = side_texts(story)
    assert BERTHS in texts[Side.LEFT]
    assert TAXES not in texts[Side.LEFT]
    assert TAXES in texts[Side.RIGHT]
    assert BERTHS not in texts[Side.RIGHT]


def test_without_headlines_what_only_one_side_writes_still_speaks_for_it() -> None:
    story = [_article(1, Side.LEFT, "", *BOTH, BERTHS), _article(2, Side.RIGHT, "", *BOTH, TAXES)]
    texts = side_texts(story)
    assert BERTHS in texts[Side.LEFT]
    assert TAXES in texts[Side.RIGHT]


def test_outlets_that_begin_alike_leave_room_for_what_else_their_side_tells() -> None:
    """Many Outlets of one Side open with the same fact: it is told once."""
    openings = [
        f"{who} on Tuesday approved a harbor wall for Marlow Bay after {n} hours of debate."
        for n, who in enumerate(("The council", "Councillors", "The town's council") * 5, start=2)
    ]
    lefts = [_article(n, Side.LEFT, "Harbor wall approved", text) for n, text in enumerate(openings, start=1)]
    other = _article(30, Side.LEFT, "Harbor wall approved", BERTHS)
    right = _article(31, Side.RIGHT, "Taxes rise to pay for wall", TAXES)
    told = side_texts([*lefts, other, right])[Side.LEFT]
    assert BERTHS in told
    assert told.count("approved a harbor wall") <= 1


def test_a_tirade_is_not_told_as_a_sides_own_words_while_others_tell() -> None:
    tirade = "Zealots and cronies rammed a disgraceful, staggering sham of a wall through the council of Marlow Bay."
    story = [
        _article(1, Side.LEFT, "Zealots ram sham wall through council", tirade, BERTHS, MAYOR, CRANES),
        _article(2, Side.RIGHT, "Taxes rise to pay for wall", SAME_VOTE, STORM, TAXES),
    ]
    assert tirade not in side_texts(story)[Side.LEFT]
    assert BERTHS in side_texts(story)[Side.LEFT]
    alone = [_article(1, Side.LEFT, "Zealots ram sham wall", tirade), story[1]]
    assert "zealots" in side_texts(alone)[Side.LEFT].lower()


def test_the_center_tells_what_it_tells_most_not_what_others_leave_out() -> None:
    odd = (
        "Ferries to the northern islands ran an hour late because a swan had settled on the slipway at noon."
    )
    story = [
        _article(1, Side.LEFT, "Marlow Bay approves harbor wall", *BOTH, BERTHS),
        _article(2, Side.RIGHT, "Marlow Bay approves harbor wall", *BOTH, TAXES),
        _article(3, Side.CENTER, "Marlow Bay approves harbor wall", CRANES, STEEL, odd, MAYOR),
    ]
    pool = statements(story)
    scores = {i: 0.0 for i, s in enumerate(pool) if s.side is Side.CENTER and not s.is_headline}
    assert odd not in [s.text for s in told_by(Side.CENTER, pool, scores)]


def test_of_two_leads_the_center_outlets_is_the_lede_so_that_the_sides_keep_their_own() -> None:
    headline = "Marlow Bay council approves harbor wall"
    story = [
        _article(1, Side.LEFT, headline, VOTE, BERTHS),
        _article(2, Side.RIGHT, headline, VOTE, TAXES),
        _article(3, Side.CENTER, headline, SAME_VOTE),
    ]
    assert Extractive().tell(story).lede[0].citations[0].article_id == 3


def test_what_is_shown_already_is_told_again_only_by_a_side_with_little_else_to_say() -> None:
    pool = statements([_article(1, Side.LEFT, "", *BOTH)])
    scores = dict.fromkeys(range(len(pool)), 0.0)
    first = told_by(Side.LEFT, pool, scores)
    second = told_by(Side.LEFT, pool, scores, shown=first)
    assert {s.text for s in second} != {s.text for s in first}
    short = [_article(1, Side.LEFT, "Wall", VOTE), _article(2, Side.RIGHT, "Wall", SAME_VOTE)]
    assert all(side_texts(short)[s] for s in PAIR)


def test_a_side_that_has_more_to_say_repeats_nothing_that_stands_above() -> None:
    pool = statements([_article(1, Side.LEFT, "", *BOTH, STORM, BERTHS, TAXES)])
    scores = {i: s.salience for i, s in enumerate(pool) if not s.is_headline}
    first = told_by(Side.LEFT, pool, scores)
    second = told_by(Side.LEFT, pool, scores, shown=first)
    assert second
    assert not {s.text for s in first} & {s.text for s in second}


def test_a_side_with_plenty_to_say_repeats_not_even_what_its_headline_stresses() -> None:
    headline = "Marlow Bay approves harbor wall"
    pool = statements([_article(1, Side.LEFT, headline, *BOTH, STORM, BERTHS, TAXES)])
    scores = {i: s.salience for i, s in enumerate(pool) if not s.is_headline}
    vote = [s for s in pool if s.text == VOTE]
    assert VOTE in [s.text for s in told_by(Side.LEFT, pool, scores)]
    assert VOTE not in [s.text for s in told_by(Side.LEFT, pool, scores, shown=vote)]


def test_a_side_whose_only_sentence_is_told_above_is_not_silent() -> None:
    alone = [_article(1, Side.LEFT, "", VOTE), _article(2, Side.RIGHT, "", STORM)]
    telling = Extractive().tell(alone)
    above = {s.text for s in (*telling.lede, *telling.overview)}
    assert above & {VOTE, STORM}
    assert [s.side for s in telling.summaries] == list(PAIR)


MET = "The interview took place in a hall of Marlow Bay while a storm flooded forty houses of the lower town."
GAVE = "Mayor Dana Whitlock gave an interview on the wall to the crew of a ferry on Tuesday."


def test_what_points_back_stands_behind_what_it_points_at() -> None:
    (vote, met) = statements([_article(1, Side.LEFT, "", VOTE, MET)])
    (elsewhere,) = statements([_article(2, Side.LEFT, "", STEEL)])
    (gave,) = statements([_article(3, Side.LEFT, "", GAVE)])
    assert stands_by_itself([vote, met])
    assert stands_by_itself([gave, met])
    assert not stands_by_itself([met])
    assert not stands_by_itself([elsewhere, met])
    story = [
        _article(1, Side.LEFT, "Interview in the hall", STEEL, MET),
        _article(2, Side.RIGHT, "Wall", TAXES),
    ]
    assert not side_texts(story)[Side.LEFT].startswith("The interview")


def test_hidden_headlines_are_nowhere_in_what_the_summarizer_is_shown() -> None:
    matching = side_matching.hidden_headlines(_story())
    assert matching is not None
    assert not any(a.headline for a in matching.shown)
    assert matching.wanted[Side.LEFT] == "Fishermen lose berths to wall"


def test_the_rest_of_an_article_is_what_was_not_shown() -> None:
    long = [
        _article(n, side, "Wall", "x" * side_matching.BEGINNING, " ".join([BERTHS] * 5))
        for n, side in enumerate(PAIR)
    ]
    matching = side_matching.rests(long)
    assert matching is not None
    assert all("berths" not in a.excerpt for a in matching.shown)
    assert all("berths" in text for text in matching.wanted.values())
    assert side_matching.rests(_story()) is None


def test_the_other_half_is_by_other_outlets_and_as_long_for_each_side() -> None:
    story = [
        _article(
            n, (Side.LEFT, Side.RIGHT)[n % 2], f"Wall number {n}", f"Sentence {n} stands in text {n}.", VOTE
        )
        for n in range(8)
    ]
    matching = side_matching.other_halves(story, draw=1)
    assert matching is not None
    assert len(matching.shown) == 4
    for article in matching.shown:
        assert article.headline not in matching.wanted[article.side]
    assert len({len(t.split()) for t in matching.wanted.values()}) == 1
    assert side_matching.other_halves(story[:3], draw=1) is None


def test_an_experts_words_are_those_of_one_side_without_the_frame() -> None:
    said = [
        "Left-rated outlets focused on the berths that fishermen of the northern pier would lose to builders; "
        "right-rated voices highlighted how property taxes would rise by nine percent in the town. "
        "Outlets on the left and on the right quoted the mayor."
    ]
    matching = side_matching.expert_words(_story(), said)
    assert matching is not None
    assert "berths" in matching.wanted[Side.LEFT]
    assert "taxes" not in matching.wanted[Side.LEFT]
    assert "mayor" not in "".join(matching.wanted.values())
    assert "rated" not in matching.wanted[Side.RIGHT]
    assert side_matching.expert_words(_story(), ["Nothing of any side."]) is None


def test_summaries_are_compared_beside_yardsticks_as_long_and_beside_the_whole() -> None:
    story = _story()
    matching = side_matching.own_headlines(story)
    assert matching is not None
    found = compare([matching], Rarity([VOTE, BERTHS]))
    assert found["compared"] == 2
    assert found["pairs"] == 1
    assert set(found) == {"compared", "pairs", OURS, *YARDSTICKS, WHOLE, ALONE}
    ours = found[OURS]
    assert isinstance(ours, dict)
    assert set(ours["own"]) == set(ours["together"]) == set(ours["near"]) == set(LIKENESSES)
    assert ours["own"]["cosine"] == ours["together"]["cosine"] == 100.0


def test_two_summaries_match_together_where_one_sides_words_are_liker_to_everything() -> None:
    """An expert who says much of one Side and little of the other draws both Summaries to the first; exchanged they fit worse."""
    tally = Tally()
    left, right = (dict.fromkeys(LIKENESSES, x) for x in (0.5, 0.2))
    other_of_left, other_of_right = (dict.fromkeys(LIKENESSES, x) for x in (0.1, 0.4))
    tally.add(left, other_of_left, 40)
    tally.add(right, other_of_right, 40)
    tally.add_pair([left, right], [other_of_left, other_of_right])
    assert tally.row()["own"] == dict.fromkeys(LIKENESSES, 50.0)
    assert tally.row()["together"] == dict.fromkeys(LIKENESSES, 100.0)


def test_alone_are_the_words_that_the_other_side_does_not_use() -> None:
    words = set(alone(_story(), Side.LEFT).split())
    assert words
    assert not words & set(alone(_story(), Side.RIGHT).split())
    assert not words & set(terms(STORM))


def test_yardsticks_keep_to_the_side_and_to_the_number_of_words() -> None:
    story = [
        _article(n, side, "Wall", VOTE, STORM, BERTHS if side is Side.LEFT else TAXES)
        for n, side in enumerate((Side.LEFT, Side.RIGHT, Side.LEFT))
    ]
    pool = statements(story)
    for way in YARDSTICKS.values():
        text = way(pool, Side.RIGHT, 16)
        assert text
        assert "berths" not in text
        assert len(text.split()) <= 30
