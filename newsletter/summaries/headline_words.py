"""The words of a Story's headlines, counted by Side. Pure."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

import snowballstemmer

from newsletter.stories.terms import STOPWORDS
from newsletter.stories.tfidf import fold
from newsletter.summaries.headlines import clean

_WORD = re.compile(r"[^\W_]+(?:['’.,][^\W_]+)*")
_STEMMER = snowballstemmer.stemmer("english")


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


@lru_cache(maxsize=20_000)
def stem_of(word: str) -> str:
    """The stem of a word in small letters, the same for both spellings of "recognise"."""
    return str(_STEMMER.stemWord(re.sub(r"is(?=(?:e|ed|es|ing|ation)$)", "iz", fold(word).replace(".", ""))))


def words_in(text: str) -> list[tuple[int, int, str]]:
    """Each word of the text: where it starts and ends (without a possessive ending), and itself in small letters."""
    found = []
    for match in _WORD.finditer(text):
        word = re.sub(r"['’]s?$", "", match.group())
        found.append((match.start(), match.start() + len(word), word.lower().replace("’", "'")))
    return found


def means_something(word: str) -> bool:
    return len(word) > 1 and word.replace(".", "").split("'")[0] not in STOPWORDS


@lru_cache(maxsize=4_096)
def stems_of(text: str) -> frozenset[str]:
    """The stems of the words that mean something."""
    return frozenset(stem_of(w) for _, _, w in words_in(text) if means_something(w))


def cosine(a: frozenset[str], b: frozenset[str]) -> float:
    return len(a & b) / math.sqrt(max(len(a), 1) * max(len(b), 1))


class HeadlineWords:
    """The words of a Story's headlines and texts, counted once for all its headlines."""

    def __init__(self, headlines: Sequence[Headline]) -> None:
        self.headlines = headlines
        self.roots = {h: stems_of(clean(h.text)) for h in headlines}
        self.bodies = {h: stems_of(h.body) for h in headlines}
        self.using = Counter(w for h in headlines for w in self.roots[h])
        self.size = Counter(h.side for h in headlines)
        self.of_side = {
            side: Counter(w for h in headlines if h.side == side for w in self.roots[h])
            for side in ("left", "center", "right")
        }
        self.plain = {h: frozenset(w for _, _, w in words_in(f"{h.text} {h.body}")) for h in headlines}
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
