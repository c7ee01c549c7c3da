"""Which sentences tell a Story for one Side: those that together are most like what the Side's outlets write and least
like what the other Side's write, stress what its headlines stress and the other's do not, and say something that a reader
has not read above. Pure.

A set of sentences is judged as a whole, so two that say half each do better than two that say the same. The weights were
searched for a match with the Side's own headlines and as little told again as can be, at no loss of salience: what
``evaluate sides`` measures.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations

from newsletter.feeds.leans import Side
from newsletter.stories.terms import overlap, terms
from newsletter.summaries.coherence import pointed_at
from newsletter.summaries.selection.selection import (
    REPEATED,
    SAID_AGAIN,
    WORD_FOR_WORD,
    readable,
    stands_by_itself,
)
from newsletter.summaries.selection.statements import Statement

TYPICAL = 1.5  # being near the Side's own texts (cosine of all its words)
UNLIKE = 0.3  # being far from the other Side's texts
STRESSED = 3.0  # being near the Side's own headlines rather than the other's
NEARER, LEAST_NEARER = 1.5, 0.005  # being nearer to them at all: by this much of a cosine
LEADS = 0.2  # sentences that open their article: outlets put first what they find first
ON_MATTER = 1.0  # being near the headlines of all (cosine): new is worth little beside the matter
FULLER = 0.3  # FULL_WORDS of text
FULL_WORDS = 50
JUDGING = 0.3  # loaded words, each
SHORT = 4.0  # the share of FEWEST_WORDS that is lacking
# What a Side says should be new: shares of its sentences that stand in the Lede or the Overview already …
AGAIN, NEARLY_AGAIN = 0.8, 0.3  # … word for word, and in other words
NOTHING_NEW = 0.4  # all of them
PLENTY = 3  # new sentences from which a Side has others to tell …
MANY_NEW = 3.0  # … and how many times as much a sentence told again word for word weighs then
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
    most: int = MOST_SENTENCES,
) -> list[Statement]:
    """At most ``most`` sentences in reading order, of those with a score (by place in ``pool``) that do not repeat what is
    ``said``, a tirade only when there is nothing else. What is ``shown`` is repeated only where the Side has little else to
    say. The first can be read by itself, and none points back at what the others do not tell, if that can be had."""
    able = [i for i in scores if all(pool[i].like(s) < SAID_AGAIN for s in said)]
    able = [i for i in able if pool[i].loaded < TIRADE] or able
    able = _unlike([(i, pool[i]) for i in sorted(able, key=lambda i: (-scores[i], pool[i].article.id, i))])
    texts = _unit(t for s in pool if s.side is side for t in s.terms)
    others = _unit(t for s in pool if s.side in _OPPOSITE[side] for t in s.terms)
    headlines = {s.article.id: (s.side, terms(s.article.headline)) for s in pool}
    own = _unit(t for whose, words in headlines.values() if whose is side for t in words)
    other = _unit(t for whose, words in headlines.values() if whose in _OPPOSITE[side] for t in words)
    told_again = {i: max((pool[i].like(s) for s in shown), default=0.0) for i in able}
    plenty = MANY_NEW if sum(x < REPEATED for x in told_again.values()) >= PLENTY else 1.0
    pointing = {i for i in able if pointed_at(pool[i].text)}
    near = {(i, j) for i, j in combinations(sorted(able), 2) if _repeats(pool[i], pool[j])}
    best: tuple[tuple[bool, float], tuple[int, ...]] | None = None
    for size in range(1, most + 1):
        for chosen in combinations(sorted(able), size):
            words = sum(pool[i].words for i in chosen)
            if (size > 1 and words > MOST_WORDS) or any(p in near for p in combinations(chosen, 2)):
                continue
            told = _unit(t for i in chosen for t in pool[i].terms)
            stress = _dot(told, own) - _dot(told, other)
            worth = (
                TYPICAL * _dot(told, texts)
                - UNLIKE * _dot(told, others)
                + STRESSED * stress
                + NEARER * (stress >= LEAST_NEARER)
                + LEADS * sum(pool[i].position == 0 for i in chosen) / size
                + ON_MATTER * sum(pool[i].about for i in chosen) / size
                + FULLER * words / FULL_WORDS
                - JUDGING * sum(pool[i].loaded for i in chosen) / size
                - SHORT * max(0.0, 1 - words / FEWEST_WORDS)
                - _staleness([told_again[i] for i in chosen], plenty)
            )
            alone = pointing.isdisjoint(chosen) or stands_by_itself(readable([pool[i] for i in chosen]))
            rank = (alone, worth)
            if best is None or rank > best[0]:
                best = (rank, chosen)
    return readable([pool[i] for i in best[1]]) if best else []


def _staleness(told_again: Sequence[float], plenty: float) -> float:
    """How much of it a reader has read above, from how like each sentence is to what stands there."""
    again = sum(x >= WORD_FOR_WORD for x in told_again)
    nearly = sum(REPEATED <= x < WORD_FOR_WORD for x in told_again)
    size = len(told_again)
    return (
        plenty * AGAIN * again / size + NEARLY_AGAIN * nearly / size + NOTHING_NEW * (again + nearly == size)
    )


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
