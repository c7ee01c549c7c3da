"""What the extractive summarizer prints, and what it leaves out. All outlets and events are invented."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from newsletter.feeds.kinds import ArticleKind
from newsletter.feeds.leans import Side
from newsletter.summaries.extractive.quotes import spoken
from newsletter.summaries.extractive.reading import sentences
from newsletter.summaries.extractive.summarizer import Extractive, overview
from newsletter.summaries.protocol import ArticleText, SummarizerError
from newsletter.summaries.story_text import RowKind, StoryKind, StoryText

NOW = datetime(2031, 5, 14, 6, 0, tzinfo=UTC)  # a Wednesday
LEFT, CENTER, RIGHT = Side.LEFT, Side.CENTER, Side.RIGHT


def article(
    number: int, side: Side | None, headline: str, text: str, *, hours: float = 10, **more: object
) -> ArticleText:
    published = NOW - timedelta(hours=hours)
    return ArticleText(number, f"Outlet {number}", side, headline, text, published, **more)  # type: ignore[arg-type]


def told(*articles: ArticleText) -> StoryText:
    return Extractive().tell(articles, now=NOW)


def paragraph(story: StoryText) -> str:
    return " ".join(s.text for s in (*story.lede, *story.overview))


def printed(story: StoryText) -> str:
    return "\n".join([story.headline, *(s.text for s in story.sentences()), *(q.words for q in story.quotes)])


TOLL_ROAD = (
    article(
        1,
        CENTER,
        "Varna council approves toll on harbor road",
        "VARNA, Oster (NPA) — The Varna council approved a toll on the harbor road on Monday after a debate of five hours. "
        "The toll of two crowns will pay for a new bridge across the Lune. Drivers from the harbor district are exempt for a year.",
    ),
    article(
        2,
        LEFT,
        "Harbor workers fear toll on road to docks",
        "The Varna council approved a toll on the harbor road on Monday. “The toll takes a week of wages from every docker "
        "in the city,” said union leader Mara Quill. The council counted nine votes for the toll and four against it.",
    ),
    article(
        3,
        LEFT,
        "Toll on harbor road hits the poorest",
        "Varna drivers will pay a toll on the harbor road. “Rich districts got bridges without paying anything,” "
        "said councilor Ines Dorn. Dockers marched to the town hall.",
    ),
    article(
        4,
        RIGHT,
        "Varna to pay for its bridge with a toll",
        "The Varna council approved a toll on the harbor road on Monday. “Who uses a bridge should pay for a bridge, "
        "and nobody else,” said merchant chief Oda Brandt. There were nine votes for the toll and four against it on the council.",
    ),
    article(
        5,
        RIGHT,
        "Harbor road toll spares Varna a new tax",
        "A toll on the harbor road was approved in Varna. “We promised no new taxes and kept our promise,” "
        "Mayor Lew Hart told reporters.",
    ),
)


def test_the_paragraph_is_one_outlets_and_consecutive() -> None:
    story = told(*TOLL_ROAD)
    assert paragraph(story) in TOLL_ROAD[0].text
    assert {c.article_id for s in (*story.lede, *story.overview) for c in s.citations} == {1}
    assert story.lede[0].text.startswith("The Varna council approved")  # the dateline is taken off


def test_every_passage_stands_in_its_article() -> None:
    texts = {a.id: a.text for a in TOLL_ROAD}
    story = told(*TOLL_ROAD)
    cites = [c for s in story.sentences() for c in s.citations] + [q.citation for q in story.quotes]
    assert cites
    assert all(c.passage in texts[c.article_id] for c in cites)


def test_each_side_stresses_what_it_quotes() -> None:
    story = told(*TOLL_ROAD)
    left, right = story.row(RowKind.LEFT_STRESSES), story.row(RowKind.RIGHT_STRESSES)
    assert left is not None
    assert right is not None
    assert any("Mara Quill" in s.text for s in left.sentences)
    assert any("Oda Brandt" in s.text for s in right.sentences)
    assert story.kind is StoryKind.WITH_SIDES


def test_what_outlets_of_both_sides_state_is_not_disputed() -> None:
    row = told(*TOLL_ROAD).row(RowKind.NOT_DISPUTED)
    assert row is not None
    (sentence,) = row.sentences
    assert "nine votes" in sentence.text
    assert {c.article_id for c in sentence.citations} == {2, 4}


def test_other_numbers_are_no_agreement() -> None:
    other = ArticleText(
        **{**vars(TOLL_ROAD[3]), "text": TOLL_ROAD[3].text.replace("nine votes", "ten votes")}
    )
    assert told(*TOLL_ROAD[:3], other, TOLL_ROAD[4]).row(RowKind.NOT_DISPUTED) is None


def test_a_copied_sentence_is_no_agreement() -> None:
    copy = "The council counted nine votes for the toll and four against it."
    other = ArticleText(**{**vars(TOLL_ROAD[3]), "text": TOLL_ROAD[3].text.rsplit("There were", 1)[0] + copy})
    assert told(*TOLL_ROAD[:3], other, TOLL_ROAD[4]).row(RowKind.NOT_DISPUTED) is None


def test_nothing_is_printed_twice() -> None:
    texts = printed(told(*TOLL_ROAD)).split("\n")
    assert len(texts) == len(set(texts))


def test_the_order_of_the_articles_changes_nothing() -> None:
    assert told(*TOLL_ROAD) == told(*reversed(TOLL_ROAD))


def test_a_settled_state_overtakes_an_open_one() -> None:
    story = told(
        article(
            1,
            LEFT,
            "Nine hikers missing on Mount Sorrel",
            "Nine hikers are missing on Mount Sorrel, police said.",
        ),
        article(
            2,
            CENTER,
            "Mount Sorrel: nine hikers missing",
            "A storm on Mount Sorrel left nine hikers missing.",
        ),
        article(
            3,
            RIGHT,
            "All nine Mount Sorrel hikers found alive",
            "All nine hikers missing on Mount Sorrel were found alive on Tuesday, rescuers said.",
            hours=4,
        ),
    )
    assert story.headline == "All nine Mount Sorrel hikers found alive"
    assert "are missing" not in printed(story)
    assert "found alive" in paragraph(story)


def test_one_sides_wording_does_not_head_the_story() -> None:
    story = told(
        article(
            1,
            CENTER,
            "Court halts Tallow pipeline",
            "A court halted the Tallow pipeline on Monday. Work stops now.",
        ),
        article(
            2,
            LEFT,
            "Court halts toxic Tallow pipeline",
            "The court halted the Tallow pipeline on Monday.",
            hours=2,
        ),
        article(3, LEFT, "Toxic Tallow pipeline halted", "A court has halted the Tallow pipeline.", hours=2),
        article(4, RIGHT, "Activist court kills Tallow pipeline jobs", "A court halted the Tallow pipeline."),
    )
    assert "oxic" not in story.headline
    assert "Activist" not in story.headline


def test_a_name_that_ends_on_an_exclamation_mark_stays_whole() -> None:
    story = told(
        article(
            1,
            CENTER,
            "Marl dairy to close, Moo! Farms says",
            "The Marl dairy will close in June, Moo! Farms said on Monday, citing the price of milk.",
        ),
        article(
            2, LEFT, "Moo! Farms closes Marl dairy", "Moo! Farms agreed on Monday to close its Marl dairy."
        ),
    )
    assert paragraph(story).startswith("The Marl dairy will close in June, Moo! Farms said")
    assert not any(s.text.startswith("Farms") for s in story.sentences())


def test_footnote_marks_are_taken_off_and_still_found() -> None:
    text = "Water drove 600 people from Lower Fenn on Sunday.[1] The county of Fenn opened three shelters for them.[2]"
    story = told(article(1, CENTER, "Flood drives hundreds from Lower Fenn", text))
    assert "[" not in printed(story)
    assert story.lede[0].citations[0].passage in text


def test_clutter_stays_out() -> None:
    story = told(
        article(
            1,
            CENTER,
            "Senate of Oster passes rail bill",
            "By Ann Lowe\nPhoto: NPA\nThe Senate of Oster passed a rail bill on Monday by a wide margin.\n"
            "Subscribe to our newsletter to read all of our stories.\nWhy It Matters\n"
            "The rail bill sets a crew of two on every freight train in Oster.\n10:42 a.m. The Senate of Oster is in session now.",
        ),
        article(
            2, LEFT, "Oster rail bill passes Senate", "The Senate of Oster passed a rail bill on Monday."
        ),
    )
    for clutter in ("Ann Lowe", "Photo", "Subscribe", "Why It Matters", "10:42"):
        assert clutter not in printed(story)


def test_next_is_after_the_moment_of_sending() -> None:
    text = (
        "The Varna council approved the harbor toll on Monday. The toll on the harbor road will be debated on Friday in "
        "the county court of Oster. The Varna mayor will present the harbor toll plan on Tuesday."
    )
    story = told(
        article(1, CENTER, "Varna council approves harbor toll", text, hours=30),
        article(
            2,
            LEFT,
            "Varna council backs harbor toll",
            "The Varna council approved the harbor toll.",
            hours=29,
        ),
    )
    row = story.row(RowKind.NEXT)
    assert row is None or all("Tuesday" not in s.text for s in row.sentences)


def test_who_is_answered_by_who_it_is() -> None:
    pell = (
        "Ann Pell, a geologist from Varna who advised three governments, measured the dam at Orrin in March."
    )
    story = told(
        article(
            1,
            CENTER,
            "Dam at Orrin fails inspection",
            "The dam at Orrin failed an inspection on Monday after a report by Ann Pell and the county. "
            "The county ordered repairs of the dam within a year.",
        ),
        article(
            2,
            LEFT,
            "Inspection fails dam at Orrin",
            f"The dam at Orrin failed an inspection on Monday. {pell}",
        ),
        article(
            3, RIGHT, "Orrin dam fails", "The dam at Orrin failed its inspection, the county said on Monday."
        ),
    )
    assert [(q.question, q.answer[0].text) for q in story.questions] == [("Who is Ann Pell?", pell)]


@pytest.mark.parametrize(
    "articles",
    [
        [],
        [article(1, CENTER, "Le conseil adopte le péage", "Le conseil de la ville a adopté lundi le péage sur la route du port "
                 "après un débat de cinq heures et malgré les cris des dockers dans la salle.")],
        [article(1, CENTER, "Transcript: Ann Pell on the dam", "PELL: It held.", kind=ArticleKind.TRANSCRIPT)],
        [article(1, CENTER, "Dam?", "")],
    ],
)  # fmt: skip
def test_what_cannot_be_told_is_refused_with_a_reason(articles: list[ArticleText]) -> None:
    with pytest.raises(SummarizerError, match=r"story"):
        Extractive().tell(articles, now=NOW)


def test_headlines_without_text_give_a_headline_alone() -> None:
    story = told(*(article(n, CENTER, "Comet passes Varna at night", "") for n in range(1, 300)))
    assert story.headline == "Comet passes Varna at night"
    assert not list(story.sentences())


def test_text_of_one_side_alone_gives_no_rows_for_the_other() -> None:
    story = told(*TOLL_ROAD[1:3], article(9, RIGHT, "Varna toll approved on harbor road", ""))
    assert story.row(RowKind.RIGHT_STRESSES) is None
    assert story.row(RowKind.NOT_DISPUTED) is None


def test_a_state_run_outlet_counts_for_no_side() -> None:
    state = [
        article(n, None, f"Toll plan {n} of Varna harbor road", TOLL_ROAD[3].text, state_run=True)
        for n in (6, 7)
    ]
    story = told(*TOLL_ROAD[:3], *state)
    assert story.row(RowKind.RIGHT_STRESSES) is None
    assert all(c.article_id not in (6, 7) for s in story.sentences() for c in s.citations)


def test_mostly_one_side_is_a_blind_spot() -> None:
    left = [
        article(n, LEFT, f"Toll on Varna harbor road hits district {n}", TOLL_ROAD[1].text)
        for n in range(10, 14)
    ]
    assert told(*left, TOLL_ROAD[3]).kind is StoryKind.BLIND_SPOT


def test_the_overview_alone_is_the_paragraph() -> None:
    assert overview(TOLL_ROAD) == paragraph(told(*TOLL_ROAD))
    assert overview([]) == ""


# Each stands among Articles of another Story, with whose frame it is alike; the same outlet's quotation stands in it.
OTHER_MATTERS = (
    (
        "Varna council: water prices rose 9 percent",
        "Water prices rose 9 percent in a year, the Varna council heard on Monday. It wants a cap on prices. ",
    ),
    (
        "Norrick council approves plan for tunnel",
        "The Norrick council approved a plan for the mountain tunnel on Monday by seven votes to two. Work begins in June. ",
    ),
    (
        "Varna council honors rowing crew",
        "The Varna council honored its rowing crew on Monday after three wins. The crew rows again in Ellery in June. ",
    ),
)
SAID = "“Nobody in this valley has ever seen such a good year,” said Ines Vole, who heads the club."


@pytest.mark.parametrize("side", [LEFT, CENTER, RIGHT])
@pytest.mark.parametrize(("headline", "text"), OTHER_MATTERS)
def test_an_article_about_another_matter_supplies_nothing(side: Side, headline: str, text: str) -> None:
    story = told(*TOLL_ROAD, article(9, side, headline, text + SAID, hours=1))
    assert story == told(*TOLL_ROAD)


def test_of_very_many_articles_the_newest_are_read() -> None:
    """Comparing Articles takes time with their square, so a Story of a thousand is told from its newest part."""
    old = tuple(
        article(n, CENTER, f"Old headline number {n} on the harbor toll", "", hours=200 + n)
        for n in range(20, 620)
    )
    story = told(*TOLL_ROAD, *old)
    assert story.headline == told(*TOLL_ROAD).headline
    assert story.lede == told(*TOLL_ROAD).lede


def test_a_speaker_has_the_name_that_the_article_gives_mostly() -> None:
    """Not the words of a headline that stands before the surname once."""
    text = (
        "Council Chair Hails Toll Dorn wins the vote. Councilor Ines Dorn asked for the toll. Ines Dorn had lost in May. "
        "“Every driver in the district will get back what this bridge costs,” Dorn said."
    )
    said = sentences(article(1, LEFT, "Toll vote in Varna", text))[-1]
    found = spoken(said)
    assert found is not None
    assert found.speaker == "Ines Dorn"


def test_an_invitation_to_click_is_no_sentence_of_the_story() -> None:
    text = "The Varna council approved a toll on Monday. Read the full text of the decision here. It starts in May."
    assert [s.text for s in sentences(article(1, CENTER, "Toll", text))] == [
        "The Varna council approved a toll on Monday.",
        "It starts in May.",
    ]
