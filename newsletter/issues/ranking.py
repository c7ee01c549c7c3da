"""Which Stories make the Issue, and in which order. Pure.

``score = breadth × balance × recency``

- breadth: log2(1 + distinct Outlets), wire copies counted once. A tenth Outlet adds less than a third.
- balance: 0.3 + 0.5 · √(smaller / larger of left and right) + 0.2 if the center carried it too; so 0.3…1.
- recency: halves every 24 hours since the last Article.

The Story with the best score is taken repeatedly; further Stories of a Topic are discounted, so that Topics vary. The constants
were chosen by hand and are not fitted to data.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from newsletter import formatting
from newsletter.feeds.leans import Coverage
from newsletter.summaries.story_text import StoryKind

HALF_LIFE = timedelta(hours=24)  # of the recency
AGAIN = 0.72  # factor for a second Story of the same Topic, squared for a third, and so on
MOST_OF_A_TOPIC = 3
# A Story is placed again within two days only when it has so much new, by either of these.
NEW_OUTLETS = 3
NEW_ARTICLES = 6


@dataclass(frozen=True)
class Candidate:
    """A Story that could be placed. ``words``: the number of words that the mail shows of it at its shortest."""

    story_id: int
    topic: str
    kind: StoryKind
    coverage: Coverage
    last_published_at: datetime
    words: int
    placed_at: datetime | None = None  # when it was last placed, within the last two days
    new_articles: int = 0  # since then
    new_outlets: int = 0  # Outlets whose first Article came since then


@dataclass(frozen=True)
class Pick:
    """A chosen Story with its score and, when it was placed before, what is new."""

    candidate: Candidate
    score: float
    development: str = ""


def score(candidate: Candidate, *, now: datetime) -> float:
    """Return the score of a Story in an Issue composed ``now``, by the formula of this module."""
    c = candidate.coverage
    larger = max(c.left, c.right)
    evenness = math.sqrt(min(c.left, c.right) / larger) if larger else 0.0
    balance = 0.3 + 0.5 * evenness + (0.2 if c.center else 0.0)
    age = max(now - candidate.last_published_at, timedelta())
    freshness: float = 0.5 ** (age / HALF_LIFE)
    return math.log2(1 + c.outlets) * balance * freshness


def development(candidate: Candidate, *, now: datetime) -> str | None:
    """Return what is new since the Story was last placed; empty if it never was, None if too little to place it again."""
    if candidate.placed_at is None:
        return ""
    if candidate.new_outlets < NEW_OUTLETS and candidate.new_articles < NEW_ARTICLES:
        return None
    articles = formatting.counted(candidate.new_articles, "more article")
    days = max(1, round((now - candidate.placed_at) / timedelta(days=1)))
    return f"{articles} since {'yesterday' if days == 1 else f'{days} days ago'}"


def pick(candidates: Sequence[Candidate], *, now: datetime, most: int, fewest: int, words: int) -> list[Pick]:
    """Return up to ``most`` Stories in reading order, while what they show stays within ``words``.

    A Story that is too long is skipped for a shorter one, unless fewer than ``fewest`` Stories would be left.
    """
    open_ = []
    for c in candidates:
        new = development(c, now=now)
        if new is not None:
            open_.append(Pick(c, score(c, now=now), new))
    open_.sort(key=lambda p: (-p.score, p.candidate.story_id))
    chosen: list[Pick] = []
    topics: Counter[str] = Counter()
    left = words
    while open_ and len(chosen) < most:
        best = max(
            open_,
            key=lambda p: (p.score * AGAIN ** topics[p.candidate.topic], -p.candidate.story_id),
        )
        open_.remove(best)
        topic = best.candidate.topic
        if topic and topics[topic] >= MOST_OF_A_TOPIC and len(chosen) >= fewest:
            continue
        if best.candidate.words > left and len(chosen) >= fewest:
            continue
        chosen.append(best)
        topics[topic] += 1
        left -= best.candidate.words
    return chosen
