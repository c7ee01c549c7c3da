"""The Story's headline: a center or wire headline of the newest development, in no side's wording. Pure."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta

from newsletter.feeds.leans import Side
from newsletter.stories.words import terms
from newsletter.summaries.extractive.paragraph import Paragraph, neutral, told_as_of
from newsletter.summaries.extractive.similarity import Weights
from newsletter.summaries.extractive.states import contradict, open_ended, other_day
from newsletter.summaries.protocol import ArticleText

SHORTEST, LONGEST = 4, 18  # words
# What speaks for a headline: being the paragraph's own, or a center outlet's. What speaks against it: that it leaves
# things open, and each word of one side.
OWN, NEUTRAL, OPEN, SIDED = 0.6, 0.3, 0.3, 0.4
SAID_FROM = 0.4  # how far the paragraph says what the headline does
STALE = timedelta(hours=8)  # what tells of a day before the paragraph's by more is an earlier development
_ODD = re.compile(
    r"\?|!$|…|\.\.\.|^[\"“‘']|[|•]|^\W*(?:[Ww]atch|[Ll]ive|[Vv]ideo|[Oo]pinion|[Aa]nalysis|[Ee]xclusive|[Uu]pdated?|[Bb]reaking|"
    r"[Ee]xplain\w+|[Ff]act[ -][Cc]heck|[Hh]ow|[Ww]hy|[Ww]hat)\b|\b(?:I|[Ww]e|[Yy]ou|[Yy]our|[Oo]ur)\b|^[A-Z][\w’' ]{2,30}: "
)
_CUT = re.compile(
    r"\b(?:an?|the|of|to|for|with|from|and|or|but|if|is|are|was|were|be|that|as|its|his|her|their)\W*$",
    re.IGNORECASE,
)
_SHOUTED = re.compile(r"\b[A-Z]{5,}\b")


def neutral_headline(
    articles: Sequence[ArticleText], paragraph: Paragraph | None, weights: Weights
) -> str | None:
    """Return the headline that tells the paragraph's state of things; None when every headline is odd or denies it."""
    text = " ".join(s.text for s in paragraph.said) if paragraph else ""
    lede = paragraph.said[0].text if paragraph else ""
    sided = _sided_words(articles)

    def worth(a: ArticleText) -> float:
        words = terms(a.headline)
        return (
            weights.central(words)
            + (2 * weights.contained(words, paragraph.terms) if paragraph else 0.0)
            + OWN * (paragraph is not None and a.id == paragraph.article.id)
            + NEUTRAL * (a.side is Side.CENTER)
            - OPEN * open_ended(a.headline)
            - SIDED * len(sided & set(words))
            - 0.15 * (" - " in a.headline or ":" in a.headline or ";" in a.headline)
        )

    fit = [
        a
        for a in articles
        if SHORTEST <= len(a.headline.split()) <= LONGEST
        and not _ODD.search(a.headline)
        and not _CUT.search(a.headline)
        and not _SHOUTED.search(re.sub(r"[A-Z]{2,4}\b", "", a.headline))
        and a.outlet.lower() not in a.headline.lower()
    ]
    if paragraph:
        as_of = told_as_of(articles)
        since = as_of[paragraph.article.id] - STALE
        same = [a for a in fit if not contradict(a.headline, text) and not other_day(a.headline, lede)]
        same = [a for a in same if as_of[a.id] >= since] or same
        fit = (
            [
                a
                for a in same
                if neutral(a) and weights.contained(terms(a.headline), paragraph.terms) >= SAID_FROM
            ]
            or [a for a in same if weights.contained(terms(a.headline), paragraph.terms) >= SAID_FROM]
            or [a for a in same if a.id == paragraph.article.id]
            or [a for a in same if weights.contained(terms(a.headline), paragraph.terms) >= SAID_FROM / 2]
        )
    best = max(fit, key=worth, default=None)
    return best.headline.rstrip(" .") if best else None


def _sided_words(articles: Sequence[ArticleText]) -> set[str]:
    """Return words of the headlines of two Outlets of one side and of nobody else."""
    users: dict[str, set[tuple[Side | None, str]]] = defaultdict(set)
    for a in articles:
        for t in terms(a.headline):
            users[t].add((a.side, a.origin))
    return {
        t
        for t, who in users.items()
        if len(who) >= 2
        and len({side for side, _ in who}) == 1
        and {side for side, _ in who} <= {Side.LEFT, Side.RIGHT}
    }
