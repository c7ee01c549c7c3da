"""Determine the Topic of a Story from the words of its Articles. Pure; no model is used.

Each Outlet casts one vote, split over the Topics by the words of its Articles: a word counts its strength in
``topic_words`` (in headlines twice) once for each text, however often it occurs. So a long text counts no more than a short one,
and an Outlet with ten Articles no more than an Outlet with one. Names of places alone give World, which is also the result
when no word is known.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable
from functools import cache
from itertools import pairwise

from newsletter.stories.topic_words import ABROAD, AT_HOME, JUSTICE, POLITICS, TOPICS, WORDS, WORLD
from newsletter.stories.words import stems

DEFAULT = WORLD
EXCERPT_LETTERS = 400
HEADLINE = 2.0  # factor on the strength of a word in the headline
HALF_SURE = 4.0  # sum of strengths at which an Outlet's vote counts half


def topic_of(texts: Iterable[tuple[Hashable, str, str]]) -> str:
    """Return the Topic of a Story from the (Outlet, headline, excerpt) of its Articles, in any order."""
    totals = votes(texts)
    best = max(TOPICS, key=lambda t: (round(totals[t], 9), -TOPICS.index(t)))
    return best if totals[best] > 0 else DEFAULT


def votes(texts: Iterable[tuple[Hashable, str, str]]) -> dict[str, float]:
    """Return the sum of the Outlets' votes for each Topic; each Outlet gives less than 1 in all."""
    abroad, at_home = _places()
    by_outlet: dict[Hashable, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    words_of: dict[Hashable, set[str]] = defaultdict(set)
    for outlet, headline, excerpt in texts:
        strengths = by_outlet[outlet]
        for text, weight in ((headline, HEADLINE), (excerpt[:EXCERPT_LETTERS], 1.0)):
            words = _words_and_phrases(stems(text))
            words_of[outlet] |= words
            for word in words:
                for topic, strength in _strengths_by_term().get(word, ()):
                    strengths[topic] += weight * strength
    totals = dict.fromkeys(TOPICS, 0.0)
    for outlet, strengths in by_outlet.items():
        if words_of[outlet] & abroad and not words_of[outlet] & at_home:
            for topic in (POLITICS, JUSTICE):
                strengths[WORLD] += strengths.pop(topic, 0.0)
        total = sum(strengths.values())
        for topic, strength in strengths.items():
            totals[topic] += strength / (total + HALF_SURE)
    return totals


def _words_and_phrases(words: list[str]) -> set[str]:
    """Return the words of a text and its two-word phrases."""
    return {*words, *(f"{a}_{b}" for a, b in pairwise(words))}


@cache
def _places() -> tuple[frozenset[str], frozenset[str]]:
    """Return the stems of places abroad, and of places and institutions at home."""
    abroad, at_home = (
        frozenset("_".join(stems(name.replace("_", " "))) for name in names.split())
        for names in (ABROAD, AT_HOME)
    )
    return abroad, at_home


@cache
def _strengths_by_term() -> dict[str, list[tuple[str, float]]]:
    """Return the Topics of every known stem or phrase with their strengths, squared so that one sure word outweighs many
    hints."""
    known: dict[str, dict[str, int]] = defaultdict(dict)
    for topic, by_strength in WORDS.items():
        for strength, words in by_strength.items():
            for word in words.split():
                key = "_".join(stems(word.replace("_", " ").replace("-", " ")))
                known[key][topic] = max(strength, known[key].get(topic, 0))
    return {word: [(t, float(s * s)) for t, s in sorted(of.items())] for word, of in known.items()}
