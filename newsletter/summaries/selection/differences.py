"""How the Sides' headlines differ in words, counted. The same count is made again by the grounding gate. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from newsletter.feeds.leans import SIDE_NAMES, Side
from newsletter.summaries.protocol import ArticleText
from newsletter.summaries.selection.framing import root_of
from newsletter.summaries.selection.side_words import words_of
from newsletter.summaries.story_text import Bullet, BulletKind, Citation

_IN_THEIR_WORDS = re.compile(r"^On the (?:left|right), .{1,80}? writes: ")
_COUNTED = re.compile(
    r"^The word “(?P<word>[^”]+)” is in (?P<n>\d+) of (?P<of>\d+) headlines? on the (?P<side>left|center|right)"
    r" and in (?P<m>\d+|none) of (?P<other_of>\d+) on the (?P<other>left|center|right)\.$"
)


@dataclass(frozen=True)
class Count:
    """One counted difference: ``word`` in ``n`` of ``of`` headlines of ``side``, ``m`` of ``other_of`` of ``other``."""

    word: str
    side: Side
    other: Side
    n: int
    of: int
    m: int
    other_of: int

    @property
    def text(self) -> str:
        return (
            f"The word “{self.word}” is in {self.n} of {self.of} headline{'s' if self.of != 1 else ''} on the "
            f"{SIDE_NAMES[self.side].lower()} and in {self.m or 'none'} of {self.other_of} on the "
            f"{SIDE_NAMES[self.other].lower()}."
        )


def count(word: str, side: Side, other: Side, articles: Sequence[ArticleText]) -> Count:
    """How many headlines of each of the two Sides use the word, in any of its forms."""
    root = root_of(word)
    uses = {
        s: [root in words_of(a.headline).values() for a in articles if a.side is s] for s in (side, other)
    }
    return Count(word, side, other, sum(uses[side]), len(uses[side]), sum(uses[other]), len(uses[other]))


def holds(text: str, articles: Sequence[ArticleText]) -> bool | None:
    """Whether a counted sentence is true when counted again; None when the text is no such sentence."""
    match = _COUNTED.match(text)
    if match is None:
        return None
    fresh = count(match["word"], Side(match["side"]), Side(match["other"]), articles)
    return fresh.text == text


def citations(found: Count, articles: Sequence[ArticleText], *, limit: int = 6) -> tuple[Citation, ...]:
    """The headlines that use the word."""
    root = root_of(found.word)
    using = [
        a for a in articles if a.side in (found.side, found.other) and root in words_of(a.headline).values()
    ]
    return tuple(Citation(a.id, a.headline) for a in using[:limit])


def telling_counts(
    words: Mapping[Side, Sequence[str]], articles: Sequence[ArticleText], *, limit: int = 2
) -> list[Count]:
    """Counted differences between left and right that mean something: one loaded or framing word of each Side at most, and
    only one that a fair share of the Side's headlines use."""
    found = []
    for side, other in ((Side.LEFT, Side.RIGHT), (Side.RIGHT, Side.LEFT)):
        counts = [count(w, side, other, articles) for w in words.get(side, ())]
        counts = [c for c in counts if c.n >= 2 and c.other_of >= 3]
        if counts:
            found.append(max(counts, key=lambda c: (c.n / c.of, c.word)))
    return found[:limit]


def is_in_their_words(bullet: Bullet) -> bool:
    """Made by ``contrasts.bullets``."""
    return bullet.kind is BulletKind.DIFFER and bool(_IN_THEIR_WORDS.match(bullet.sentence.text))


def without_opening(text: str, outlets: Sequence[str]) -> str:
    """The text without "The Heron reported:" or "On the left, The Heron writes:" in front."""
    bare = _IN_THEIR_WORDS.sub("", text)
    for outlet in outlets:
        bare = bare.removeprefix(f"{outlet} reported: ")
    return bare
