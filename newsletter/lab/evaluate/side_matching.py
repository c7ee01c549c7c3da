"""What a Side's summary is held against: words of its own Side that the summarizer was or was not shown. Pure.

A summary that speaks for its Side is more like these than like the other Side's. Where the summarizer was shown them the
match is easy; what it was not shown tells how well it understood.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from newsletter.feeds.leans import Side
from newsletter.stories.terms import terms
from newsletter.summaries.protocol import ArticleText
from newsletter.summaries.segmentation import split

PAIR = (Side.LEFT, Side.RIGHT)
BEGINNING = 600  # letters of an article that a feed commonly brings; what follows is its rest
FEWEST_OF_REST = 40  # words
FEWEST_TERMS = 6  # that an expert must say of each Side

_FRAME = (
    r"(?:rated|leaning|lean|wing|outlets?|sources?|media|voices?|reports?|coverage|writers|commentators|side)"
)
_NAMED = {
    side: re.compile(
        rf"\b{side.value}(?:-|\s+|\s*,\s*|\s*/\s*|-?\s+and\s+)+(?:center\b[-\s]*)?{_FRAME}|\b(?:from|on|by|of)\s+the\s+{side.value}\b",
        re.IGNORECASE,
    )
    for side in PAIR
}
_CLAUSE = re.compile(
    r";|,?\s\bwhile\b|\bwhereas\b|,?\s\bbut\b|, and (?=(?:some |many |most )?(?:left|right))"
)
_FRAMING = re.compile(
    r"\b(?:(?:left|right|center)(?:[-\s]+and[-\s]+|-|\s)*|rated|leaning|outlets?|sources?|voices?|coverage|reports?|some|"
    r"many|more likely to|tended to|highlight(?:ed|ing)?|focus(?:ed|ing)?|fram(?:ed|ing)|updated?|across the spectrum)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Matching:
    """The articles the summarizer is shown, and what each Side's summary should be like."""

    shown: tuple[ArticleText, ...]
    wanted: Mapping[Side, str]


def beginnings(articles: Sequence[ArticleText]) -> list[ArticleText]:
    """The articles as a feed would bring them."""
    return [replace(a, excerpt=a.excerpt[:BEGINNING]) for a in articles]


def own_headlines(articles: Sequence[ArticleText]) -> Matching | None:
    """Each Side's own headlines, which the summarizer reads too. An article without a text is left out, here and below."""
    whole = [a for a in articles if a.excerpt]
    return _matching(whole, {s: " ".join(a.headline for a in whole if a.side is s) for s in PAIR})


def hidden_headlines(articles: Sequence[ArticleText]) -> Matching | None:
    """The same when the summarizer is not shown any headline."""
    seen = own_headlines(articles)
    return seen and _matching([replace(a, headline="") for a in seen.shown], seen.wanted)


def rests(articles: Sequence[ArticleText]) -> Matching | None:
    """The rest of long articles, of which the summarizer is shown the beginning; as many words of each Side."""
    rest = {s: " ".join(a.excerpt[BEGINNING:] for a in articles if a.side is s) for s in PAIR}
    if any(len(t.split()) < FEWEST_OF_REST for t in rest.values()):
        return None
    return _matching(beginnings(articles), evened(rest))


def other_halves(articles: Sequence[ArticleText], *, draw: int) -> Matching | None:
    """Half of each Side's articles is shown; the other half, by other outlets, is what is wanted; as many words of each."""
    dice = random.Random(draw)  # noqa: S311 # nosec B311 - which half is shown, nothing secret
    shown = [a for a in articles if a.side not in PAIR]
    wanted = {}
    for side in PAIR:
        mine = [a for a in articles if a.side is side]
        dice.shuffle(mine)
        mine.sort(key=lambda a: not a.excerpt)  # texts and bare headlines are halved each
        shown += mine[0::2]
        wanted[side] = " ".join(f"{a.headline}. {a.excerpt}" for a in mine[1::2])
    return _matching(shown, evened(wanted))


def expert_words(articles: Sequence[ArticleText], paragraphs: Sequence[str]) -> Matching | None:
    """What an expert wrote of each Side's coverage, without the words that only frame it ("Left-rated outlets focused on")."""
    said: dict[Side, list[str]] = {s: [] for s in PAIR}
    for clause in (c for p in paragraphs for s in split(p) for c in _CLAUSE.split(s)):
        named = [s for s in PAIR if _NAMED[s].search(clause)]
        if len(named) == 1:
            said[named[0]].append(_FRAMING.sub(" ", clause))
    wanted = {s: " ".join(said[s]) for s in PAIR}
    if any(len(terms(t)) < FEWEST_TERMS for t in wanted.values()):
        return None
    return _matching(articles, wanted)


def evened(wanted: Mapping[Side, str]) -> dict[Side, str]:
    """As many words of each Side as of the one with fewer: a longer text would be liker to everything."""
    least = min(len(t.split()) for t in wanted.values())
    return {s: " ".join(t.split()[:least]) for s, t in wanted.items()}


def _matching(shown: Sequence[ArticleText], wanted: Mapping[Side, str]) -> Matching | None:
    """None when a Side has nothing to show or to be held against."""
    told = {a.side for a in shown if a.headline or a.excerpt}
    if not all(s in told and terms(wanted[s]) for s in PAIR):
        return None
    return Matching(tuple(shown), dict(wanted))
