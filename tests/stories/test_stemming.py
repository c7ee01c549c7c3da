"""The words of a text and their stems."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from newsletter.stories.words import stem


@pytest.fixture
def quick_switches() -> Iterator[None]:
    """Threads change places as often as the interpreter lets them."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("quick_switches")
def test_threads_that_stem_at_once_get_the_stems_of_one() -> None:
    """Several Stories are written at once, each in a thread of its own."""
    made = [a + b + c for a in ("transport", "govern", "relate", "ne") for b in ("ation", "ment", "ional", "ness") for c in ("", "s", "al", "ing")]  # fmt: skip
    alone = [stem.__wrapped__(w) for w in made]
    with ThreadPoolExecutor(8) as pool:
        for found in pool.map(lambda _: [stem.__wrapped__(w) for w in made], range(60)):
            assert found == alone
