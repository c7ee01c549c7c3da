"""Known ways to choose a Side's sentences, each within a number of words: what our own way is measured beside. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from newsletter.feeds.leans import Side
from newsletter.stories.terms import cosine, log_odds
from newsletter.summaries.selection.selection import choose
from newsletter.summaries.selection.statements import Statement

LOG_ODDS = 0.2  # weight of the log-odds beside the centroid (DESIGN §3)
DAMPING, ROUNDS = 0.85, 60  # of LexRank's walk
MOST_SENTENCES = 3
_OPPOSITE = {Side.LEFT: Side.RIGHT, Side.RIGHT: Side.LEFT}

Yardstick = Callable[[Sequence[Statement], Side, int], str]


def centroid(pool: Sequence[Statement], side: Side, words: int) -> str:
    """The sentences most central to the Story (Radev et al., 2004)."""
    return _told(pool, side, words, {i: s.salience for i, s in enumerate(pool)})


def centroid_and_log_odds(pool: Sequence[Statement], side: Side, words: int) -> str:
    """The centroid plus a share of how much more the Side uses the words than the other (Monroe et al., 2008)."""
    own = Counter(t for s in pool if s.side is side for t in s.terms)
    other = Counter(t for s in pool if s.side is _OPPOSITE[side] for t in s.terms)
    odds = log_odds(own, other, own + other)
    scores = {
        i: s.salience + LOG_ODDS * sum(odds.get(t, 0.0) for t in set(s.terms)) / max(1, len(set(s.terms)))
        for i, s in enumerate(pool)
    }
    return _told(pool, side, words, scores)


def lexrank(pool: Sequence[Statement], side: Side, words: int) -> str:
    """The sentences a random walk along their likeness comes by most often (Erkan and Radev, 2004), within the Side."""
    places = _able(pool, side)
    likeness = [[cosine(Counter(pool[i].terms), Counter(pool[j].terms)) for j in places] for i in places]
    flow = [[x / (sum(row) or 1.0) for x in row] for row in likeness]
    share = [1 / len(places)] * len(places) if places else []
    for _ in range(ROUNDS):
        share = [
            (1 - DAMPING) / len(places) + DAMPING * sum(share[j] * flow[j][i] for j in range(len(places)))
            for i in range(len(places))
        ]
    return _told(pool, side, words, {i: len(places) * s for i, s in zip(places, share, strict=True)})


YARDSTICKS: Mapping[str, Yardstick] = {
    "centroid": centroid,
    "centroid_log_odds": centroid_and_log_odds,
    "lexrank": lexrank,
}


def _able(pool: Sequence[Statement], side: Side) -> list[int]:
    """The Side's sentences that stand by themselves; its headlines where it has none."""
    whole = [i for i, s in enumerate(pool) if s.side is side and s.fit and not s.is_headline]
    return whole or [i for i, s in enumerate(pool) if s.side is side]


def _told(pool: Sequence[Statement], side: Side, words: int, scores: Mapping[int, float]) -> str:
    able = {i: scores[i] for i in _able(pool, side)}
    return " ".join(s.text for s in choose(pool, able, words=words, limit=MOST_SENTENCES, enough=4))
