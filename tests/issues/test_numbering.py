"""Numbers behind sentences: small, in the order a reader meets them."""

from __future__ import annotations

from newsletter.feeds.leans import Side
from newsletter.issues.numbering import numbered
from newsletter.summaries.story_text import Bullet, BulletKind, Citation, Sentence, Summary, Telling


def said(text: str, *articles: int) -> Sentence:
    return Sentence(text, tuple(Citation(a, text) for a in articles))


TELLING = Telling(
    headline="A bridge opens",
    lede=(said("It opened.", 9, 4),),
    summaries=(
        Summary(Side.RIGHT, (said("It cost much.", 7),)),
        Summary(Side.LEFT, (said("It serves many.", 2),)),
    ),
    analysis=(Bullet(BulletKind.AGREE, said("It stands.", 4, 2, 7)),),
)


def test_cited_articles_come_first_in_the_order_a_reader_meets_them() -> None:
    assert numbered([1, 2, 4, 7, 9], TELLING) == {9: 1, 4: 2, 2: 3, 7: 4, 1: 5}


def test_an_article_that_left_the_story_takes_no_number() -> None:
    assert numbered([2, 4], TELLING) == {4: 1, 2: 2}
