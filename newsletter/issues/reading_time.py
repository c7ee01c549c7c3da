"""Computes how long reading takes. Pure."""

from __future__ import annotations

from collections.abc import Iterable

WORDS_A_MINUTE = 230  # silent reading of English; Brysbaert (2019) finds 238 for non-fiction
LONGEST_READ = 5 * 60  # seconds; every Issue promises five minutes


def words_in(texts: Iterable[str]) -> int:
    """Count words: runs between spaces that contain a letter or a digit."""
    return sum(1 for text in texts for word in text.split() if any(c.isalnum() for c in word))


def seconds_for(words: int) -> int:
    """Return the seconds to read ``words`` words, rounded up."""
    return -(-words * 60 // WORDS_A_MINUTE)
