"""How well a Side's summary speaks for its own Side, beside yardsticks and beside the whole of what was shown. Pure.

What is measured is the Summary that would be published: chosen beside Lede and Overview, and past the grounding gate.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from newsletter.feeds.leans import Side
from newsletter.lab.evaluate.side_matching import PAIR, Matching
from newsletter.lab.evaluate.side_yardsticks import YARDSTICKS, centroid
from newsletter.stories.terms import cosine, terms
from newsletter.summaries.protocol import ArticleText
from newsletter.summaries.segmentation import split
from newsletter.summaries.selection.extractive import side_texts
from newsletter.summaries.selection.rouge import rouge
from newsletter.summaries.selection.selection import SUMMARY_WORDS
from newsletter.summaries.selection.statements import statements

OTHER = {Side.LEFT: Side.RIGHT, Side.RIGHT: Side.LEFT}
OURS, WHOLE, ALONE = "ours", "whole", "alone"
LIKENESSES = ("cosine", "rare_cosine", "rouge1", "rouge2", "rougeL")
_NAMED = {side: re.compile(rf"\b{side.value}(?:-| |\b)", re.IGNORECASE) for side in PAIR}


class Rarity:
    """How much a term tells: the fewer Stories have it, the more (inverse document frequency)."""

    def __init__(self, stories: Iterable[str]) -> None:
        self._stories: Counter[str] = Counter()
        self._count = 0
        for text in stories:
            self._stories.update(set(terms(text)))
            self._count += 1

    def weighed(self, text: str) -> dict[str, float]:
        """The terms of a text, each by how often it stands there and how rare it is."""
        return {
            t: (1 + math.log(n)) * math.log((self._count + 1) / (self._stories[t] + 0.5))
            for t, n in Counter(terms(text)).items()
        }


@dataclass
class Tally:
    """Sums over many summaries of one way of choosing: how like its own Side's words, and how often more than the other's."""

    told: int = 0
    pairs: int = 0
    words: int = 0
    own: dict[str, float] = field(default_factory=lambda: dict.fromkeys(LIKENESSES, 0.0))
    together: dict[str, float] = field(default_factory=lambda: dict.fromkeys(LIKENESSES, 0.0))
    near: dict[str, float] = field(default_factory=lambda: dict.fromkeys(LIKENESSES, 0.0))

    def add(self, here: Mapping[str, float], there: Mapping[str, float], words: int) -> None:
        """One summary: its likenesses to its own Side's words and to the other's. A tie counts half."""
        self.told += 1
        self.words += words
        for kind in LIKENESSES:
            self.own[kind] += _won(here[kind], there[kind])
            self.near[kind] += here[kind]

    def add_pair(self, heres: Sequence[Mapping[str, float]], theres: Sequence[Mapping[str, float]]) -> None:
        """Both summaries of a Story: whether together they are liker to their own Sides' words than they would be exchanged.
        Unlike one summary's match it does not matter which Side's words are more, or liker to everything."""
        self.pairs += 1
        for kind in LIKENESSES:
            self.together[kind] += _won(sum(h[kind] for h in heres), sum(t[kind] for t in theres))

    def row(self) -> dict[str, object]:
        """Percent of summaries, and of pairs of them, that match their own Side, mean likeness, mean words."""
        told, pairs = max(1, self.told), max(1, self.pairs)
        return {
            "own": {k: round(100 * self.own[k] / told, 1) for k in LIKENESSES},
            "together": {k: round(100 * self.together[k] / pairs, 1) for k in LIKENESSES},
            "near": {k: round(self.near[k] / told, 3) for k in LIKENESSES},
            "words": round(self.words / told, 1),
        }


def _won(here: float, there: float) -> float:
    return 1.0 if here > there else 0.5 if here == there else 0.0


def compare(matchings: Sequence[Matching], rarity: Rarity) -> dict[str, object]:
    """Our summaries, each yardstick with as many words, all that was shown, and of that the words alone that the other Side
    does not use, held against what is wanted."""
    tallies = {name: Tally() for name in (OURS, *YARDSTICKS, WHOLE, ALONE)}
    for matching in matchings:
        pool = statements(matching.shown)
        texts = side_texts(matching.shown)
        heres: dict[str, list[dict[str, float]]] = defaultdict(list)
        theres: dict[str, list[dict[str, float]]] = defaultdict(list)
        for side in PAIR:
            if not texts[side]:
                continue
            words = len(texts[side].split())
            told = {OURS: texts[side], WHOLE: whole(matching.shown, side), ALONE: alone(matching.shown, side)}
            told |= {name: way(pool, side, words) for name, way in YARDSTICKS.items()}
            for name, text in told.items():
                here, there = (likenesses(text, matching.wanted[s], rarity) for s in (side, OTHER[side]))
                tallies[name].add(here, there, len(text.split()))
                heres[name].append(here)
                theres[name].append(there)
        for name, here_of_both in heres.items():
            if len(here_of_both) == len(PAIR):
                tallies[name].add_pair(here_of_both, theres[name])
    return {
        "compared": tallies[OURS].told,
        "pairs": tallies[OURS].pairs,
        **{name: t.row() for name, t in tallies.items()},
    }


def likenesses(text: str, wanted: str, rarity: Rarity) -> dict[str, float]:
    """The ways two texts are compared here, each 0…1."""
    score = rouge(wanted, text)
    return {
        "cosine": cosine(Counter(terms(text)), Counter(terms(wanted))),
        "rare_cosine": cosine(rarity.weighed(text), rarity.weighed(wanted)),
        "rouge1": score.one,
        "rouge2": score.two,
        "rougeL": score.longest,
    }


def whole(articles: Sequence[ArticleText], side: Side) -> str:
    """All that a Side's articles say."""
    return " ".join(f"{a.headline} {a.excerpt}".strip() for a in articles if a.side is side)


def alone(articles: Sequence[ArticleText], side: Side) -> str:
    """The terms that a Side's articles use and the other's do not: the most that words alone can tell the Sides apart by."""
    other = set(terms(whole(articles, OTHER[side])))
    return " ".join(t for t in terms(whole(articles, side)) if t not in other)


@dataclass(frozen=True)
class Expert:
    """What an expert wrote of each Side's coverage; empty where nothing is said of one Side alone."""

    of_side: Mapping[Side, str]

    @classmethod
    def of(cls, paragraphs: Sequence[str]) -> Expert:
        """The clauses that speak of one Side and not of the other."""
        found: dict[Side, list[str]] = {s: [] for s in PAIR}
        for clause in (
            c for p in paragraphs for s in split(p) for c in re.split(r";|\bwhile\b|\bwhereas\b", s)
        ):
            named = [s for s in PAIR if _NAMED[s].search(clause)]
            if len(named) == 1:
                found[named[0]].append(clause)
        return cls({s: " ".join(found[s]) for s in PAIR})


@dataclass(frozen=True)
class SidesMeasure:
    """One Story: the summaries, how many of those compared are nearer to their own Side (a tie counts half)."""

    texts: Mapping[Side, str]
    own: float
    compared: int
    own_expert: float
    whole_expert: float  # the same for the whole of the Side's articles: what no choice among their sentences can be blamed for
    compared_expert: int
    salience: tuple[float, ...]
    salience_centroid: tuple[float, ...]
    salience_centroid_as_long: tuple[float, ...]

    @staticmethod
    def sum_up(found: Sequence[SidesMeasure]) -> dict[str, float]:
        """Percentages and means over all Stories."""
        compared = sum(m.compared for m in found)
        expert = sum(m.compared_expert for m in found)
        ours = [x for m in found for x in m.salience]
        plain = [x for m in found for x in m.salience_centroid]
        as_long = [x for m in found for x in m.salience_centroid_as_long]
        return {
            "own_side": round(100 * sum(m.own for m in found) / max(1, compared), 1),
            "compared": compared,
            "own_side_expert": round(100 * sum(m.own_expert for m in found) / max(1, expert), 1),
            "own_side_expert_whole": round(100 * sum(m.whole_expert for m in found) / max(1, expert), 1),
            "compared_expert": expert,
            "salience": round(sum(ours) / max(1, len(ours)), 3),
            "salience_centroid": round(sum(plain) / max(1, len(plain)), 3),
            "salience_centroid_as_long": round(sum(as_long) / max(1, len(as_long)), 3),
        }


def measure(articles: Sequence[ArticleText], expert: Expert) -> SidesMeasure:
    """Both Sides' summaries of one Story, compared."""
    texts = {s: t for s, t in side_texts(articles).items() if s in PAIR}
    headlines = {s: " ".join(a.headline for a in articles if a.side is s) for s in PAIR}
    own, compared = _nearer(texts, headlines)
    own_expert, compared_expert = _nearer(texts, expert.of_side)
    wholes = {s: whole(articles, s) for s in PAIR}
    whole_expert, _ = _nearer({s: wholes[s] if texts[s] else "" for s in PAIR}, expert.of_side)
    pool = statements(articles)
    told = [s for s in PAIR if texts[s]]
    return SidesMeasure(
        texts,
        own,
        compared,
        own_expert,
        whole_expert,
        compared_expert,
        tuple(_near_article(texts[s], articles, s) for s in told),
        tuple(_near_article(centroid(pool, s, SUMMARY_WORDS), articles, s) for s in told),
        tuple(_near_article(centroid(pool, s, len(texts[s].split())), articles, s) for s in told),
    )


def _nearer(texts: Mapping[Side, str], wanted: Mapping[Side, str]) -> tuple[float, int]:
    """How many texts are nearer to their own Side's words than to the other's. Words both Sides' share decide nothing."""
    vectors = {s: Counter(terms(wanted[s])) for s in PAIR}
    if not all(vectors.values()):
        return 0.0, 0
    own = 0.0
    told = [s for s in PAIR if texts[s]]
    for side in told:
        said = Counter(terms(texts[side]))
        here, there = cosine(said, vectors[side]), cosine(said, vectors[OTHER[side]])
        own += _won(here, there)
    return own, len(told)


def _near_article(text: str, articles: Sequence[ArticleText], side: Side) -> float:
    return cosine(Counter(terms(text)), Counter(terms(whole(articles, side))))
