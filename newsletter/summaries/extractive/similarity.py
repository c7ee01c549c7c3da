"""How near words stand to each other and to the Story. Pure.

A word weighs by the newsrooms that use it. What many use is what the Story is about (the centroid: Radev et al., 2004);
what few use tells two sentences of one Story apart.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence

from newsletter.stories.words import terms
from newsletter.summaries.protocol import ArticleText

FEW = 4  # newsrooms whose common words do not yet say what is beside a Story's matter
PLAIN = 1.5  # half of a sentence's words repeat as much as three quarters of its rare ones
READ = 1_500  # characters of a text that say what it is about


class Weights:
    """How many newsrooms of one Story use each word."""

    def __init__(self, articles: Sequence[ArticleText]) -> None:
        by_origin: dict[str, set[str]] = {}
        for a in articles:
            by_origin.setdefault(a.origin, set()).update(terms(f"{a.headline} {a.text[:READ]}"))
        self._users = Counter(t for used in by_origin.values() for t in used)
        self._origins = max(1, len(by_origin))
        # What few newsrooms share says little about what does not belong to the Story.
        self.judges = min(1.0, max(0, len(by_origin) - FEW) / FEW)
        # A word of a single newsroom says nothing about the Story.
        self._norm = math.sqrt(math.fsum(self.shared(t) ** 2 for t in self._users)) or 1.0

    def shared(self, term: str) -> float:
        """Return the share of the other newsrooms that use the word, 0…1."""
        return max(0, self._users[term] - 1) / max(1, self._origins - 1)

    def rare(self, term: str) -> float:
        """Return how much the word tells sentences of this Story apart; at least a little for every word."""
        return math.log(1.2 + self._origins / (1 + self._users[term]))

    def central(self, words: Iterable[str]) -> float:
        """Cosine of a text's words to the Story's centroid, 0…1."""
        own = set(words)
        return math.fsum(self.shared(t) for t in own) / (self._norm * math.sqrt(len(own))) if own else 0.0

    def alone(self, words: Iterable[str]) -> float:
        """Return the share of the words that no other newsroom uses, 0…1."""
        own = set(words)
        return sum(self._users[t] <= 1 for t in own) / len(own) if own else 0.0

    def contained(self, part: Iterable[str], whole: Iterable[str]) -> float:
        """Return the share of a text's words, rare ones weighing more, that another text has too, 0…1."""
        own, there = set(part), set(whole)
        total = math.fsum(self.rare(t) for t in own)
        return math.fsum(self.rare(t) for t in own & there) / total if total else 0.0

    def repeats(self, part: Iterable[str], whole: Iterable[str]) -> float:
        """Return how far a text repeats another, 0…1: by its rare words, or by all its words alike, which weigh sooner."""
        own, there = set(part), set(whole)
        plain = len(own & there) / len(own) if own else 0.0
        return max(self.contained(own, there), min(1.0, plain * PLAIN))

    def alike(self, one: Iterable[str], other: Iterable[str]) -> float:
        """Return how far the shorter of two texts is said by the other, 0…1."""
        one, other = set(one), set(other)
        return max(self.contained(one, other), self.contained(other, one))
