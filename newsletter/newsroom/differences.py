"""How the Sides' headlines differ in words, counted. The same count is made again by the grounding gate. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from newsletter.newsroom.leans import SIDE_NAMES, Side
from newsletter.newsroom.loaded_words import LOADED
from newsletter.newsroom.questions import ABOUT, tells_next
from newsletter.newsroom.selection import side_scores
from newsletter.newsroom.side_words import root_of, words_of
from newsletter.newsroom.statements import Statement
from newsletter.newsroom.summarizers.protocol import ArticleText
from newsletter.newsroom.telling import Bullet, BulletKind, Citation, Sentence

_IN_THEIR_WORDS = re.compile(r"^On the (?:left|right), .{1,80}? writes: ")
LEAST_SHARE = 0.1  # of a Side's headlines that must use a word for its count to mean something
OWN = 0.4  # cosine to every sentence of the other Side under which a sentence is a Side's own
# Words that name the same people or acts as others do, and judge them by the choice.
_NAMED_SO = (
    "illegal illegals undocumented migrant migrants alien aliens gangbanger thug regime genocide occupation occupied settler "
    "settlers terrorist terrorists militant militants extremist far-right far-left hardline controversial fraud rigged gerrymander "
    "gerrymandering gerrymandered crackdown purge takeover conquest conquer assault invasion attack defiance woke radical activist "
    "militarize weaponize weaponizing retaliation revenge landmark historic sweeping victory blow setback wrongly wrongfully "
    "mistakenly accused alleged criminal felon predator cover-up hoax scandal coup democracy authoritarian dictator racist "
    "racially power-grab starvation famine hostage martyr pro-life anti-abortion pro-choice abortion rights freedom liberty "
    "Republican-leaning Republican-friendly GOP-friendly liberal conservative leftist right-wing left-wing mocks mock blasts "
    "slams rips fumes meltdown surrender chaos crisis threat threatens"
)
_FRAMING = frozenset(root_of(w) for w in (*_NAMED_SO.lower().split(), *LOADED))
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
        counts = [count(w, side, other, articles) for w in words.get(side, ()) if root_of(w) in _FRAMING]
        counts = [c for c in counts if c.n >= 2 and c.n >= LEAST_SHARE * c.of and c.other_of >= 3]
        if counts:
            found.append(max(counts, key=lambda c: (c.n / c.of, c.word)))
    return found[:limit]


def in_their_words(own: Mapping[Side, Statement]) -> list[Bullet]:
    """What an Outlet of each Side writes that the other Side does not: a cited sentence for each, or nothing."""
    if not all(side in own for side in (Side.LEFT, Side.RIGHT)):
        return []
    return [
        Bullet(
            BulletKind.DIFFER,
            Sentence(
                f"On the {SIDE_NAMES[side].lower()}, {own[side].article.outlet} writes: {own[side].text}",
                (own[side].citation,),
            ),
        )
        for side in (Side.LEFT, Side.RIGHT)
    ]


def is_in_their_words(bullet: Bullet) -> bool:
    """Made by :func:`in_their_words`."""
    return bullet.kind is BulletKind.DIFFER and bool(_IN_THEIR_WORDS.match(bullet.sentence.text))


def without_opening(text: str, outlets: Sequence[str]) -> str:
    """The text without "The Heron reported:" or "On the left, The Heron writes:" in front."""
    bare = _IN_THEIR_WORDS.sub("", text)
    for outlet in outlets:
        bare = bare.removeprefix(f"{outlet} reported: ")
    return bare


def own_statements(pool: Sequence[Statement], used: Sequence[Statement]) -> dict[Side, Statement]:
    """Of left and right, the most telling sentence that no Outlet of the other Side comes near."""
    found: dict[Side, Statement] = {}
    for side, other in ((Side.LEFT, Side.RIGHT), (Side.RIGHT, Side.LEFT)):
        theirs = [s for s in pool if s.side is other]
        scores = side_scores(pool, side, pool)
        able = [
            (scores[i], s)
            for i, s in enumerate(pool)
            if i in scores
            and not s.is_headline
            and s.stands_alone
            and s.about >= ABOUT
            and s.words <= 34
            and not tells_next(s.text)
        ]
        for _, statement in sorted(able, key=lambda p: (-p[0], p[1].article.id, p[1].position)):
            if all(statement.like(o) < OWN for o in theirs) and all(statement.like(u) < 0.5 for u in used):
                found[side] = statement
                break
    return found
