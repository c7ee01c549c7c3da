"""Where the Sides differ in how they tell the same matter: one sentence of each, set beside each other. Pure.

Two sentences differ when they speak of the same and each judges it, or names somebody in it, with words that the other
Side's Articles do not use. Two sentences about two matters are no difference, however unlike they are.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache

from newsletter.feeds.leans import SIDE_NAMES, Side
from newsletter.summaries.coherence import unquoted
from newsletter.summaries.loaded_words import loaded
from newsletter.summaries.protocol import ArticleText
from newsletter.summaries.selection.agreements import LABELLED
from newsletter.summaries.selection.framing import ONLY_TELLS, TELLING, root_of
from newsletter.summaries.selection.questions import ABOUT, tells_next
from newsletter.summaries.selection.selection import SAID_AGAIN
from newsletter.summaries.selection.side_words import words_of
from newsletter.summaries.selection.statements import Statement
from newsletter.summaries.story_text import Bullet, BulletKind, Sentence

SHARED = 3  # meaning words that both sentences have: they speak of the same
LIKE, ALIKE = 0.22, 0.5  # cosine of the two between which they tell the same matter, and not the same way
SAME = 0.3  # and from which it is enough that one of them judges: the other shows how the same can be said
RARE = 0.1  # share of the other Side's Articles that may use a word which is a Side's own
ENOUGH = 1.0  # weights of both sentences' own words together
MOST_WEIGHT = 2.0  # of one sentence that counts: a tirade is no better than a word
LONGEST = 36  # words
PAIR = (Side.LEFT, Side.RIGHT)
# Loaded words that only say how much: two Sides that both shout do not differ.
_INTENSE = (
    "massive dramatic devastating huge shocking stunning chilling tragic tragically horrific horrifying epic fiery explosive insanity "
    "unprecedented surging outrage outraged fury furious desperate meltdown clash clashing brazen alarming dangerous plot scheme failing sweeping "
    "staggering whopping historic notorious infamous disgraced damning sad dismal nightmare horror"
)
_ONLY_MUCH = frozenset(root_of(w) for w in _INTENSE.split())
# Who is heard, and what somebody makes of it: weighs half.
_TAKES = re.compile(
    r"\b(critics|opponents|advocates|supporters|condemn\w*|prais\w+|slam\w*|blast\w*|rips|mocks?|vows?|falsely|false|baseless|accus(?:ed|es|ing)|denounc\w+|hail\w*|decr(?:y|ied|ies)|"
    r"welcom\w+|argu(?:ed|es|ing)|defend(?:ed|s|ing)?|wrongly|so-called|controversial|unconstitutional|illegal(?:ly)?|unlawful(?:ly)?)\b",
    re.IGNORECASE,
)


def contrast(
    pool: Sequence[Statement],
    articles: Sequence[ArticleText],
    *,
    above: Sequence[Statement],
) -> dict[Side, Statement]:
    """The sentence of the left and the one of the right that differ most in how they tell the same; empty when none do."""
    used = {side: _roots_used(articles, side) for side in PAIR}
    able = {
        side: [
            (_own_marks(s.text, used[other]), s)
            for s in pool
            if s.side is side
            and s.stands_alone
            and s.about >= ABOUT
            and s.words <= LONGEST
            and not tells_next(s.text)
            and not (s.is_headline and LABELLED.match(s.text))  # "Morning Heron: …" is the name of a column
            and all(s.like(a) < SAID_AGAIN for a in above)
        ]
        for side, other in (PAIR, PAIR[::-1])
    }
    best: tuple[tuple[float, ...], Statement, Statement] | None = None
    for left_marks, left in able[Side.LEFT]:
        for right_marks, right in able[Side.RIGHT]:
            if not (left_marks or right_marks) or len(set(left.terms) & set(right.terms)) < SHARED:
                continue
            weights = (_weight(left_marks, right.text), _weight(right_marks, left.text))
            likeness, both = left.like(right), all(weights)
            if sum(weights) < ENOUGH or not (LIKE if both else SAME) <= likeness < (
                ALIKE if both else SAID_AGAIN
            ):
                continue
            worth = sum(min(w, MOST_WEIGHT) for w in weights) + left.about + right.about
            rank = (
                round(worth + 2 * likeness - 0.2 * (left.is_headline + right.is_headline), 6),
                -left.article.id,
                -left.position,
                -right.article.id,
                -right.position,
            )
            if best is None or rank > best[0]:
                best = (rank, left, right)
    return {Side.LEFT: best[1], Side.RIGHT: best[2]} if best else {}


def bullets(own: Mapping[Side, Statement]) -> list[Bullet]:
    """The two sentences as bullets, each with its Outlet and cited; none without both."""
    if not all(side in own for side in PAIR):
        return []
    return [
        Bullet(
            BulletKind.DIFFER,
            Sentence(
                f"On the {SIDE_NAMES[side].lower()}, {own[side].article.outlet} writes: {own[side].text}",
                (own[side].citation,),
            ),
        )
        for side in PAIR
    ]


@lru_cache(maxsize=20_000)
def _marks(text: str) -> Mapping[str, float]:
    """The words of the text that judge, or name by judging, as stems, each with its weight."""
    found = {m.lower(): 0.5 for m in _TAKES.findall(unquoted(text))}
    found = {root_of(w): weight for w, weight in found.items()}
    found |= {root: 1.0 for word, root in words_of(unquoted(text)).items() if root in TELLING}
    found = {root_of(w): 1.0 for w in loaded(text)} | found
    return {root: weight for root, weight in found.items() if root not in ONLY_TELLS | _ONLY_MUCH}


def _own_marks(text: str, theirs: tuple[Counter[str], int]) -> dict[str, float]:
    using, count = theirs
    return {root: weight for root, weight in _marks(text).items() if using[root] <= RARE * count}


def _weight(marks: Mapping[str, float], beside: str) -> float:
    """Of the marks that the sentence beside does not have too."""
    return sum(w for root, w in marks.items() if root not in _marks(beside))


def _roots_used(articles: Sequence[ArticleText], side: Side) -> tuple[Counter[str], int]:
    """In how many of the Side's Articles each stem stands, and how many there are."""
    using: Counter[str] = Counter()
    own = [a for a in articles if a.side is side]
    for a in own:
        text = f"{a.headline} . {a.excerpt}"
        using.update({*words_of(text).values(), *(root_of(w) for w in loaded(text))})
    return using, len(own)
