"""Choosing sentences: central, not said twice, within a number of words, in a readable order. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from newsletter.newsroom.leans import Side
from newsletter.newsroom.salience import cosine, log_odds
from newsletter.newsroom.statements import Statement

OVERVIEW_WORDS = 67  # the experts' overviews are this long on average
SUMMARY_WORDS = 50
REPEATED = 0.6  # cosine from which a sentence repeats one already chosen


def choose(
    pool: Sequence[Statement],
    scores: Mapping[int, float],
    *,
    words: int,
    said: Sequence[Statement] = (),
    limit: int = 6,
    diversity: float = 0.5,
) -> list[Statement]:
    """Maximal marginal relevance: the best by ``scores`` (by index in ``pool``) until about ``words`` are filled; what
    repeats a chosen sentence or one already ``said`` is passed over. In reading order."""
    vectors = [Counter(s.terms) for s in pool]
    before = [Counter(s.terms) for s in said]
    chosen: list[int] = []
    filled = 0
    while len(chosen) < limit:
        best: tuple[float, int] | None = None
        for index, statement in enumerate(pool):
            if index in chosen or index not in scores or (chosen and filled + statement.words > words + 14):
                continue
            near = max(
                (cosine(vectors[index], v) for v in [*before, *(vectors[c] for c in chosen)]), default=0.0
            )
            if near >= REPEATED:
                continue
            value = scores[index] - diversity * near
            if best is None or value > best[0] + 1e-9:
                best = (value, index)
        if best is None:
            break
        chosen.append(best[1])
        filled += pool[best[1]].words
        if filled >= words - 10:
            break
    return readable([pool[i] for i in chosen])


def readable(chosen: Sequence[Statement]) -> list[Statement]:
    """Leads first, then what their Articles said later; among equals the more central."""
    return sorted(chosen, key=lambda s: (max(s.position, 0) > 0, s.position, -s.salience, s.article.id))


def neutral_scores(pool: Sequence[Statement]) -> dict[int, float]:
    """How well each sentence tells the whole Story: central and plain."""
    scores = {}
    for index, s in enumerate(pool):
        if s.fit:
            scores[index] = (
                s.salience
                - 0.1 * s.loaded
                - (0.5 if s.is_headline else 0.0)
                - (0.15 if s.words > 40 else 0.0)
            )
    return scores


def side_scores(pool: Sequence[Statement], side: Side, everything: Sequence[Statement]) -> dict[int, float]:
    """Central to the Side's telling, plus .2 of the log-odds that its words are the Side's rather than the others'."""
    own: Counter[str] = Counter(t for s in everything if s.side is side for t in s.terms)
    other: Counter[str] = Counter(t for s in everything if s.side is not side for t in s.terms)
    odds = log_odds(own, other, own + other)
    scores = {}
    for index, s in enumerate(pool):
        if s.side is side and s.fit:
            lean = sum(odds.get(t, 0.0) for t in set(s.terms)) / max(1, len(set(s.terms)))
            scores[index] = s.salience + 0.2 * lean - (0.5 if s.is_headline else 0.0)
    return scores
