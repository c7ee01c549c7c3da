"""What a careful editor strikes out or moves: headings, captions, tellings that repeat, tolls that differ. All invented."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from newsletter.feeds.leans import Side
from newsletter.summaries.coherence import dangling, pointed_at, told_by_the_day
from newsletter.summaries.headlines import clean
from newsletter.summaries.protocol import ArticleText
from newsletter.summaries.segmentation import has_verb, is_cut_off, pieces, usable
from newsletter.summaries.selection.extractive import Extractive, coming
from newsletter.summaries.selection.questions import asked, tells_next
from newsletter.summaries.selection.quotes import quotes
from newsletter.summaries.selection.recency import current
from newsletter.summaries.selection.statements import statements
from newsletter.summaries.truecasing import Casing, sentence_case

DAY = datetime(2026, 3, 2, 10, tzinfo=UTC)
TEXT = "The council of Marlow Bay voted on Monday for a wall in the harbor."


@pytest.mark.parametrize("heading", ["‘A Flagrant Gift’ ", "“Walls and Waves” ", "In short: "])
def test_a_heading_in_front_is_taken_off(heading: str) -> None:
    assert [p.text for p in pieces(f"{heading}{TEXT}")] == [TEXT]


def test_a_list_run_into_the_text_is_cut_at_its_dashes() -> None:
    listed = f"{TEXT} - It will cost $12 million in all. - Ann Teal was moved to another office."
    assert [p.text for p in pieces(listed)] == [
        TEXT,
        "It will cost $12 million in all.",
        "Ann Teal was moved to another office.",
    ]


def test_a_caption_without_a_verb_is_no_sentence() -> None:
    assert not usable(
        "Mayor Dana Whitlock addressing the council at the harbor hall in Marlow Bay, March 9, 2024."
    )
    assert usable(TEXT)
    assert not has_verb("Whitlock’s reckoning a sour ending for a mayor")
    assert has_verb("It’s a sour ending for a mayor")


@pytest.mark.parametrize(
    ("headline", "expected"),
    [
        ("Quorn24 | Six held over the harbor wall", "Six held over the harbor wall"),
        ("Council votes for the harbor wall › Marlow Greatness", "Council votes for the harbor wall"),
        ("UPDATE 1-Council votes for the harbor wall", "Council votes for the harbor wall"),
    ],
)
def test_sites_and_numbers_of_updates_go(headline: str, expected: str) -> None:
    assert clean(headline) == expected


def test_yesterday_is_no_day() -> None:
    assert told_by_the_day("Yesterday, the council voted.")
    assert not told_by_the_day("“We will vote tomorrow,” Teal said on Monday.")


def test_the_lede_says_more_than_the_headline_above_it() -> None:
    articles = [
        ArticleText(n, f"Outlet {n}", side, headline, "", DAY + timedelta(hours=n))
        for n, (side, headline) in enumerate(
            [
                (Side.LEFT, "Council votes for harbor wall"),
                (Side.CENTER, "Council votes for harbor wall"),
                (Side.RIGHT, "Council votes for $12 million wall in Marlow Bay harbor after storm"),
            ],
            start=1,
        )
    ]
    telling = Extractive().tell(articles)
    assert telling.headline == "Council votes for harbor wall"
    assert [s.text for s in telling.lede] == [
        "Council votes for $12 million wall in Marlow Bay harbor after storm."
    ]


def test_no_side_counts_other_dead_than_the_newest_toll() -> None:
    old = "At least 12 people were killed when a bus fell into the harbor of Quorn, rescuers said."
    new = "The toll of the bus crash in the harbor of Quorn rose to 19 killed, rescuers said on Monday."
    other = (
        "The bus of Quorn had been driven over the harbor wall by its driver, who survived, rescuers said."
    )
    articles = [
        ArticleText(
            n, f"Outlet {n}", side, "Bus falls into harbor of Quorn", text, DAY + timedelta(hours=hours)
        )
        for n, side, text, hours in (
            (1, Side.LEFT, f"{old} {other}", 0),
            (2, Side.RIGHT, new, 30),
            (3, Side.CENTER, new, 31),
        )
    ]
    telling = Extractive().tell(articles)
    assert not any("12 people" in s.text for s in telling.sentences())
    left = telling.summary(Side.LEFT)
    assert left is not None
    assert [s.text for s in left.sentences] == [other]


def _spoken(excerpt: str, headline: str = "Council votes for the harbor wall") -> list[tuple[str, str]]:
    return [
        (q.words, q.speaker) for q in quotes([ArticleText(1, "The Heron", Side.LEFT, headline, excerpt, DAY)])
    ]


def test_a_speaker_has_their_whole_name_and_a_quotation_no_stop_of_its_own() -> None:
    said = "Whitlock told them: “The wall of our harbor will outlast us all.”"
    assert _spoken(f"Dana Whitlock, the mayor, spoke on Monday. {said}") == [
        ("The wall of our harbor will outlast us all", "Dana Whitlock")
    ]
    assert _spoken(f"Dana Whitlock met Cole Whitlock. {said}") == []  # which of the two?
    assert _spoken(f"Mayor Whitlock spoke on Monday. {said}")[0][1] == "Mayor Whitlock"
    assert _spoken("“The wall of our harbor will outlast us all,” de Larkspur said.")[0][1] == "de Larkspur"


def test_what_is_said_beside_the_matter_is_not_quoted() -> None:
    assert _spoken("“He wore a grey coat and carried two lamps,” Ann Teal said.") == []


def test_fears_and_claims_are_not_what_comes_next() -> None:
    assert tells_next("The council will vote on the harbor wall on Friday.")
    assert not tells_next("The flood renewed fears that the council will vote against the wall.")
    assert not tells_next("Teal claimed the council will vote against the wall.")


def test_what_comes_next_is_a_bullet_although_its_side_tells_it() -> None:
    comes = "The contract for the harbor wall will be signed by the council of Marlow Bay in April."
    articles = [
        ArticleText(n, f"Outlet {n}", side, "Council votes for harbor wall", f"{TEXT} {more}", DAY)
        for n, (side, more) in enumerate([(Side.LEFT, comes), (Side.RIGHT, ""), (Side.CENTER, "")], start=1)
    ]
    told = Extractive().tell(articles)
    above = {s.text for s in (*told.lede, *told.overview)}
    assert [b.sentence.text for b in told.analysis if b.kind.value == "next"] == (
        [] if comes in above else [comes]
    )


def test_who_is_cited_gives_no_reason() -> None:
    def question(text: str) -> str | None:
        (statement, *_) = statements([ArticleText(1, "The Heron", Side.LEFT, "Wall", text, DAY)])
        return asked(statement)

    assert (
        question("The wall was put off for a year, the Heron wrote, citing local officials of the harbor.")
        is None
    )
    assert (
        question("The wall was put off for a year, citing its cost of $12 million.")
        == "What reason is given?"
    )


def test_a_verb_without_its_object_was_cut_off() -> None:
    assert is_cut_off("Members of the council will likely need.")
    assert not is_cut_off("Members of the council told the harbor what they need.")


def test_what_a_short_name_is_joined_to_is_small() -> None:
    casing = Casing.of(["The UN-led talks of Quorn ended on Monday, and the UN-led mission stays."])
    assert (
        sentence_case("UN-Led Talks End Without Partners In Quorn", casing)
        == "UN-led talks end without partners in Quorn"
    )


def test_what_two_outlets_tell_as_done_on_friday_is_no_longer_to_come() -> None:
    coming = "The mayor of Quorn will learn her fate in the harbor case on Friday at the court of Marlow Bay."
    done = "The court of Marlow Bay cleared the mayor of Quorn in the harbor case on Friday."
    articles = [
        ArticleText(
            n, f"Outlet {n}", side, "Court clears mayor in harbor case", text, DAY + timedelta(hours=n)
        )
        for n, (side, text) in enumerate(
            [(Side.LEFT, coming), (Side.RIGHT, done), (Side.CENTER, done)], start=1
        )
    ]
    assert coming not in [s.text for s in current(statements(articles))]
    assert coming in [s.text for s in current(statements(articles[:2]))]


def test_what_is_beside_the_headline_is_no_lede_and_the_headline_is_not_told_again_below() -> None:
    beside = "Quorn catches its largest eel in years"
    articles = [
        ArticleText(n, f"Outlet {n}", Side.CENTER, headline, "", DAY + timedelta(hours=n))
        for n, headline in enumerate(
            ["Council votes for harbor wall", beside, "Council of Marlow Bay votes 7 to 4 for harbor wall"],
            start=1,
        )
    ]
    telling = Extractive().tell(articles)
    assert telling.headline == "Council votes for harbor wall"
    assert [s.text for s in telling.lede] == ["Council of Marlow Bay votes 7 to 4 for harbor wall."]
    assert "Council votes for harbor wall." not in [s.text for s in telling.overview]


def test_a_place_and_a_day_with_capitals_run_together_are_taken_apart() -> None:
    text = "Republic Of Quorn On Friday, the council of Marlow Bay voted for a wall in the harbor."
    assert [p.text for p in pieces(text)] == [
        "On Friday, the council of Marlow Bay voted for a wall in the harbor."
    ]


@pytest.mark.parametrize(
    ("text", "leans"),
    [
        ("President of the Marlow Rock Company, he also runs a ferry to the islands.", True),
        ("A former engineer of the harbor board, she has drawn three walls.", True),
        ("First came his tour of the northern piers of Marlow Bay.", True),
        ("Hours earlier, the council of Quorn had voted for a wall.", True),
        ("Hours after the council voted, the harbor of Quorn was closed.", False),
        ("Dana Whitlock said on Monday in Marlow Bay, he would sign it.", False),
        ("In the harbor of Marlow Bay, she found forty berths.", False),
    ],
)
def test_whoever_a_sentence_speaks_of_is_named_in_it(text: str, *, leans: bool) -> None:
    assert dangling(text) is leans


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("The angry response prompted the mayor to clarify the plan.", "respons"),
        ("A lawyer of the harbor board confirmed the news to The Heron.", "news"),
        ("“The wall will leak,” the senator told reporters in Marlow Bay.", "senat"),
        ("“The wall will leak,” said the spokesman.", "spokesman"),
        ("“The wall will leak,” Senator Ann Teal told reporters.", None),
        ("“The wall will leak,” the harbor court said in its ruling.", None),
        ("The response of the town to the plan was angry for weeks.", None),
        ("A lawyer confirmed the news that the wall would be built.", None),
    ],
)
def test_what_a_sentence_only_points_back_at_is_known(text: str, what: str | None) -> None:
    assert pointed_at(text) == what


def _titled(number: int, headline: str, excerpt: str = "") -> ArticleText:
    side = (Side.LEFT, Side.RIGHT, Side.CENTER)[number % 3]
    return ArticleText(number, f"Outlet {number}", side, headline, excerpt, DAY)


def test_a_headline_of_another_matter_tells_only_for_its_own_outlet() -> None:
    stray = "Ferries to Quorn will stop for a week over a nesting swan"
    story = [
        _titled(1, "Marlow Bay council approves wall in the harbor"),
        _titled(2, "Harbor wall approved by council of Marlow Bay after debate"),
        _titled(3, stray),
        _titled(4, "Wall in harbor of Marlow Bay passes the council by one vote"),
    ]
    telling = Extractive().tell(story)
    for sentence in (*telling.lede, *telling.overview, *(b.sentence for b in telling.analysis)):
        assert "swan" not in sentence.text
    summary = telling.summary(Side.LEFT)
    assert summary is not None
    assert any("swan" in s.text for s in summary.sentences)


def test_what_comes_next_is_told_not_judged() -> None:
    told = "The council will sign the contract for the harbor wall in Marlow Bay on Friday."
    judged = "The council will sign the contract for the harbor wall, which vindicates Mayor Whitlock of Marlow Bay."
    pool = [s for s in statements([_titled(1, "Harbor wall", f"{judged} {told}")]) if not s.is_headline]
    assert [s.text for s in coming(pool, [])] == [told]
    assert coming(pool[:1], []) == []


def test_what_comes_next_says_more_than_one_sentence_above_it() -> None:
    ahead = "Council of Marlow Bay will sign the contract for the harbor wall next week."
    above = (
        "Mayor Dana Whitlock told forty fishermen and their union on Monday that the council of Marlow Bay would sign the contract "
        "for the wall in the harbor after nine hours of debate, which her opponents called a gift to builders of the islands."
    )
    next_one, told = (
        s for s in statements([_titled(1, "Wall", ahead), _titled(2, "Wall", above)]) if not s.is_headline
    )
    assert next_one.like(told) < 0.6
    assert coming([next_one], []) == [next_one]
    assert coming([next_one], [told]) == []


def test_a_heading_printed_whole_before_the_text_is_taken_off_however_the_text_begins() -> None:
    headline = "Marlow Bay’s Council Promises Quick Harbor Wall Following Overnight Vote"
    text = "Cheers rang out in the hall of Marlow Bay when the council had voted for a wall."
    assert [p.text for p in pieces(f"{headline} {text}", headline)] == [text]


def test_no_space_is_printed_before_a_comma() -> None:
    (piece,) = pieces("The council named four engineers , among them Cole Teal, to draw the harbor wall.")
    assert "engineers, among" in piece.text
