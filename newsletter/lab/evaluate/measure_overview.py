"""Learn the weights of the neutral paragraph from experts' paragraphs, and say what they are worth on rows not learnt from.

Ridge regression (Hoerl and Kennard, 1970) of ROUGE-1 + ROUGE-2 + ROUGE-L of many sets of sentences of a Story, each taken
from the Story's mean, on what ``overview.Worth`` sees of them. Pure; needs numpy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from newsletter.summaries.protocol import ArticleText
from newsletter.summaries.selection.overview import WEIGHTS, Worth, looked_at
from newsletter.summaries.selection.rouge import rouge
from newsletter.summaries.selection.selection import readable
from newsletter.summaries.selection.statements import statements

FOLDS = 5
RIDGE = 10.0
MOST_SENTENCES = 6  # of a set
SHORTEST, LONGEST = 0.5, 1.45  # shares of the wanted length that a set to learn from has


@dataclass(frozen=True)
class Row:
    """The sets of sentences of one Story: ``seen`` (sets × features), ``scores`` (sets × ROUGE-1, -2, -L), their ``words``."""

    seen: np.ndarray
    scores: np.ndarray
    words: np.ndarray


def row_of(articles: Sequence[ArticleText], expert: str) -> Row | None:
    """All sets of fitting length, measured against the expert's paragraph; None when no sentence is fit to be printed."""
    pool = statements(articles)
    able, worth = looked_at(pool), Worth(pool, articles)
    if not able:
        return None
    least = min(SHORTEST * worth.wanted, 0.6 * worth.length(able))
    sets = [
        c
        for size in range(1, MOST_SENTENCES + 1)
        for c in combinations(able, size)
        if least <= worth.length(c) <= LONGEST * worth.wanted
    ] or [(i,) for i in able]
    scores = [rouge(expert, " ".join(s.text for s in readable([pool[i] for i in c]))) for c in sets]
    return Row(
        np.array([worth.features(c) for c in sets]),
        np.array([(s.one, s.two, s.longest) for s in scores]),
        np.array([worth.length(c) for c in sets]),
    )


def learn(rows: Sequence[Row]) -> dict[str, float]:
    """The weights, by name. Every Story counts by the root of its number of sets."""
    seen = np.vstack([(r.seen - r.seen.mean(axis=0)) / len(r.seen) ** 0.25 for r in rows])
    total = np.concatenate(
        [(r.scores.sum(axis=1) - r.scores.sum(axis=1).mean()) / len(r.seen) ** 0.25 for r in rows]
    )
    spread = seen.std(axis=0) + 1e-9
    scaled = seen / spread
    found = np.linalg.solve(scaled.T @ scaled + RIDGE * np.eye(len(WEIGHTS)), scaled.T @ total) / spread
    return {name: round(float(weight), 3) for name, weight in zip(WEIGHTS, found, strict=True)}


def measured(rows: Sequence[Row], weights: dict[str, float]) -> np.ndarray:
    """ROUGE-1, -2, -L and words of the set the weights like best, one line a Story."""
    known = np.array([weights[name] for name in WEIGHTS])
    best = [int(np.argmax(r.seen @ known)) for r in rows]
    return np.array([[*r.scores[i], r.words[i]] for r, i in zip(rows, best, strict=True)])


def crossed(rows: Sequence[Row]) -> dict[str, float]:
    """Mean ROUGE in percent and words over rows that the weights were not learnt from."""
    held_out = [
        measured(rows[fold::FOLDS], learn([r for i, r in enumerate(rows) if i % FOLDS != fold]))
        for fold in range(FOLDS)
    ]
    one, two, longest, words = (float(x) for x in np.vstack(held_out).mean(axis=0))
    return {
        "rouge1": round(100 * one, 2),
        "rouge2": round(100 * two, 2),
        "rougeL": round(100 * longest, 2),
        "words": round(words, 1),
    }
