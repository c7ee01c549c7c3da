"""The neutral paragraph: the few sentences that together say most of what an expert would. Pure.

A set of sentences is worth what its words and neighbouring pairs of words cover, each once (concept coverage: Gillick and
Favre, 2009, "A scalable global model for summarization"; pairs weighed by supervision: Li, Qian and Liu, 2013), plus
properties of its sentences, less what lies off the wanted length. ``WEIGHTS`` are a ridge regression of the ROUGE of such
sets; ``measure_overview`` learns them anew. The best set is found by adding, taking out and changing one sentence at a
time until nothing helps any more, from several beginnings.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from newsletter.stories.terms import cosine
from newsletter.summaries.coherence import pointed_at
from newsletter.summaries.protocol import ArticleText
from newsletter.summaries.selection.rouge import tokens
from newsletter.summaries.selection.selection import REPEATED, echoes, readable, stands_by_itself
from newsletter.summaries.selection.statements import Statement, origin

# Experts write more of what the outlets wrote more of: about SHORT words of a few lines, LONG of whole paragraphs.
SHORT, LONG = 33.0, 70.0  # words
TURN, STEEPNESS = 150.0, 12.0  # words of all excerpts where one turns into the other, and how gently
LEAD_WORDS = 22.0  # of an average sentence
ALIKE = 0.5  # cosine from which a reader would feel told the same twice
FRESH = 0.5  # share of a sentence's words that nothing else in the paragraph nor what stands above it says
STARTS = 3  # sentences the search begins from, the best alone first
MOST_LOOKED_AT = 12  # sentences, the most central first
WEIGHTS: Mapping[str, float] = {
    "alone": -0.328,  # words of a single outlet
    "titled": 2.058,  # words of the headlines, by the share of headlines that have them
    "bare_pairs": 0.261,  # pairs of neighbouring words of a single outlet
    "agreed_pairs": 0.949,  # pairs of neighbouring words, by the share of the other outlets that use them
    "repeated": -0.183,  # words said before
    "central": 0.411,  # cosine to the Story's centroid, by words
    "echo": -0.404,  # mean cosine to the other outlets' sentences, by words
    "on_title": -0.106,  # cosine to its own article's headline, by words
    "about": 0.133,  # cosine to all headlines, by words
    "loaded": -0.079,  # words in sentences with a loaded word
    "quotes": -0.06,  # words in sentences that begin with a quotation
    "leads": 0.039,  # sentences that open their article, each as LEAD_WORDS words
    "lead": -0.023,  # words in such sentences
    "length": -0.14,  # how far over the wanted length, as a share of it (negative: under)
    "too_long": -0.226,  # the square of what is over
}
_FUNCTION_WORDS = (
    "the a an of to in and for on that with by at from as is was are were be been it its his her he she they their thi which "
    "who will would has have had not but or after said"
)
_FUNCTION = frozenset(_FUNCTION_WORDS.split())


@dataclass(frozen=True)
class _Covered:
    """What one sentence brings: its meaning words (each once), how many with repeats, its pairs, and its own properties."""

    words: frozenset[str]
    said: int
    pairs: frozenset[tuple[str, str]]
    own: Mapping[str, float]
    length: int


class Worth:
    """What sets of sentences of one Story are worth. ``said``: what stands before them and need not be covered again."""

    def __init__(
        self,
        pool: Sequence[Statement],
        articles: Sequence[ArticleText],
        said: Sequence[Statement] = (),
        *,
        weights: Mapping[str, float] = WEIGHTS,
    ) -> None:
        self.pool = pool
        self.wanted = wanted_words(articles)
        self._weights = weights
        word_users, pair_users, titles = _users(articles)
        self._outlets = len({origin(a) for a in articles})
        self._word_users, self._pair_users, self._titles = word_users, pair_users, titles
        echo = echoes(pool)
        self._covered = [_covered(s, e) for s, e in zip(pool, echo, strict=True)]
        self._before_words = frozenset(t for s in said for t in _meaning(s.text))
        self._before_pairs = frozenset(p for s in said for p in pairwise(tokens(s.text)))
        self._word_worth = {t: self._of_word(t) for c in self._covered for t in c.words}
        self._pair_worth = {p: self._of_pair(p) for c in self._covered for p in c.pairs}
        self._said = tuple(said)
        self._pointing = {i for i, s in enumerate(pool) if pointed_at(s.text)}
        self._own_worth = [sum(weights[name] * value for name, value in c.own.items()) for c in self._covered]

    def of(self, chosen: Iterable[int]) -> float:
        """The worth of the sentences at these places of the pool."""
        picked = [self._covered[i] for i in chosen]
        words, pairs = self._new(picked)
        covered = sum(self._word_worth[t] for t in words) + sum(self._pair_worth[p] for p in pairs)
        again = sum(c.said for c in picked) - len(words)
        own = sum(self._own_worth[i] for i in chosen)
        over = sum(c.length for c in picked) / self.wanted - 1
        return (
            (covered + own + self._weights["repeated"] * again) / self.wanted
            + self._weights["length"] * over
            + self._weights["too_long"] * max(over, 0.0) ** 2
        )

    def features(self, chosen: Sequence[int]) -> list[float]:
        """The same set as numbers in the order of ``WEIGHTS``: their weighted sum is its worth."""
        picked = [self._covered[i] for i in chosen]
        words, pairs = self._new(picked)
        over = sum(c.length for c in picked) / self.wanted - 1
        found: dict[str, float] = {
            "alone": sum(self._alone(t) for t in words),
            "titled": sum(self._titled(t) for t in words),
            "bare_pairs": sum(len(self._pair_users.get(p, ())) <= 1 for p in pairs),
            "agreed_pairs": sum(self._share(self._pair_users.get(p, ())) for p in pairs),
            "repeated": sum(c.said for c in picked) - len(words),
        }
        for c in picked:
            for name, value in c.own.items():
                found[name] = found.get(name, 0.0) + value
        return [
            over
            if name == "length"
            else max(over, 0.0) ** 2
            if name == "too_long"
            else found[name] / self.wanted
            for name in WEIGHTS
        ]

    def is_fresh(self, chosen: frozenset[int]) -> bool:
        """Each of the sentences says enough that neither the others nor what stands before them say."""
        if not self._before_words:
            return True
        for i in chosen:
            others = self._before_words.union(*(self._covered[j].words for j in chosen if j != i))
            own = self._covered[i].words
            if len(own - others) < FRESH * len(own):
                return False
        return True

    def reads(self, chosen: frozenset[int]) -> bool:
        """None of the sentences points back at what neither the others nor what stands before them tell."""
        if self._pointing.isdisjoint(chosen):
            return True
        return stands_by_itself([*self._said, *readable([self.pool[i] for i in chosen])])

    def length(self, chosen: Iterable[int]) -> int:
        """Words of the set."""
        return sum(self._covered[i].length for i in chosen)

    def _new(self, picked: Sequence[_Covered]) -> tuple[frozenset[str], frozenset[tuple[str, str]]]:
        words = frozenset().union(*(c.words for c in picked)) - self._before_words
        return words, frozenset().union(*(c.pairs for c in picked)) - self._before_pairs

    def _of_word(self, word: str) -> float:
        return self._weights["alone"] * self._alone(word) + self._weights["titled"] * self._titled(word)

    def _of_pair(self, pair: tuple[str, str]) -> float:
        users = self._pair_users.get(pair, set())
        bare = self._weights["bare_pairs"] * (len(users) <= 1)
        return bare + self._weights["agreed_pairs"] * self._share(users)

    def _alone(self, word: str) -> float:
        return float(len(self._word_users.get(word, ())) <= 1)

    def _titled(self, word: str) -> float:
        return len(self._titles.get(word, ())) / self._outlets

    def _share(self, users: Iterable[str]) -> float:
        return max(0, len(frozenset(users)) - 1) / max(1, self._outlets - 1)


def wanted_words(articles: Sequence[ArticleText]) -> float:
    """How long the paragraph should be, in words."""
    there = sum(len(a.excerpt.split()) for a in articles)
    return SHORT + (LONG - SHORT) / (1 + math.exp(min(50.0, (TURN - there) / STEEPNESS)))


def looked_at(pool: Sequence[Statement], said: Sequence[Statement] = ()) -> list[int]:
    """Places of the sentences that may stand in the paragraph. Headlines stand in only where the excerpts give nothing."""
    before = [dict.fromkeys(s.terms, 1.0) for s in said]
    able = [
        i
        for i, s in enumerate(pool)
        if s.fit and all(cosine(dict.fromkeys(s.terms, 1.0), b) < REPEATED for b in before)
    ]
    able = [i for i in able if not pool[i].is_headline] or able
    able = [i for i in able if not _said_plainer(pool[i], [pool[j] for j in able])]
    return sorted(sorted(able, key=lambda i: (-pool[i].central, pool[i].article.id, i))[:MOST_LOOKED_AT])


def _said_plainer(statement: Statement, others: Sequence[Statement]) -> bool:
    """Another sentence says the same with fewer loaded words."""
    return statement.loaded > 0 and any(
        o.loaded < statement.loaded and o.like(statement) >= ALIKE for o in others
    )


def overview_of(
    pool: Sequence[Statement], articles: Sequence[ArticleText], said: Sequence[Statement] = ()
) -> list[Statement]:
    """The sentences of the neutral paragraph, in reading order; none when no sentence is fit to be printed."""
    able = looked_at(pool, said)
    worth = Worth(pool, articles, said)
    able = [i for i in able if worth.is_fresh(frozenset([i]))] or able
    firsts = [i for i in able if worth.reads(frozenset([i]))] or able
    firsts = sorted(firsts, key=lambda i: (-worth.of([i]), i))[:STARTS]
    found = [_climbed(frozenset([i]), able, worth) for i in firsts]
    best = max(found, key=lambda c: (round(worth.of(c), 9), sorted(-i for i in c)), default=frozenset())
    return readable([pool[i] for i in best])


def _climbed(chosen: frozenset[int], able: Sequence[int], worth: Worth) -> frozenset[int]:
    """The set that no change of one sentence makes better, beginning from ``chosen``."""
    value = worth.of(chosen)
    while True:
        near = [(worth.of(c), c) for c in _neighbours(chosen, able, worth)]
        better = max(near, key=lambda v: (round(v[0], 9), sorted(-i for i in v[1])), default=(value, chosen))
        if better[0] <= value + 1e-9:
            return chosen
        value, chosen = better


def _neighbours(chosen: frozenset[int], able: Sequence[int], worth: Worth) -> Iterable[frozenset[int]]:
    """The sets that differ by one sentence more, less, or another; none that says the same twice."""
    pool = worth.pool
    bases = [chosen, *((chosen - {i}) for i in chosen)]
    for place, base in enumerate(bases):
        if place and base and worth.reads(base):
            yield base
        for i in able:
            if (
                i not in chosen
                and all(pool[i].like(pool[j]) < ALIKE for j in base)
                and worth.is_fresh(base | {i})
                and worth.reads(base | {i})
            ):
                yield base | {i}


def _users(
    articles: Sequence[ArticleText],
) -> tuple[dict[str, set[str]], dict[tuple[str, str], set[str]], dict[str, set[str]]]:
    """Which outlets (a wire copy once) use a word, a pair of words, a word in the headline."""
    words: dict[str, set[str]] = defaultdict(set)
    pairs: dict[tuple[str, str], set[str]] = defaultdict(set)
    titles: dict[str, set[str]] = defaultdict(set)
    for a in articles:
        who = origin(a)
        for word in tokens(a.headline):
            titles[word].add(who)
        whole = tokens(f"{a.headline} . {a.excerpt}")
        for word in whole:
            words[word].add(who)
        for pair in pairwise(whole):
            pairs[pair].add(who)
    return words, pairs, titles


def _covered(s: Statement, echo: float) -> _Covered:
    meaning = _meaning(s.text)
    return _Covered(
        words=frozenset(meaning),
        said=len(meaning),
        pairs=frozenset(pairwise(tokens(s.text))),
        own={
            "central": s.words * s.central,
            "echo": s.words * echo,
            "on_title": s.words * s.on_title,
            "about": s.words * s.about,
            "loaded": s.words * (s.loaded > 0),
            "quotes": s.words * s.text.startswith(("“", '"')),
            "leads": LEAD_WORDS * (s.position == 0),
            "lead": s.words * (s.position == 0),
        },
        length=s.words,
    )


def _meaning(text: str) -> list[str]:
    return [t for t in tokens(text) if t not in _FUNCTION]
