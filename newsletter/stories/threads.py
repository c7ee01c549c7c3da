"""Which earlier Stories belong to the thread of a Story: the History under it.

A link needs two witnesses, for a wrong one misleads and a missing one only is missed: the texts are alike (cosine of weighted
words) and both carry a name that not everybody carries. How much likeness is asked for depends on the names, the rarer the less, and
on the time between: threads mostly go on within weeks. Less is asked of two Stories that both belong with a third.
``evaluate history`` measures it.
"""

from __future__ import annotations

import calendar
import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from scipy import sparse
from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from newsletter import db, log
from newsletter.db.models import Article, HistoryLink, Story
from newsletter.stories.tfidf import Floats, terms, weigh_terms
from newsletter.stories.words import fold, stem

RECENT = timedelta(days=2)  # Stories that may still gain Articles or stand in an Issue
LOOK_BACK = timedelta(days=400)
APART = timedelta(hours=20)  # an earlier Story began on a day before
ALIKE = 0.18  # cosine of texts that may be linked
ENOUGH = 0.26  # cosine and weight of the shared names together, less what the time between takes away
NAME = 0.055  # weight of a shared name that only one Story in all would carry; one that all carry has none
FADING = 0.035  # for each e-fold of the days between
KIN_ALIKE, KIN_ENOUGH = 0.14, 0.14  # the same of two Stories that both belong with a third
MUCH_ALIKE = 0.36  # from here on any name is a witness; below, one that few Stories carry:
COMMON_SHARE = 0.2  # of all Stories compared
COMMON_STORIES = 7  # and so many may always, for a thread is several Stories
MOST_LINKS = 4
TEXTS = 4  # Articles of a Story that are compared
TEXT_LETTERS = 400
_MIN_NAME = 4  # letters
_BLOCK = 256  # Stories compared at once
# Capitals inside a sentence, not at its beginning. A run of them is one name, known by its last word: the surname, the
# "Tarn" of Cape Tarn.
_NAME = re.compile(r"(?<=[a-z,;’'] )(?:[A-Z][\w’'-]+ )*([A-Z][\w’'-]+)")
_DATES = frozenset(stem(fold(d)) for d in (*calendar.month_name[1:], *calendar.day_name))
# Parties stand in the news of every day: two Stories are of no one thread because both name Democrats.
_PARTIES = frozenset(
    stem(fold(p))
    for p in (
        "Democrats",
        "Democrat",
        "Democratic",
        "Republicans",
        "Republican",
        "Conservatives",
        "Labour",
        "Liberals",
    )
)
_SMALL = re.compile(r"\b[a-z][\w’'-]{3,}")
_log = log.get("stories")


@dataclass(frozen=True)
class Thread:
    """A Story as History compares it: its number, when it began, and the headlines and texts of its first Articles."""

    id: int
    began: datetime
    headlines: tuple[str, ...]
    texts: tuple[str, ...]


@dataclass(frozen=True)
class Link:
    """``earlier_id`` belongs to the thread of ``story_id``."""

    story_id: int
    earlier_id: int
    similarity: float
    shared_name: str


def names_in(texts: Sequence[str]) -> dict[str, str]:
    """The names in running text, folded, each with how it is written. Headlines are no witness: many capitalize all words."""
    found: dict[str, str] = {}
    for text in texts:
        for match in _NAME.finditer(text):
            written = match.group(1).removesuffix("'s").removesuffix("’s")
            if len(written) >= _MIN_NAME:
                found.setdefault(stem(fold(written)), written)
    return found


def links(stories: Sequence[Thread], recent: frozenset[int]) -> list[Link]:
    """The History of each Story in ``recent``: at most four earlier Stories, the likest first. Pure.

    The answer does not depend on the order of ``stories``.
    """
    stories = sorted(stories, key=lambda s: s.id)
    words_of = terms(
        [[*((h, 2) for h in s.headlines), *((t[:TEXT_LETTERS], 1) for t in s.texts)] for s in stories]
    )
    matrix = weigh_terms(words_of, range(len(stories)), scarce=0)
    # "City", "Strip" and "Supporters" are words somebody wrote large.
    words = (
        _DATES | _PARTIES | {stem(fold(word)) for s in stories for t in s.texts for word in _SMALL.findall(t)}
    )
    names = [{n: w for n, w in names_in(s.texts).items() if n not in words} for s in stories]
    kinship = _Kinship(stories, matrix, names)
    rows = [i for i, s in enumerate(stories) if s.id in recent]
    pairs = kinship.pairs(rows)
    kin = {i: {p.other for p in found if p.close} for i, found in pairs.items()}
    beyond = sorted(frozenset().union(*kin.values()) - kin.keys())
    kin |= {i: {p.other for p in found if p.close} for i, found in kinship.pairs(beyond).items()}
    found: list[Link] = []
    for row in rows:
        mine = [
            p
            for p in pairs[row]
            if stories[p.other].began <= stories[row].began - APART
            and (p.close or any(p.other in kin[third] for third in kin[row]))
        ]
        mine.sort(key=lambda p: (-p.score, stories[p.other].id))
        found.extend(
            Link(stories[row].id, stories[p.other].id, p.similarity, names[row][p.name])
            for p in mine[:MOST_LINKS]
        )
    return found


@dataclass(frozen=True)
class _Pair:
    """Another Story that may belong to the same thread, by its place; ``close``: it does, whatever others say."""

    other: int
    similarity: float
    score: float
    name: str  # the rarest that both carry
    close: bool


class _Kinship:
    """Which Stories may belong together, judged two at a time."""

    def __init__(
        self, stories: Sequence[Thread], matrix: sparse.csr_matrix, names: Sequence[Mapping[str, str]]
    ) -> None:
        self._matrix = matrix
        self._days = np.array([s.began.timestamp() for s in stories]) / 86_400
        carried = Counter(name for each in names for name in each)
        most = max(COMMON_STORIES, COMMON_SHARE * len(stories))
        whole = math.log(max(len(stories), 2))
        # From 1 for a name that one Story alone carries down to 0 for one that all carry.
        self._rarity = {n: 1 - math.log(times) / whole for n, times in carried.items()}
        self._common = {n for n, times in carried.items() if times > most}
        self._names = [frozenset(each) for each in names]

    def pairs(self, rows: Sequence[int]) -> dict[int, list[_Pair]]:
        """For each row the others that may be of its thread, earlier or later."""
        found: dict[int, list[_Pair]] = {}
        for row, likeness in _similarity_rows(self._matrix, rows):
            apart = np.abs(self._days - self._days[row])
            near = np.flatnonzero((likeness >= KIN_ALIKE) & (apart >= APART / timedelta(days=1)))
            judged = (self._judged(row, i, float(likeness[i]), float(apart[i])) for i in near.tolist())
            found[row] = [pair for pair in judged if pair is not None]
        return found

    def _judged(self, row: int, other: int, likeness: float, apart: float) -> _Pair | None:
        both = self._names[row] & self._names[other]
        if likeness < MUCH_ALIKE:
            both -= self._common
        if not both:
            return None
        similarity = round(likeness, 6)
        weight = math.fsum(self._rarity[n] for n in both)
        score = round(similarity + NAME * weight - FADING * math.log1p(int(apart)), 6)
        if score < KIN_ENOUGH:
            return None
        name = min(both, key=lambda n: (-self._rarity[n], n))
        return _Pair(other, similarity, score, name, close=similarity >= ALIKE and score >= ENOUGH)


def _similarity_rows(matrix: sparse.csr_matrix, rows: Sequence[int]) -> Iterator[tuple[int, Floats]]:
    """Each row's cosine to every row, computed in blocks: bounds the memory."""
    across = matrix.T.tocsc()
    for start in range(0, len(rows), _BLOCK):
        block = rows[start : start + _BLOCK]
        yield from zip(block, (matrix[block] @ across).toarray(), strict=True)


def run(sessions: db.Sessions, *, now: datetime) -> int:
    """Bring the History of the recent Stories up to date. How many links they have."""
    with db.reading(sessions) as session:
        recent = frozenset(
            session.scalars(
                select(Story.id).where(
                    Story.last_published_at >= now - RECENT, Story.merged_into_id.is_(None)
                )
            )
        )
        stories = _read(session, now) if recent else []
    found = links(stories, recent)
    with sessions.begin() as session:
        _keep(session, recent, found)
    if recent:
        _log.info("history.done", stories=len(recent), links=len(found))
    return len(found)


def _read(session: Session, now: datetime) -> list[Thread]:
    place = (
        func.row_number()
        .over(partition_by=Article.story_id, order_by=(Article.published_at, Article.id))
        .label("place")
    )
    first = select(Article.story_id, Article.headline, Article.excerpt, place).subquery()
    rows = session.execute(
        select(Story.id, Story.first_published_at, first.c.headline, first.c.excerpt)
        .join(first, first.c.story_id == Story.id)
        .where(
            first.c.place <= TEXTS,
            Story.merged_into_id.is_(None),
            Story.first_published_at >= now - LOOK_BACK,
        )
        .order_by(Story.id, first.c.place)
    ).all()
    told: dict[int, tuple[datetime, list[str], list[str]]] = {}
    for story_id, began, headline, excerpt in rows:
        _, headlines, texts = told.setdefault(story_id, (began, [], []))
        headlines.append(headline)
        texts.append(excerpt)
    return [Thread(number, began, tuple(h), tuple(t)) for number, (began, h, t) in told.items()]


def _keep(session: Session, recent: frozenset[int], found: Sequence[Link]) -> None:
    """Write what differs: the second run changes nothing."""
    there: Mapping[tuple[int, int], HistoryLink] = {
        (row.story_id, row.earlier_id): row
        for part in _parts(sorted(recent))
        for row in session.scalars(select(HistoryLink).where(HistoryLink.story_id.in_(part)))
    }
    wanted = {(link.story_id, link.earlier_id): link for link in found}
    gone = [row.id for key, row in there.items() if key not in wanted]
    for part in _parts(gone):
        session.execute(delete(HistoryLink).where(HistoryLink.id.in_(part)))
    for key, link in wanted.items():
        row = there.get(key)
        if row is None:
            session.add(
                HistoryLink(
                    story_id=link.story_id,
                    earlier_id=link.earlier_id,
                    similarity=link.similarity,
                    shared_name=link.shared_name,
                )
            )
        elif (row.similarity, row.shared_name) != (link.similarity, link.shared_name):
            row.similarity, row.shared_name = link.similarity, link.shared_name


def _parts(numbers: Sequence[int], most: int = 500) -> list[Sequence[int]]:
    return [numbers[i : i + most] for i in range(0, len(numbers), most)]
