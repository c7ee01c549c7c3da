"""Which Articles are about the same happening, decided from their words and dates alone. Pure.

The method, in a few turns (:data:`TURNS`):

1. Texts (title twice, then the first 400 characters) become weighted words. A word weighs the more, the fewer *Stories* use it, not
   the fewer Articles: in the first turn every Article counts as a Story, then those found in the turn before do. So the name of a
   happening that a tenth of all Articles report stays a rare word. (Inverse document frequency, Sparck Jones 1972, with the feedback
   of a first search, as relevance feedback does it, Rocchio 1971.)
2. A sparse graph of pairs that are alike (:mod:`newsletter.stories.similarity_graph`), loosely grouped by label propagation, which begins
   at what the turn before found.
3. In each loose group, only what is linked closely enough on average stays together; a piece left alone joins what it is likest, if
   it is like that on average, however faintly each (:mod:`newsletter.stories.linkage`).
4. Stories that there are change for a clear reason only (:mod:`newsletter.stories.stability`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

import numpy as np

from newsletter.stories.embedding_scale import SURE, Meanings, scaled
from newsletter.stories.linkage import link, taken_in
from newsletter.stories.similarity_graph import graph, propagate, strengthened, stronger
from newsletter.stories.stability import settled
from newsletter.stories.tfidf import Floats, Numbers, Terms, terms, weigh_terms

TEXT_LETTERS = 400
EDGE = 0.20  # likeness of two pieces that may pull each other into one group
FAINT = 0.15  # likeness that still counts when a group is asked whether it holds together
ALONE = 0.10  # likeness that still counts when a piece is left alone
TURNS = 6  # at most; mostly fewer change anything
STAY = 1.35  # times as alike are pieces that stand in one Story already: small doubts move nobody


@dataclass(frozen=True)
class Piece:
    """What is known of one Article. ``date`` None: unknown, close to every date."""

    id: int | str
    title: str
    text: str
    date: date | datetime | None = None


def cluster(
    pieces: Sequence[Piece], meanings: Floats | None = None, before: Sequence[int | None] | None = None
) -> list[int]:
    """A label for each piece; equal labels belong together. A piece like no other has a label of its own.

    The partition does not depend on the order of ``pieces``. ``meanings`` holds an embedder's vector for each
    (:mod:`newsletter.stories.embeddings`); words alone decide without them, and where the model's scale cannot be known.
    ``before`` holds the Story in which each stands already, None for a new piece: what stands together stays together unless
    there is reason to part it (:data:`STAY`, :mod:`newsletter.stories.stability`).
    """
    order = sorted(range(len(pieces)), key=lambda i: _canonical(pieces[i]))
    ordered = [pieces[i] for i in order]
    words = _words_of(ordered)
    days = np.array([_day(p.date) for p in ordered], dtype=np.float64)
    stood = _stood([before[i] for i in order] if before is not None else [None] * len(order))
    labels = stood.tolist()
    heard: Meanings | None = None
    if meanings is not None:
        sure = graph(weigh_terms(words, range(len(order))), days, least=SURE)
        heard = scaled(meanings[order], sure)
    # Where propagation begins: two large Stories that touch would else be one in every other turn.
    begun: list[int] | None = None
    for _ in range(TURNS):
        all_edges = graph(weigh_terms(words, labels), days, least=ALONE, meanings=heard)
        edges = stronger(all_edges, FAINT)
        firmer = strengthened(edges, stood, STAY)
        loose = propagate(stronger(firmer, EDGE), begun)
        found = settled(edges, taken_in(all_edges, link(firmer, loose)), stood)
        same = _numbered(found) == _numbered(labels)
        labels = begun = found
        if same:
            break
    result = [0] * len(pieces)
    for place, label in zip(order, _numbered(labels), strict=True):
        result[place] = label
    return result


def _words_of(pieces: Sequence[Piece]) -> Terms:
    """The words of each piece's title, twice, and of the beginning of its text."""
    return terms([[(p.title, 2), (p.text[:TEXT_LETTERS], 1)] for p in pieces])


def _stood(before: Sequence[int | None]) -> Numbers:
    """A number for the Story of each piece; one of its own for a piece without."""
    numbers: dict[int, int] = {}
    size = len(before)
    return np.array(
        [
            i if story is None else size + numbers.setdefault(story, len(numbers))
            for i, story in enumerate(before)
        ],
        dtype=np.int64,
    )


def embedded_text(piece: Piece) -> str:
    """What an embedder is asked about a piece."""
    return f"{piece.title}. {piece.text[:TEXT_LETTERS]}".strip()


def _numbered(labels: Sequence[int]) -> list[int]:
    """The same labels, numbered from 0 as they come."""
    numbers: dict[int, int] = {}
    return [numbers.setdefault(label, len(numbers)) for label in labels]


def _canonical(piece: Piece) -> tuple[float, str, str, str]:
    return (_day(piece.date), piece.title, piece.text, str(piece.id))


def _day(when: date | datetime | None) -> float:
    """Days since 1970; infinite when unknown, which sorts last."""
    if when is None:
        return float("inf")
    if not isinstance(when, datetime):
        when = datetime(when.year, when.month, when.day, tzinfo=UTC)
    elif when.tzinfo is None:
        when = when.replace(tzinfo=UTC)
    return when.timestamp() / 86_400


def central(pieces: Sequence[Piece]) -> int:
    """The place of the piece that most resembles all others; the first of equals."""
    matrix = weigh_terms(_words_of(pieces), range(len(pieces)), max_share=1.0)
    likeness = np.asarray(matrix @ matrix.sum(axis=0).T).ravel()
    return int(np.argmax(np.round(likeness, 9)))
