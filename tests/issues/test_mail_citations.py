"""Few numbers behind a sentence in the mail, and what both Sides agree on still rests on both."""

from __future__ import annotations

from dataclasses import replace

from newsletter.feeds.leans import Side
from newsletter.issues.fewer_citations import with_fewer_citations
from newsletter.summaries.story_text import Bullet, BulletKind, Citation, Sentence
from tests.issues.issue_values import issue


def test_one_article_behind_a_sentence_and_both_sides_behind_an_agreement() -> None:
    story = issue().stories[0]
    left, center, right = (next(a for a in story.articles if a.side is side) for side in Side)
    cited = tuple(Citation(a.id, "x") for a in (center, left, right))
    telling = replace(
        story.telling,
        lede=(Sentence("It happened.", cited),),
        overview=(Sentence("It was like this.", cited),),
        analysis=(
            Bullet(BulletKind.AGREE, Sentence("Both say so.", cited)),
            Bullet(BulletKind.NEXT, Sentence("It will go on.", cited)),
        ),
    )
    mailed = with_fewer_citations(replace(story, telling=telling))
    agree, coming = (b.sentence for b in mailed.telling.analysis)
    assert [c.article_id for c in agree.citations] == [left.id, right.id]
    assert [c.article_id for c in coming.citations] == [center.id]
    assert [c.article_id for c in mailed.telling.overview[0].citations] == [center.id]
    assert len(mailed.telling.lede[0].citations) == 2
    assert mailed.articles == story.articles
