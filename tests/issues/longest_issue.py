"""The largest Issue a morning may bring: seven Stories of many short sentences, so that most links fit into five minutes,
each from an Outlet with a long name at an address as long as the mail prints."""

from __future__ import annotations

from dataclasses import replace

from newsletter.feeds.leans import SIDES, Lean, Side, coverage
from newsletter.issues.render.story_phrases import LONGEST_URL
from newsletter.issues.views import ArticleView, HistoryView, IssueView, StoryView
from newsletter.summaries.story_text import (
    Citation,
    PickedHeadline,
    Question,
    Quote,
    Row,
    RowKind,
    Sentence,
    StoryText,
)
from tests.issues.issue_values import MORNING, issue, sentence

OF_EACH_SIDE = 90
_ONLY = ((RowKind.ONLY_ONE_SIDE, Side.LEFT),)
_LEANS = {0: Lean.LEFT, 1: Lean.CENTER, 2: Lean.RIGHT}


def longest_issue() -> IssueView:
    return replace(issue(0), stories=tuple(map(_story, range(1, 8))))


def _story(number: int) -> StoryView:
    articles = tuple(_article(number, place) for place in range(1, 3 * OF_EACH_SIDE + 1))
    cited = iter(articles)

    def said(words: str) -> Sentence:
        """A short sentence, different each time, that cites two Articles nobody else cites."""
        first, second = next(cited), next(cited)
        return sentence(f"{words} {first.number} municipalities notwithstanding.", first.id, second.id)

    def quoted() -> Quote:
        words = "Intergovernmental responsibilities remain extraordinarily burdensome"
        return Quote(words, "Superintendent Featherstonehaugh", Side.LEFT, Citation(next(cited).id, words))

    headline = f"Intergovernmental commissioners reconsider telecommunications infrastructure {number}"
    text = StoryText(
        headline=headline,
        lede=(said("Commissioners reconsidered"), said("Representatives disagreed")),
        overview=(said("Infrastructure deteriorated"),),
        headlines=tuple(
            PickedHeadline(
                side, next(a.id for a in articles if a.side is side), "Intergovernmental commissioners"
            )
            for side in (Side.LEFT, Side.RIGHT)
        ),
        rows=tuple(
            Row(kind, (said("Commentators characterize"), said("Editorialists")), side)
            for kind, side in (*((k, None) for k in RowKind if k is not RowKind.ONLY_ONE_SIDE), *_ONLY)
        ),
        quotes=(quoted(), quoted()),
        questions=(Question("Which municipalities participate?", (said("Approximately"),)),),
    )
    return StoryView(
        id=number,
        slug=f"{'intergovernmental-' * 4}{number:04}",
        topic="Environment",
        text=text,
        coverage=coverage((a.number, a.side, None) for a in articles),
        articles=articles,
        history=(HistoryView(f"{'earlier-' * 9}{number:04}", headline, "11M", 128, MORNING),),
        updated_at=MORNING,
        outlets_read=528,
        development="128 more outlets and two developments",
    )


def _article(story: int, place: int) -> ArticleView:
    lean = _LEANS[place % 3]
    url = f"https://www.metropolitan-telegraph-{place}.example/2026/03/01/"
    return ArticleView(
        id=story * 1000 + place,
        number=place,
        outlet=f"The Metropolitan Telegraph & Intelligencer {place}",
        lean=lean,
        side=SIDES[place % 3],
        headline="Intergovernmental commissioners",
        url=url + "a" * (LONGEST_URL - len(url)),
        published_at=MORNING,
        wire_copy=False,
    )
