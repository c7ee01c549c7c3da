"""Numbers behind sentences: small, in the order a reader meets them."""

from __future__ import annotations

from newsletter.feeds.leans import Side
from newsletter.issues.numbering import numbered
from newsletter.summaries.story_text import Citation, PickedHeadline, Row, RowKind, Sentence, StoryText


def said(text: str, *articles: int) -> Sentence:
    return Sentence(text, tuple(Citation(a, text) for a in articles))


STORY = StoryText(
    headline="A bridge opens",
    lede=(said("It opened.", 9, 4),),
    headlines=(PickedHeadline(Side.LEFT, 2, "A bridge at last"),),
    rows=(
        Row(RowKind.LEFT_STRESSES, (said("It serves many.", 2),)),
        Row(RowKind.RIGHT_STRESSES, (said("It cost much.", 7),)),
    ),
)


def test_cited_articles_come_first_in_the_order_a_reader_meets_them() -> None:
    assert numbered([1, 2, 4, 7, 9], STORY) == {9: 1, 4: 2, 2: 3, 7: 4, 1: 5}


def test_an_article_that_left_the_story_takes_no_number() -> None:
    assert numbered([2, 4], STORY) == {4: 1, 2: 2}
