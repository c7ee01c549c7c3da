"""Find the earlier Stories of the same thread, which a Story shows as its History.

A wrong link misleads readers, and a missing one does little harm. So a link needs two kinds of evidence: the texts are similar
(cosine of TF-IDF vectors), and both Stories contain a name that few Stories contain. The similarity needed is lower for rarer
names and higher the more time lies between, because threads mostly continue within weeks. It is also lower for two Stories that
are both linked to a third. ``evaluate history`` measures precision and recall.
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

RECENT = timedelta(days=2)  # age of Stories that may still gain Articles or be placed in an Issue
LOOK_BACK = timedelta(days=400)
APART = timedelta(hours=20)  # an earlier Story began at least so much before
LEAST_SIMILARITY = 0.18  # least cosine of two linked Stories
LEAST_SCORE = 0.26  # least score: cosine plus weight of the shared names minus the penalty for time
NAME_WEIGHT = 0.055  # weight of a shared name in the score, times its rarity between 0 and 1
TIME_PENALTY = 0.035  # penalty in the score, times log(1 + days between)
# The same for two Stories that are linked to a third.
TRANSITIVE_SIMILARITY, TRANSITIVE_SCORE = 0.14, 0.14
HIGH_SIMILARITY = 0.36  # cosine from which any shared name counts; below it, common names do not count
COMMON_SHARE = 0.2  # a name is common in more than this share of the Stories compared …
COMMON_STORIES = 7  # … and in more than so many Stories, because a thread has several
MOST_LINKS = 4
TEXTS = 4  # Articles of each Story that are compared, the oldest
TEXT_LETTERS = 400
_MIN_NAME = 4  # letters
_BLOCK = 256  # Stories compared at once
# Capitalized words inside a sentence, not at its beginning. Adjacent ones are one name, which is known by its last word: the
# surname, or the "Tarn" of Cape Tarn.
_NAME = re.compile(r"(?<=[a-z,;’'] )(?:[A-Z][\w’'-]+ )*([A-Z][\w’'-]+)")
_DATES = frozenset(stem(fold(d)) for d in (*calendar.month_name[1:], *calendar.day_name))
# Names of parties are in the news every day and so are no evidence.
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
    """A Story as History compares it: its id, when it began, and the headlines and texts of its first Articles."""

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
    """Return the names in running text: their stems, each with its spelling. Headlines are not used, because many capitalize
    all words."""
    found: dict[str, str] = {}
    for text in texts:
        for match in _NAME.finditer(text):
            written = match.group(1).removesuffix("'s").removesuffix("’s")
            if len(written) >= _MIN_NAME:
                found.setdefault(stem(fold(written)), written)
    return found


def links(stories: Sequence[Thread], recent: frozenset[int]) -> list[Link]:
    """Return the History of each Story in ``recent``: at most :data:`MOST_LINKS` earlier Stories, the highest score first.

    Pure; the result does not depend on the order of ``stories``.
    """
    stories = sorted(stories, key=lambda s: s.id)
    words_of = terms(
        [[*((h, 2) for h in s.headlines), *((t[:TEXT_LETTERS], 1) for t in s.texts)] for s in stories]
    )
    matrix = weigh_terms(words_of, range(len(stories)), scarce=0)
    # A capitalized word that also occurs in lower case ("City", "Strip") is not a name.
    words = (
        _DATES | _PARTIES | {stem(fold(word)) for s in stories for t in s.texts for word in _SMALL.findall(t)}
    )
    names = [{n: w for n, w in names_in(s.texts).items() if n not in words} for s in stories]
    scorer = _PairScorer(stories, matrix, names)
    rows = [i for i, s in enumerate(stories) if s.id in recent]
    pairs = scorer.pairs(rows)
    close_to = {i: {p.other for p in found if p.close} for i, found in pairs.items()}
    beyond = sorted(frozenset().union(*close_to.values()) - close_to.keys())
    close_to |= {i: {p.other for p in found if p.close} for i, found in scorer.pairs(beyond).items()}
    found: list[Link] = []
    for row in rows:
        mine = [
            p
            for p in pairs[row]
            if stories[p.other].began <= stories[row].began - APART
            and (p.close or any(p.other in close_to[third] for third in close_to[row]))
        ]
        mine.sort(key=lambda p: (-p.score, stories[p.other].id))
        found.extend(
            Link(stories[row].id, stories[p.other].id, p.similarity, names[row][p.name])
            for p in mine[:MOST_LINKS]
        )
    return found


@dataclass(frozen=True)
class _Pair:
    """Another Story that may belong to the same thread, by its place. ``close`` is true when the pair alone is evidence enough."""

    other: int
    similarity: float
    score: float
    name: str  # the rarest that both contain
    close: bool


class _PairScorer:
    """Scores pairs of Stories that may belong to one thread."""

    def __init__(
        self, stories: Sequence[Thread], matrix: sparse.csr_matrix, names: Sequence[Mapping[str, str]]
    ) -> None:
        self._matrix = matrix
        self._days = np.array([s.began.timestamp() for s in stories]) / 86_400
        stories_with = Counter(name for each in names for name in each)
        most = max(COMMON_STORIES, COMMON_SHARE * len(stories))
        log_stories = math.log(max(len(stories), 2))
        # 1 for a name that only one Story contains, 0 for a name that all contain.
        self._rarity = {n: 1 - math.log(times) / log_stories for n, times in stories_with.items()}
        self._common = {n for n, times in stories_with.items() if times > most}
        self._names = [frozenset(each) for each in names]

    def pairs(self, rows: Sequence[int]) -> dict[int, list[_Pair]]:
        """Return, for each row, the other Stories that may be of its thread, earlier or later."""
        found: dict[int, list[_Pair]] = {}
        for row, similarities in _similarity_rows(self._matrix, rows):
            apart = np.abs(self._days - self._days[row])
            near = np.flatnonzero(
                (similarities >= TRANSITIVE_SIMILARITY) & (apart >= APART / timedelta(days=1))
            )
            scored = (self._scored(row, i, float(similarities[i]), float(apart[i])) for i in near.tolist())
            found[row] = [pair for pair in scored if pair is not None]
        return found

    def _scored(self, row: int, other: int, cosine: float, apart: float) -> _Pair | None:
        shared = self._names[row] & self._names[other]
        if cosine < HIGH_SIMILARITY:
            shared -= self._common
        if not shared:
            return None
        similarity = round(cosine, 6)
        weight = math.fsum(self._rarity[n] for n in shared)
        score = round(similarity + NAME_WEIGHT * weight - TIME_PENALTY * math.log1p(int(apart)), 6)
        if score < TRANSITIVE_SCORE:
            return None
        name = min(shared, key=lambda n: (-self._rarity[n], n))
        return _Pair(
            other, similarity, score, name, close=similarity >= LEAST_SIMILARITY and score >= LEAST_SCORE
        )


def _similarity_rows(matrix: sparse.csr_matrix, rows: Sequence[int]) -> Iterator[tuple[int, Floats]]:
    """Yield each of the rows with its cosines to all rows, shape (stories,). Blocks limit the memory used."""
    across = matrix.T.tocsc()
    for start in range(0, len(rows), _BLOCK):
        block = rows[start : start + _BLOCK]
        yield from zip(block, (matrix[block] @ across).toarray(), strict=True)


def run(sessions: db.Sessions, *, now: datetime) -> int:
    """Update the History of the recent Stories; return the number of their links."""
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
        _save_links(session, recent, found)
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
    by_story: dict[int, tuple[datetime, list[str], list[str]]] = {}
    for story_id, began, headline, excerpt in rows:
        _, headlines, texts = by_story.setdefault(story_id, (began, [], []))
        headlines.append(headline)
        texts.append(excerpt)
    return [Thread(number, began, tuple(h), tuple(t)) for number, (began, h, t) in by_story.items()]


def _save_links(session: Session, recent: frozenset[int], found: Sequence[Link]) -> None:
    """Write the links that differ from the stored ones, so that a second run changes nothing."""
    stored: Mapping[tuple[int, int], HistoryLink] = {
        (row.story_id, row.earlier_id): row
        for part in _parts(sorted(recent))
        for row in session.scalars(select(HistoryLink).where(HistoryLink.story_id.in_(part)))
    }
    wanted = {(link.story_id, link.earlier_id): link for link in found}
    surplus = [row.id for key, row in stored.items() if key not in wanted]
    for part in _parts(surplus):
        session.execute(delete(HistoryLink).where(HistoryLink.id.in_(part)))
    for key, link in wanted.items():
        row = stored.get(key)
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
