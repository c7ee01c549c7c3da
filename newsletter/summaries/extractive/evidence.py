"""What the Articles of one Story say, looked up by side, and what has been printed of it already. Pure."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import cached_property
from itertools import pairwise
from statistics import median

from newsletter.feeds.kinds import ArticleKind
from newsletter.feeds.leans import Side
from newsletter.stories.words import in_english, terms
from newsletter.summaries.extractive.paragraph import told_as_of
from newsletter.summaries.extractive.reading import READ, Said, sentences
from newsletter.summaries.extractive.similarity import Weights
from newsletter.summaries.protocol import ArticleText
from newsletter.summaries.story_text import Citation, Sentence

REPEATED = 0.5  # how far a text may say what was printed before
SAID_ALREADY = 0.75  # how far everything printed together may say it
ECHOED = 0.7  # how far one sentence repeats another to tell the same
COPIED = 0.85  # share of the words from which a sentence is taken over
SAME_STATEMENT_FROM = 0.6  # from here on two sentences state the same
BESIDE = 0.55  # of the usual nearness to the Story, below which an Article is about another matter
ENOUGH = 4  # newsrooms from which the usual nearness is known
OTHER_SIDE = {Side.LEFT: Side.RIGHT, Side.RIGHT: Side.LEFT}


class Evidence:
    """The usable Articles of one Story, oldest first, and their sentences.

    ``kept`` are all of them; ``news`` and ``voices`` hold one of each wire text, and none about another matter. ``news`` supplies facts; ``voices`` are news, opinion and analysis, which may be quoted for its side.
    """

    def __init__(self, articles: Sequence[ArticleText]) -> None:
        usable = (ArticleKind.NEWS, ArticleKind.OPINION, ArticleKind.ANALYSIS)
        kept = [a for a in articles if a.kind in usable and in_english(f"{a.headline} {a.text}")]
        self.kept = kept
        self.voices = _firsts(sorted(kept, key=lambda a: (a.published_at, a.id)))
        self.news = [a for a in self.voices if a.kind is ArticleKind.NEWS]
        beside = _beside(self.voices)
        self.voices = [a for a in self.voices if a.id not in beside]
        self.news = [a for a in self.news if a.id not in beside]
        self.weights = Weights(self.news or self.voices)
        self._printed: list[frozenset[str]] = []

    @cached_property
    def as_of(self) -> dict[int, datetime]:
        """The time of what each news Article tells, by id."""
        return told_as_of(self.news)

    @cached_property
    def said(self) -> dict[int, tuple[Said, ...]]:
        """The printable sentences by Article id."""
        return {a.id: sentences(a) for a in self.voices}

    def of_side(self, side: Side | None, *, opinion: bool = False) -> list[Said]:
        """Return the sentences of one side's news, with its opinion pieces if wanted."""
        pool = self.voices if opinion else self.news
        return [s for a in pool if a.side is side for s in self.said[a.id]]

    def origins(self, side: Side) -> set[str]:
        """The newsrooms of a side that have any printable sentence."""
        return {a.origin for a in self.news if a.side is side and self.said[a.id]}

    def stated_by(self, said: Said, side: Side, *, least: float = SAME_STATEMENT_FROM) -> list[Said]:
        """Return the best matching sentence of each newsroom of the side that states the same in words of its own."""
        own = said.terms
        best: dict[str, tuple[float, Said]] = {}
        for s in self.of_side(side):
            if s.article.origin == said.article.origin or copied(s, said):
                continue
            like = self.weights.contained(own, s.terms)
            if like >= least and like > best.get(s.article.origin, (0.0, s))[0]:
                best[s.article.origin] = (like, s)
        return [s for _, s in best.values()]

    def tellers(self, words: Iterable[str], side: Side, *, least: float) -> int:
        """Return how many newsrooms of the side say these words: two sentences in a row, or a headline, contain ``least`` of them,
        or one sentence repeats them."""
        own = frozenset(words)
        found: set[str] = set()
        for a in self.voices:
            if a.side is side and a.origin not in found:
                said = [frozenset(terms(a.headline)), *(s.terms for s in self.said[a.id])]
                if any(
                    self.weights.contained(own, one | two) >= least
                    for one, two in pairwise([*said, frozenset()])
                ) or any(self.weights.repeats(own, s) >= ECHOED for s in said):
                    found.add(a.origin)
        return len(found)

    def side_log_odds(self, words: Iterable[str], side: Side) -> float:
        """Return how much more often the side's newsrooms use these words than the other side's: the sum of smoothed log-odds,
        divided by the square root of the number of words."""
        own = frozenset(words)
        users, others = self._users[side], self._users[OTHER_SIDE[side]]
        number, there = len(self.origins(side)), len(self.origins(OTHER_SIDE[side]))
        least = 2 if number > 2 else 1  # a word of one newsroom among many is not what the side says
        odds = math.fsum(
            math.log((users[t] + 1) / (number + 2)) - math.log((others[t] + 1) / (there + 2))
            for t in own
            if users[t] >= least or others[t] >= least
        )
        return odds / math.sqrt(len(own)) if own else 0.0

    @cached_property
    def _users(self) -> dict[Side, Counter[str]]:
        """How many newsrooms of the left and the right use each word."""
        by_origin: dict[tuple[Side, str], set[str]] = {}
        for a in self.news:
            if a.side in OTHER_SIDE:
                by_origin.setdefault((a.side, a.origin), set()).update(terms(f"{a.headline} {a.text[:READ]}"))
        users = {side: Counter[str]() for side in OTHER_SIDE}
        for (side, _), used in by_origin.items():
            users[side].update(used)
        return users

    def is_fresh(self, words: Iterable[str]) -> bool:
        """Nothing that was printed says the same, nor all of it together most of it."""
        own = frozenset(words)
        return (
            all(self.weights.alike(own, p) < REPEATED for p in self._printed)
            and self.told(own) < SAID_ALREADY
        )

    def told(self, words: Iterable[str]) -> float:
        """Return how far everything printed so far says these words, 0…1."""
        return self.weights.repeats(words, frozenset[str]().union(*self._printed))

    def print(self, said: Sequence[Said], *, beside: Sequence[Said] = ()) -> tuple[Sentence, ...]:
        """Return the sentences in published form; what is printed once is not fresh any more. ``beside`` are cited as well."""
        found = []
        for s in said:
            self._printed.append(s.terms)
            cites = [
                Citation(x.article.id, x.passage)
                for x in (s, *beside)
                if x is s or x.article.id != s.article.id
            ]
            found.append(Sentence(s.text, tuple(dict.fromkeys(cites))))
        return tuple(found)

    def mark_printed(self, text: str) -> None:
        """Remember other words that stand in the Story: its headlines and quotations."""
        self._printed.append(frozenset(terms(text)))


def copied(one: Said, other: Said) -> bool:
    """The sentences are one text, printed twice."""
    a, b = set(one.text.lower().split()), set(other.text.lower().split())
    return len(a & b) >= COPIED * min(len(a), len(b))


def _beside(articles: Sequence[ArticleText]) -> set[int]:
    """Return the Articles about another matter, which share with the others no more than a frame ("a committee reported on Monday").

    They count for their Outlets, and nothing is quoted from them.
    """
    told = [a for a in articles if a.text]
    if len({a.origin for a in told}) < ENOUGH:
        return set()
    weights = Weights(told)
    near = {a.id: weights.central(terms(f"{a.headline} {a.text[:READ]}")) for a in told}
    return {number for number, much in near.items() if much < BESIDE * median(near.values())}


def _firsts(articles: Sequence[ArticleText]) -> list[ArticleText]:
    """One Article of each wire text: the first of a center Outlet, else the first."""
    kept: dict[str, ArticleText] = {}
    for a in articles:
        key = a.wire_key or f"#{a.id}"
        if key not in kept or (kept[key].side is not Side.CENTER and a.side is Side.CENTER):
            kept[key] = a
    return [a for a in articles if kept[a.wire_key or f"#{a.id}"] is a]
