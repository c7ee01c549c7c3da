"""Choosing sentences: central, not said twice, within a number of words, in a readable order. Pure."""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from itertools import pairwise

from newsletter.feeds.leans import Side
from newsletter.stories.terms import cosine, log_odds, stem
from newsletter.summaries.coherence import pointed_at
from newsletter.summaries.selection.statements import Statement

SUMMARY_WORDS = 50
OWN_CENTER, OWN_WORDS = 1.5, 0.6  # weights of the Side's own centroid and of words that are its own
_DIGIT = re.compile(r"\d")
_DAY = re.compile(r"\b(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day\b")
SAME = 0.5  # cosine from which a plainer sentence says the same as a loaded one
REPEATED = 0.6  # cosine from which a sentence repeats one already chosen
WORD_FOR_WORD = 0.9  # cosine from which it is the same sentence
SAID_AGAIN = 0.75  # cosine from which a reader takes a sentence for one that stood above


def choose(
    pool: Sequence[Statement],
    scores: Mapping[int, float],
    *,
    words: int,
    said: Sequence[Statement] = (),
    limit: int = 6,
    diversity: float = 0.5,
    slack: int = 14,
    enough: int = 10,
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
            if (
                index in chosen
                or index not in scores
                or (chosen and filled + statement.words > words + slack)
            ):
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
        if filled >= words - enough:
            break
    return readable([pool[i] for i in chosen])


def readable(chosen: Sequence[Statement]) -> list[Statement]:
    """Leads first, then what their Articles said later; among equals the more central."""
    return sorted(chosen, key=lambda s: (max(s.position, 0) > 0, s.position, -s.salience, s.article.id))


# What any sentence tells may be called so by the next.
_WHATEVER_WAS_TOLD = frozenset(stem(w) for w in ("move", "news", "incident", "decision", "announcement"))


def stands_by_itself(told: Sequence[Statement]) -> bool:
    """Each sentence that points back ("The interview took place …") stands behind one that tells of it: an earlier
    one of its own Article, or any that has the word. What opens its Article, or calls it only "the move", needs but any before it.
    """
    for place, statement in enumerate(told):
        noun = pointed_at(statement.text)
        if noun is None:
            continue
        if place and (statement.position == 0 or noun in _WHATEVER_WAS_TOLD):
            continue
        if not any(
            noun in t.terms or (t.article.id == statement.article.id and t.position < statement.position)
            for t in told[:place]
        ):
            return False
    return True


def neutral_scores(pool: Sequence[Statement]) -> dict[int, float]:
    """How well each sentence tells the whole Story: central, plain, and said by others too.

    The weights are a least-squares fit of what experts took over, on triples of a left, a center and a right article.
    """
    shared = _shared_pairs(pool)
    echoed = echoes(pool)
    scores = {}
    for index, s in enumerate(pool):
        if s.fit:
            pairs = set(pairwise(s.terms))
            scores[index] = (
                0.35 * s.central
                + 0.32 * echoed[index]
                + 0.16 * len(pairs & shared) / max(1, len(pairs))
                + 0.10 * s.on_title
                + 0.03 * min(s.words, 40) / 40
                + 0.03 * bool(_DIGIT.search(s.text))
                + 0.02 * bool(_DAY.search(s.text))
                - 0.03 * s.loaded
                - 0.09 * s.is_headline
            )
    return scores


def _shared_pairs(pool: Sequence[Statement]) -> frozenset[tuple[str, str]]:
    """Pairs of neighbouring words that at least two Articles use."""
    using: dict[tuple[str, str], set[int]] = {}
    for s in pool:
        for pair in pairwise(s.terms):
            using.setdefault(pair, set()).add(s.article.id)
    return frozenset(pair for pair, ids in using.items() if len(ids) >= 2)


def echoes(pool: Sequence[Statement]) -> list[float]:
    """The mean cosine of each sentence to the sentences of the other Articles, in time linear in the words."""
    units = []
    whole: dict[str, float] = defaultdict(float)
    own: dict[int, dict[str, float]] = {}
    counts = Counter(s.article.id for s in pool)
    for s in pool:
        weights = Counter(s.terms)
        length = math.sqrt(sum(n * n for n in weights.values())) or 1.0
        unit = {t: n / length for t, n in weights.items()}
        units.append(unit)
        mine = own.setdefault(s.article.id, defaultdict(float))
        for term, weight in unit.items():
            whole[term] += weight
            mine[term] += weight
    return [
        sum(w * (whole[t] - own[s.article.id][t]) for t, w in unit.items())
        / max(1, len(pool) - counts[s.article.id])
        for s, unit in zip(pool, units, strict=True)
    ]


def side_scores(pool: Sequence[Statement], side: Side, everything: Sequence[Statement]) -> dict[int, float]:
    """Central to the Story and to the Side's own telling, plus a share of the log-odds that its words are the Side's.
    A loaded sentence is left out where a plainer one of the Side says the same."""
    own: Counter[str] = Counter(t for s in everything if s.side is side for t in s.terms)
    other: Counter[str] = Counter(t for s in everything if s.side is not side for t in s.terms)
    odds = log_odds(own, other, own + other)
    scores = {}
    for index, s in enumerate(pool):
        if s.side is side and s.fit and not _said_plainer(s, pool):
            lean = sum(odds.get(t, 0.0) for t in set(s.terms)) / max(1, len(set(s.terms)))
            scores[index] = (
                s.salience
                + OWN_CENTER * cosine(Counter(s.terms), own)
                + OWN_WORDS * lean
                - (0.5 if s.is_headline else 0.0)
            )
    return scores


def _said_plainer(statement: Statement, pool: Sequence[Statement]) -> bool:
    """The Side says the same elsewhere, whole and with fewer loaded words."""
    return statement.loaded > 0 and any(
        s.side is statement.side
        and s.fit
        and not s.is_headline
        and s.loaded < statement.loaded
        and s.like(statement) >= SAME
        for s in pool
    )
