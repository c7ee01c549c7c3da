"""Which Articles tell the newest turn of a Story that has gone on for days: headline and lede are theirs. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import timedelta

from newsletter.stories.terms import cosine, terms
from newsletter.summaries.protocol import ArticleText

LATEST = timedelta(hours=30)  # before the newest Article: a day, and the night until the next morning's issue
FEWEST = 4  # Outlets that make a wave; fewer are stragglers or one Outlet's aside
SHARE = 0.15  # of the Story's Outlets, at least
NEW_TURN = 0.6  # cosine of the headlines' words, old and new, under which the Story has turned


def latest_wave(articles: Sequence[ArticleText]) -> list[ArticleText]:
    """The Articles of the last :data:`LATEST` when enough Outlets are among them and their headlines speak of something new, else all.

    A Story of many Outlets keeps most of its words about its first day; what a reader wants on the third is what happened then.
    """
    if not articles:
        return []
    newest = max(a.published_at for a in articles)
    fresh = [a for a in articles if newest - a.published_at <= LATEST]
    before = [a for a in articles if newest - a.published_at > LATEST]
    enough = max(FEWEST, SHARE * len({a.outlet for a in articles}))
    if len({a.outlet for a in fresh}) < enough or cosine(_words(fresh), _words(before)) >= NEW_TURN:
        return list(articles)
    return fresh


def _words(articles: Iterable[ArticleText]) -> Counter[str]:
    """In how many headlines a word stands."""
    return Counter(term for a in articles for term in set(terms(a.headline)))
