"""Which sentences tell a Story for one Side: those that together are most like what the Side's outlets write and least
like what the other Side's write, and stress what its headlines stress and the other's do not. Pure.

A set of sentences is judged as a whole, so two that say half each do better than two that say the same. The weights were
searched for a match with the Side's own headlines at no loss of salience: what ``evaluate sides`` measures.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations

from newsletter.newsroom.leans import Side
from newsletter.newsroom.salience import overlap, terms
from newsletter.newsroom.selection import REPEATED, SAID_AGAIN, readable
from newsletter.newsroom.statements import Statement

# Weights beside 1 for being near the Side's own texts (cosine of all its words).
UNLIKE = 0.3  # being far from the other Side's texts
STRESSED = 3.0  # being near the Side's own headlines rather than the other's
LEADS = 0.2  # sentences that open their article: outlets put first what they find first
FULLER = 0.1  # FULL_WORDS of text
FULL_WORDS = 50
AGAIN = 0.05  # sentences that stand in the Lede or the Overview already
FEWEST_WORDS, MOST_WORDS = 28, 80
MOST_SENTENCES = 3
# Of the terms of the shorter of two Articles' sentences: together they tell hardly more than one.
MOSTLY_SAID = 0.5
TIRADE = 3  # loaded words outside quotation marks from which a sentence judges rather than tells: left out while there are others
MOST_LOOKED_AT = 10  # sentences, the best by themselves first
# The center is told by what it tells most: what it alone writes is often beside the matter.
_OPPOSITE: Mapping[Side, tuple[Side, ...]] = {
    Side.LEFT: (Side.RIGHT,),
    Side.RIGHT: (Side.LEFT,),
    Side.CENTER: (),
}


def told_by(
    side: Side,
    pool: Sequence[Statement],
    scores: Mapping[int, float],
    *,
    shown: Sequence[Statement] = (),
    said: Sequence[Statement] = (),
) -> list[Statement]:
    """At most three sentences in reading order, of those with a score (by place in ``pool``) that do not repeat what is
    ``said``, a tirade only when there is nothing else. What is ``shown`` is repeated only where the Side has little else to say. With fewer than FEWEST_WORDS to
    tell, all that can be told."""
    able = [i for i in scores if all(pool[i].like(s) < SAID_AGAIN for s in said)]
    able = [i for i in able if pool[i].loaded < TIRADE] or able
    able = _unlike([(i, pool[i]) for i in sorted(able, key=lambda i: (-scores[i], pool[i].article.id, i))])
    texts = _unit(t for s in pool if s.side is side for t in s.terms)
    others = _unit(t for s in pool if s.side in _OPPOSITE[side] for t in s.terms)
    headlines = {s.article.id: (s.side, terms(s.article.headline)) for s in pool}
    own = _unit(t for whose, words in headlines.values() if whose is side for t in words)
    other = _unit(t for whose, words in headlines.values() if whose in _OPPOSITE[side] for t in words)
    again = {i for i in able if any(pool[i].like(s) >= REPEATED for s in shown)}
    near = {(i, j) for i, j in combinations(sorted(able), 2) if _repeats(pool[i], pool[j])}
    best: tuple[tuple[bool, float], tuple[int, ...]] | None = None
    for size in range(1, MOST_SENTENCES + 1):
        for chosen in combinations(sorted(able), size):
            words = sum(pool[i].words for i in chosen)
            if (size > 1 and words > MOST_WORDS) or any(p in near for p in combinations(chosen, 2)):
                continue
            told = _unit(t for i in chosen for t in pool[i].terms)
            worth = (
                _dot(told, texts)
                - UNLIKE * _dot(told, others)
                + STRESSED * (_dot(told, own) - _dot(told, other))
                + LEADS * sum(pool[i].position == 0 for i in chosen) / size
                + FULLER * words / FULL_WORDS
                - AGAIN * sum(i in again for i in chosen) / size
            )
            rank = (words >= FEWEST_WORDS, worth if words >= FEWEST_WORDS else float(words))
            if best is None or rank > best[0]:
                best = (rank, chosen)
    return readable([pool[i] for i in best[1]]) if best else []


def _unlike(ranked: Sequence[tuple[int, Statement]]) -> list[int]:
    """The first MOST_LOOKED_AT places, without those that only repeat an earlier one: many outlets begin alike."""
    taken: list[tuple[int, Statement]] = []
    for place, statement in ranked:
        if all(statement.like(t) < REPEATED for _, t in taken):
            taken.append((place, statement))
            if len(taken) == MOST_LOOKED_AT:
                break
    return [place for place, _ in taken]


def _repeats(one: Statement, other: Statement) -> bool:
    """Two Articles tell the same in their own words sooner than one tells it twice."""
    if one.article.id != other.article.id and overlap(one.terms, other.terms) >= MOSTLY_SAID:
        return True
    return one.like(other) >= REPEATED


def _unit(terms: Iterable[str]) -> dict[str, float]:
    counts = Counter(terms)
    length = math.sqrt(sum(n * n for n in counts.values())) or 1.0
    return {t: n / length for t, n in counts.items()}


def _dot(few: Mapping[str, float], many: Mapping[str, float]) -> float:
    return sum(w * many[t] for t, w in few.items() if t in many)
