"""Which Topic a Story belongs to, from the words its Outlets use. Pure, and without a model.

Each Outlet casts one vote, split over the Topics by the words of its Articles: a word counts its strength in
``topic_words`` (headlines twice), once for each text however often it stands there. A long text so weighs no more than a
short one, and an Outlet that printed ten Articles no more than one that printed one. Names of places alone give World,
which is also the answer when no word is known.
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
HEADLINE = 2.0  # how much more a word of the headline says
HALF_SURE = 4.0  # strength at which an Outlet's vote counts half of a whole one


def topic_of(texts: Iterable[tuple[Hashable, str, str]]) -> str:
    """The Topic of a Story from its Articles' (Outlet, headline, excerpt). The order does not matter."""
    totals = votes(texts)
    best = max(TOPICS, key=lambda t: (round(totals[t], 9), -TOPICS.index(t)))
    return best if totals[best] > 0 else DEFAULT


def votes(texts: Iterable[tuple[Hashable, str, str]]) -> dict[str, float]:
    """How much of the Outlets' votes each Topic gets."""
    abroad, at_home = _places()
    by_outlet: dict[Hashable, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    said: dict[Hashable, set[str]] = defaultdict(set)
    for outlet, headline, excerpt in texts:
        mine = by_outlet[outlet]
        for text, weight in ((headline, HEADLINE), (excerpt[:EXCERPT_LETTERS], 1.0)):
            words = _terms(stems(text))
            said[outlet] |= words
            for found in words:
                for topic, strength in _known().get(found, ()):
                    mine[topic] += weight * strength
    totals = dict.fromkeys(TOPICS, 0.0)
    for outlet, mine in by_outlet.items():
        if said[outlet] & abroad and not said[outlet] & at_home:
            for topic in (POLITICS, JUSTICE):
                mine[WORLD] += mine.pop(topic, 0.0)
        whole = sum(mine.values())
        for topic, strength in mine.items():
            totals[topic] += strength / (whole + HALF_SURE)
    return totals


def _terms(words: list[str]) -> set[str]:
    """The words of one text and its two-word phrases."""
    return {*words, *(f"{a}_{b}" for a, b in pairwise(words))}


@cache
def _places() -> tuple[frozenset[str], frozenset[str]]:
    """Stems of places abroad, and of places and powers at home."""
    abroad, at_home = (
        frozenset("_".join(stems(name.replace("_", " "))) for name in names.split())
        for names in (ABROAD, AT_HOME)
    )
    return abroad, at_home


@cache
def _known() -> dict[str, list[tuple[str, float]]]:
    """Every known stem or phrase, with its Topics and their strengths (squared: one sure word outweighs many hints)."""
    known: dict[str, dict[str, int]] = defaultdict(dict)
    for topic, by_strength in WORDS.items():
        for strength, words in by_strength.items():
            for word in words.split():
                key = "_".join(stems(word.replace("_", " ").replace("-", " ")))
                known[key][topic] = max(strength, known[key].get(topic, 0))
    return {word: [(t, float(s * s)) for t, s in sorted(of.items())] for word, of in known.items()}
