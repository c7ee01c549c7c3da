"""The words of a Story's headlines, counted by Side. Pure."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from newsletter.stories.words import placed_words, terms
from newsletter.summaries.headlines import clean


@dataclass(frozen=True)
class Headline:
    """One Article's headline as published, with what it rests on.

    ``side`` is "left", "center" or "right". ``body`` is the feed's excerpt or the page's text, empty where there is none.
    """

    article_id: int
    outlet: str
    side: str
    text: str
    published_at: datetime | None = None
    body: str = ""


def cosine(a: frozenset[str], b: frozenset[str]) -> float:
    return len(a & b) / math.sqrt(max(len(a), 1) * max(len(b), 1))


class HeadlineWords:
    """The words of a Story's headlines and texts, counted once for all its headlines."""

    def __init__(self, headlines: Sequence[Headline]) -> None:
        self.headlines = headlines
        self.roots = {h: frozenset(terms(clean(h.text))) for h in headlines}
        self.bodies = {h: frozenset(terms(h.body)) for h in headlines}
        self.using = Counter(w for h in headlines for w in self.roots[h])
        self.size = Counter(h.side for h in headlines)
        self.of_side = {
            side: Counter(w for h in headlines if h.side == side for w in self.roots[h])
            for side in ("left", "center", "right")
        }
        self.plain = {h: frozenset(w for _, _, w in placed_words(f"{h.text} {h.body}")) for h in headlines}
        self.plain_using = Counter(w for words in self.plain.values() for w in words)

    def others_words(self, headline: Headline) -> frozenset[str]:
        own = self.plain[headline]
        return frozenset(w for w, n in self.plain_using.items() if n > (w in own))

    def own(self, headline: Headline) -> frozenset[str]:
        """The stems of the headline that no headline of the other Side has, and fewer of the center's than of its Side's."""
        us, them = self.of_side[headline.side], self.of_side[other_side(headline.side)]
        center, ours, theirs = self.of_side["center"], self.size[headline.side], self.size["center"]
        return frozenset(
            w
            for w in self.roots[headline]
            if not them[w] and (not center[w] or us[w] * theirs > center[w] * ours)
        )


def other_side(side: str) -> str:
    return "right" if side == "left" else "left"
