"""Sentences that are nearly another's words: what was changed in the copy is laid beside what stands there. Pure.

Who copies a sentence and changes one word of it changes what it says, or nothing. So the two are aligned word by word
(longest common runs: Ratcliff and Metzener, 1988), and each change is judged by its kind: a name for a name, a number for
a number, a word for its opposite, a "not" more or less.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import Enum
from functools import lru_cache

from newsletter.stories.terms import stem
from newsletter.summaries.grounding.aliases import about, near_to
from newsletter.summaries.grounding.alignment import UNITS, dates, quantities
from newsletter.summaries.grounding.facts import DIRECTIONS, name_words, numbers, spelled

ALIKE = 0.7  # share of a sentence's words that must stand in the same order in the other for it to be a copy
FEWEST = 6  # words of a sentence of which this can be said
CHANGED = 5  # words of one change; more is a clause told otherwise, not a word exchanged
_TOKEN = re.compile(r"[$€£]?\d[\d,.]*\d|[^\W_]+(?:['.\-][^\W_]+)*|[%$€£]")
_NOT = re.compile(r"^(?:not|never|no|nobody|none|neither|nor|without|cannot|hardly|barely)$|n't$")
_EXPLAINS = frozenset("by was were is said says told wrote according".split())  # noqa: SIM905
_TITLES = frozenset(
    [
        "mr",
        "mrs",
        "ms",
        "dr",
        "president",
        "former",
        "sen",
        "rep",
        "gov",
        "senator",
        "representative",
        "governor",
        "secretary",
        "minister",
        "premier",
    ]
)
_SAME_NAMES = tuple(
    frozenset(names.split())
    for names in (
        "us u.s usa america american americans united states",
        "uk u.k britain british united kingdom",
        "un u.n united nations",
        "eu e.u european union",
        "gop republican republicans",
        "democrat democrats democratic",
        "covid covid-19 coronavirus",
    )
)
_MORE_OPPOSITES = (
    ("before", "after"), ("first", "last"), ("high higher highest", "low lower lowest"), ("most", "least"), ("legal", "illegal"),
    ("north northern", "south southern"), ("east eastern", "west western"), ("left", "right"), ("early earlier", "late later"),
    ("constitutional", "unconstitutional"), ("majority", "minority"), ("public", "private"), ("best", "worst"), ("agree agreed agrees", "disagree disagreed disagrees"),
    ("upheld uphold upholds", "overturned overturn overturns struck"), ("sided", "against"), ("open opened opens reopen", "close closed closes"),
    ("sell sold sells", "buy bought buys"), ("enter entered", "leave left"), ("success successful", "failure failed"), ("morning", "evening"),
    ("sooner faster", "slower"), ("stronger", "weaker"), ("rich", "poor"), ("true", "false"), ("all every", "none few some"),
)  # fmt: skip
_OPPOSITES = tuple(
    (frozenset(one.split()), frozenset(other.split())) for one, other in (*DIRECTIONS, *_MORE_OPPOSITES)
)


class Change(Enum):
    """What a change in a copy does."""

    NAME = "name"
    NUMBER = "number"
    DIRECTION = "direction"
    NEGATION = "negation"
    SWAPPED = "swapped"
    DATE = "date"


@dataclass(frozen=True)
class Copy:
    """A sentence beside the one it copies: the first change that makes it say something else, if any; and whether nothing
    was added to it that would have to be looked for."""

    change: Change | None
    adds_nothing: bool


def copied(text: str, sources: Sequence[str]) -> Copy | None:
    """How ``text`` differs from the sentence of ``sources`` whose words it has; None when it copies none of them."""
    ours = _tokens(text)
    if len(ours) < FEWEST:
        return None
    own = frozenset(_folded(ours))
    best = max(sources, key=lambda s: len(own & frozenset(_folded(_tokens(s)))), default="")
    theirs = _tokens(best)
    matcher = SequenceMatcher(None, _folded(ours), _folded(theirs), autojunk=False)
    if sum(b.size for b in matcher.get_matching_blocks()) < ALIKE * len(ours):
        return None
    changes = [(ours[a:b], theirs[c:d]) for kind, a, b, c, d in matcher.get_opcodes() if kind != "equal"]
    moved = (
        frozenset(w for _, gone in changes for w in _folded(gone)),
        frozenset(w for new, _ in changes for w in _folded(new)),
    )
    found = next((change for new, gone in changes if (change := _judged(new, gone, text))), None)
    added = [w for new, _ in changes for w in new]
    if found is None and _swapped(changes, moved[0] & moved[1]):
        found = Change.SWAPPED
    adds_nothing = not any(map(_facts_in, added)) and not (moved[0] & moved[1])
    return Copy(found, adds_nothing)


@lru_cache(maxsize=20_000)
def _tokens(text: str) -> tuple[str, ...]:
    return tuple(w.rstrip(".,") for w in _TOKEN.findall(text.replace("’", "'").replace("–", "-")))


def _folded(words: Sequence[str]) -> list[str]:
    """In small letters, without a possessive, numbers in digits: what counts as the same word."""
    return [_fold(w) for w in words]


@lru_cache(maxsize=50_000)
def _fold(word: str) -> str:
    low = spelled(word).removesuffix("'s")
    value = numbers(word)
    return next(iter(value)) if len(value) == 1 else low


def _judged(new: Sequence[str], gone: Sequence[str], text: str) -> Change | None:
    if _negators(new) % 2 != _negators(gone) % 2 and max(len(new), len(gone)) <= CHANGED:
        return Change.NEGATION
    if not new or not gone or len(new) > CHANGED or len(gone) > CHANGED:
        return None
    if _opposite(new, gone):
        return Change.DIRECTION
    if dates(" ".join(new)) - dates(" ".join(gone)) and dates(" ".join(gone)) - dates(" ".join(new)):
        return Change.DATE
    ours, theirs = numbers(" ".join(new)), numbers(" ".join(gone))
    if ours - theirs and theirs - ours and not _rounds(ours, theirs, text):
        return Change.NUMBER
    mine, their = _names(new), _names(gone)
    if mine - their and their - mine and not _same_name(mine - their, their - mine):
        return Change.NAME
    return None


def _swapped(changes: Sequence[tuple[Sequence[str], Sequence[str]]], moved: frozenset[str]) -> bool:
    """A name stands on the other side of its verb, and neither "by" nor "said" explains it."""
    words = {w.lower() for change in changes for part in change for w in part}
    named = frozenset(_fold(w) for new, _ in changes for w in new if _names((w,)))
    short = all(len(new) <= CHANGED and len(gone) <= CHANGED for new, gone in changes)
    return bool(moved & named) and short and not words & _EXPLAINS


def _negators(words: Sequence[str]) -> int:
    return sum(bool(_NOT.search(w.lower())) for w in words)


def _opposite(new: Sequence[str], gone: Sequence[str]) -> bool:
    ours, theirs = {w.lower() for w in new}, {w.lower() for w in gone}
    return any(
        (ours & one and theirs & other and not ours & other)
        or (ours & other and theirs & one and not ours & one)
        for one, other in _OPPOSITES
    )


def _rounds(ours: frozenset[str], theirs: frozenset[str], text: str) -> bool:
    """ "About 3,000" for 3,012: it says that it is not exact, and is near."""
    return all(about(n, text) and near_to(n, theirs) for n in ours)


def _names(words: Sequence[str]) -> frozenset[str]:
    found = (n.lower() for w in words for n in name_words(f"x {w}"))
    return frozenset(n.replace("’", "'").removesuffix("'s") for n in found) - _TITLES


def _same_name(ours: frozenset[str], theirs: frozenset[str]) -> bool:
    """Two ways to write one name: short forms, a party by its members, a word of the same stem."""
    if any(ours & same and theirs & same for same in _SAME_NAMES):
        return True
    initials = {"".join(w[0] for w in theirs), "".join(w[0] for w in ours)}
    if any(w.replace(".", "") in initials for w in (*ours, *theirs) if len(w.replace(".", "")) > 1):
        return True
    return all(any(_akin(a, b) for b in theirs) for a in ours)


def _akin(one: str, other: str) -> bool:
    """ "Israeli" and "Israel", "Marlow-Quorn" and "Quorn"."""
    parts = set(one.split("-")) & set(other.split("-"))
    return (
        bool(parts)
        or stem(one) == stem(other)
        or (min(len(one), len(other)) >= 4 and (one.startswith(other) or other.startswith(one)))
    )


def _facts_in(word: str) -> bool:
    """The word is a name, a number, a day, a unit or a quantity: added, it must be looked for."""
    return bool(numbers(word) or _names((word,)) or dates(word) or quantities(word)) or word.lower() in UNITS
