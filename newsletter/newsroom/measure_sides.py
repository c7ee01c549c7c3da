"""How well a Side's summary speaks for its own Side, measured against headlines and an expert's words. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from newsletter.newsroom.leans import Side
from newsletter.newsroom.salience import cosine, terms
from newsletter.newsroom.selection import SUMMARY_WORDS, choose
from newsletter.newsroom.sentences import split
from newsletter.newsroom.statements import Statement, statements
from newsletter.newsroom.summarizers.extractive import side_text
from newsletter.newsroom.summarizers.protocol import ArticleText

PAIR = (Side.LEFT, Side.RIGHT)
_OTHER = {Side.LEFT: Side.RIGHT, Side.RIGHT: Side.LEFT}
_NAMED = {side: re.compile(rf"\b{side.value}(?:-| |\b)", re.IGNORECASE) for side in PAIR}


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

    @staticmethod
    def sum_up(found: Sequence[SidesMeasure]) -> dict[str, float]:
        """Percentages and means over all Stories."""
        compared = sum(m.compared for m in found)
        expert = sum(m.compared_expert for m in found)
        ours = [x for m in found for x in m.salience]
        plain = [x for m in found for x in m.salience_centroid]
        return {
            "own_side": round(100 * sum(m.own for m in found) / max(1, compared), 1),
            "compared": compared,
            "own_side_expert": round(100 * sum(m.own_expert for m in found) / max(1, expert), 1),
            "own_side_expert_whole": round(100 * sum(m.whole_expert for m in found) / max(1, expert), 1),
            "compared_expert": expert,
            "salience": round(sum(ours) / max(1, len(ours)), 3),
            "salience_centroid": round(sum(plain) / max(1, len(plain)), 3),
        }


def measure(articles: Sequence[ArticleText], expert: Expert) -> SidesMeasure:
    """Both Sides' summaries of one Story, compared."""
    texts = {s: side_text(articles, s) for s in PAIR}
    headlines = {s: " ".join(a.headline for a in articles if a.side is s) for s in PAIR}
    own, compared = _nearer(texts, headlines)
    own_expert, compared_expert = _nearer(texts, expert.of_side)
    wholes = {s: " ".join(f"{a.headline} {a.excerpt}" for a in articles if a.side is s) for s in PAIR}
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
        tuple(_near_article(_by_centroid(pool, s), articles, s) for s in told),
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
        here, there = cosine(said, vectors[side]), cosine(said, vectors[_OTHER[side]])
        own += 1.0 if here > there else 0.5 if here == there else 0.0
    return own, len(told)


def _near_article(text: str, articles: Sequence[ArticleText], side: Side) -> float:
    whole = Counter(t for a in articles if a.side is side for t in terms(a.headline) + terms(a.excerpt))
    return cosine(Counter(terms(text)), whole)


def _by_centroid(pool: Sequence[Statement], side: Side) -> str:
    scores = {i: s.salience for i, s in enumerate(pool) if s.side is side and s.fit and not s.is_headline}
    scores = scores or {i: s.salience for i, s in enumerate(pool) if s.side is side}
    return " ".join(s.text for s in choose(pool, scores, words=SUMMARY_WORDS, limit=3))
