"""Few numbers behind a sentence in the mail, and what both Sides agree on still rests on both."""

from __future__ import annotations

from dataclasses import replace

from newsletter.feeds.leans import Side
from newsletter.issues.fewer_citations import with_fewer_citations
from newsletter.summaries.story_text import Citation, Row, RowKind, Sentence
from tests.issues.issue_values import issue


def test_one_article_behind_a_sentence_and_both_sides_behind_an_agreement() -> None:
    story = issue().stories[0]
    left, center, right = (next(a for a in story.articles if a.side is side) for side in Side)
    cited = tuple(Citation(a.id, "x") for a in (center, left, right))
    text = replace(
        story.text,
        lede=(Sentence("It happened.", cited),),
        overview=(Sentence("It was like this.", cited),),
        rows=(
            Row(RowKind.NOT_DISPUTED, (Sentence("Both say so.", cited),)),
            Row(RowKind.NEXT, (Sentence("It will go on.", cited),)),
        ),
    )
    mailed = with_fewer_citations(replace(story, text=text))
    agreed, coming = (r.sentences[0] for r in mailed.text.rows)
    assert [c.article_id for c in agreed.citations] == [left.id, right.id]
    assert [c.article_id for c in coming.citations] == [center.id]
    assert [c.article_id for c in mailed.text.overview[0].citations] == [center.id]
    assert [c.article_id for c in mailed.text.lede[0].citations] == [center.id]
    assert mailed.articles == story.articles
