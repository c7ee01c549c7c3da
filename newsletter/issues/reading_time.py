"""How long reading takes. Pure."""

from __future__ import annotations

from collections.abc import Iterable

WORDS_A_MINUTE = 230
LONGEST_READ = 5 * 60  # seconds: the promise of every Issue


def words_in(texts: Iterable[str]) -> int:
    """Words, counted as a reader would: what stands between spaces and bears a letter or a digit."""
    return sum(1 for text in texts for word in text.split() if any(c.isalnum() for c in word))


def seconds_for(words: int) -> int:
    """Whole seconds to read so many words, rounded up."""
    return -(-words * 60 // WORDS_A_MINUTE)
