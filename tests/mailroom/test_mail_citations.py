"""Few numbers behind a sentence in the mail, and what both Sides say still rests on both."""

from __future__ import annotations

from dataclasses import replace

from issue_values import issue

from newsletter.newsroom.fewer_citations import with_fewer_citations
from newsletter.newsroom.leans import Side
from newsletter.newsroom.telling import Citation, Sentence


def test_the_mail_names_two_articles_and_of_two_sides_where_there_are_two() -> None:
    story = issue().stories[0]
    left = next(a for a in story.articles if a.side is Side.LEFT)
    another_left = replace(left, id=left.id + 10_000, number=99)
    right = next(a for a in story.articles if a.side is Side.RIGHT)
    cited = tuple(Citation(a.id, "x") for a in (left, another_left, right))
    telling = replace(
        story.telling, lede=(Sentence("Both say so.", cited), Sentence("One says so.", cited[:2]))
    )
    mailed = with_fewer_citations(replace(story, telling=telling, articles=(*story.articles, another_left)))
    both, one = mailed.telling.lede
    assert [c.article_id for c in both.citations] == [left.id, right.id]
    assert [c.article_id for c in one.citations] == [left.id, another_left.id]
    assert all(len(s.citations) <= 2 for s in mailed.telling.sentences())
    assert left in mailed.articles
