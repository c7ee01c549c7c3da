"""How much of a sentence an Article carries, and how much of it is copied. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from newsletter.stories.terms import terms
from newsletter.summaries.grounding.facts import QUOTED, spelled
from newsletter.summaries.protocol import ArticleText
from newsletter.summaries.segmentation import split


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W_]+", spelled(text))


def support_of(text: str, article: ArticleText) -> float:
    """Share of the text's meaning words that the Article's best two sentences carry, 0…1."""
    wanted = set(terms(text))
    if not wanted:
        return 0.0
    return len(wanted & set(terms(" ".join(best_sentences(text, article))))) / len(wanted)


@lru_cache(maxsize=10_000)
def best_sentences(text: str, article: ArticleText, most: int = 2) -> tuple[str, ...]:
    """The ``most`` sentences of the Article that together carry most of the text's words, greedily."""
    wanted = set(terms(text))
    rest = [article.headline, *split(article.excerpt)]
    best: list[str] = []
    for _ in range(most):
        if not rest:
            break
        top = max(rest, key=lambda s: len(wanted & set(terms(s))))
        best.append(top)
        rest.remove(top)
        wanted -= set(terms(top))
    return tuple(best)


def longest_copied(text: str, cited: Sequence[ArticleText]) -> int:
    """The longest run of words outside quotation marks that stands in a cited Article."""
    longest = 0
    sources = [f" {' '.join(_words(a.headline + ' . ' + a.excerpt))} " for a in cited]
    for part in QUOTED.split(text)[:: QUOTED.groups + 1]:
        words = _words(part)
        for start in range(len(words)):
            while start + longest < len(words) and any(
                f" {' '.join(words[start : start + longest + 1])} " in s for s in sources
            ):
                longest += 1
    return longest
