"""The summarizer that needs no key and no model: a Story in the outlets' own words, nothing stitched together. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from newsletter.feeds.leans import Side
from newsletter.summaries import contrast
from newsletter.summaries.extractive.evidence import OTHER_SIDE, Evidence
from newsletter.summaries.extractive.headline import neutral_headline
from newsletter.summaries.extractive.paragraph import Paragraph, best_paragraph, further
from newsletter.summaries.extractive.questions import questions
from newsletter.summaries.extractive.quotes import side_quotes
from newsletter.summaries.extractive.rows import rows, shows_difference
from newsletter.summaries.extractive.states import contradict, pending
from newsletter.summaries.protocol import NO_BRIEF, ArticleText, Brief, SummarizerError
from newsletter.summaries.story_text import PickedHeadline, StoryKind, StoryText

# A blind spot: one side has this many times the other's outlets, and at least so many.
ONE_SIDED, FEWEST = 3, 4
MOST_READ = 300  # Articles of a Story, the newest: comparing them takes time with their square


class Extractive:
    """Tells a Story in its Articles' own sentences. Implements ``Summarizer``."""

    name = "extractive"

    def tell(self, articles: Sequence[ArticleText], *, now: datetime, brief: Brief = NO_BRIEF) -> StoryText:
        """Return the Story's words, whatever the brief: outlets wrote them. Raises SummarizerError when no English news is among the Articles, or no headline is fit."""
        known = [a for a in articles if a.published_at <= now]
        newest = {a.id for a in sorted(known, key=lambda a: a.published_at)[-MOST_READ:]}
        evidence = Evidence([a for a in known if a.id in newest])
        if not evidence.news:
            raise SummarizerError("No news article in English tells this story.")
        paragraph = best_paragraph(evidence.news, evidence.weights)
        headline = neutral_headline(evidence.news, paragraph, evidence.weights)
        if headline is None:
            raise SummarizerError("No headline of this story may stand over it.")
        kind = _kind(evidence)
        about = " ".join((headline, *(s.text for s in paragraph.said))) if paragraph else ""
        pair = _pair(evidence, about, paragraph) if kind is not StoryKind.NO_SIDES else ()
        if paragraph is None:
            return StoryText(headline, kind if pair else StoryKind.NO_SIDES, headlines=pair)
        lede, overview = evidence.print(paragraph.lede), evidence.print(paragraph.rest)
        if (more := further(paragraph, evidence.news, evidence.weights)) and evidence.is_fresh(more.terms):
            overview += evidence.print([more])
        for shown_headline in pair:
            evidence.mark_printed(shown_headline.text)
        told = rows(evidence, paragraph, now=now)
        quotes = side_quotes(evidence)
        if kind is StoryKind.WITH_SIDES and not (pair or shows_difference(told)):
            kind = StoryKind.NO_SIDES  # both sides carry it, and nothing tells them apart
        story = StoryText(headline, kind, lede, overview, pair, told, quotes)
        return replace(story, questions=questions(evidence, shown_words(story)))


def overview(articles: Sequence[ArticleText]) -> str:
    """Only the paragraph: what ``evaluate neutral`` measures. Empty without usable text."""
    evidence = Evidence(articles)
    paragraph = best_paragraph(evidence.news, evidence.weights) if evidence.news else None
    if paragraph is None:
        return ""
    more = further(paragraph, evidence.news, evidence.weights)
    return " ".join(s.text for s in (*paragraph.said, *([more] if more else [])))


def shown_words(story: StoryText) -> str:
    """Return all that the Story prints, as one text."""
    return "\n".join((*(s.text for s in story.sentences()), *(q.speaker for q in story.quotes)))


def _kind(evidence: Evidence) -> StoryKind:
    """With sides, a blind spot, or without, by the outlets that carry the Story."""
    left, right = (len({a.outlet for a in evidence.kept if a.side is s}) for s in OTHER_SIDE)
    more, fewer = max(left, right), min(left, right)
    if more >= FEWEST and more >= ONE_SIDED * fewer:
        return StoryKind.BLIND_SPOT
    return StoryKind.WITH_SIDES if fewer else StoryKind.NO_SIDES


def _pair(evidence: Evidence, about: str, paragraph: Paragraph | None) -> tuple[PickedHeadline, ...]:
    """Return the headlines of the left and the right that differ most; none when no two differ.

    None that announces what the paragraph tells as done, or tells another state of it.
    """
    as_of = paragraph.article.published_at if paragraph else None
    chosen = contrast.pair(
        [
            contrast.Headline(a.id, a.outlet, a.side.value, a.headline, a.published_at, a.text)
            for a in evidence.news
            if a.side is not None
            and not (as_of and a.published_at < as_of and pending(a.headline))
            and not contradict(a.headline, about)
        ],
        about,
        as_of,
    )
    if chosen is None:
        return ()
    return tuple(
        PickedHeadline(side, c.headline.article_id, *c.printed())
        for side, picked in ((Side.LEFT, chosen.left), (Side.RIGHT, chosen.right))
        for c in picked
    )
