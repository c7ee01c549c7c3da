"""Group Articles that are about the same event, by their words and dates. Pure.

The method repeats these steps at most :data:`MAX_ROUNDS` times:

1. Texts (title twice, then the first 400 characters) become TF-IDF vectors. Document frequency counts *Stories*, not Articles: in
   the first round every Article counts as a Story, later the groups of the round before do. So a name that a tenth of all Articles
   mention, because they report one large event, stays a rare word. (Inverse document frequency: Sparck Jones 1972; using a first
   result to weigh words again: relevance feedback, Rocchio 1971.)
2. Similar pairs form a sparse graph (:mod:`newsletter.stories.similarity_graph`). Label propagation finds loose groups in it,
   starting from the groups of the round before.
3. Average linkage splits each loose group; a piece left alone joins the most similar group, if it is similar enough on average
   (:mod:`newsletter.stories.linkage`).
4. Existing Stories change only for a clear reason (:mod:`newsletter.stories.stability`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

import numpy as np

from newsletter.stories.embedding_scale import SURE, Meanings, with_scale
from newsletter.stories.linkage import attach_singles, average_linkage
from newsletter.stories.similarity_graph import build_graph, edges_above, propagate_labels, strengthen_within
from newsletter.stories.stability import stabilize
from newsletter.stories.tfidf import Floats, Numbers, Terms, terms, weigh_terms

TEXT_LETTERS = 400
EDGE_SIMILARITY = 0.20  # least similarity of an edge in label propagation
LINKAGE_SIMILARITY = 0.15  # least similarity of an edge in linkage and stability
SINGLE_SIMILARITY = 0.10  # least similarity of an edge when a single piece is attached to a group
MAX_ROUNDS = 6  # at most; the repetition ends when a round changes nothing
SAME_STORY_FACTOR = 1.35  # factor on the similarity of two pieces of one existing Story in label propagation


@dataclass(frozen=True)
class Piece:
    """An Article as clustering sees it. A ``date`` of None is unknown and counts as close to every date."""

    id: int | str
    title: str
    text: str
    date: date | datetime | None = None


def cluster(
    pieces: Sequence[Piece],
    meanings: Floats | None = None,
    current_stories: Sequence[int | None] | None = None,
) -> list[int]:
    """Return a label for each piece, numbered from 0; pieces with equal labels belong together.

    The partition does not depend on the order of ``pieces``. ``meanings`` holds an embedding vector of length 1 for each piece
    (:mod:`newsletter.stories.embeddings`), shape (pieces, width); without it, and when the scale of the model cannot be
    estimated, words alone decide. ``current_stories`` holds the present Story of each piece, None for a new piece: pieces of
    one Story stay together unless there is a clear reason to separate them (:data:`SAME_STORY_FACTOR`,
    :mod:`newsletter.stories.stability`).
    """
    order = sorted(range(len(pieces)), key=lambda i: _canonical(pieces[i]))
    ordered = [pieces[i] for i in order]
    words = _words_of(ordered)
    days = np.array([_day(p.date) for p in ordered], dtype=np.float64)
    current = _current_stories(
        [current_stories[i] for i in order] if current_stories is not None else [None] * len(order)
    )
    labels = current.tolist()
    scaled_meanings: Meanings | None = None
    if meanings is not None:
        sure = build_graph(weigh_terms(words, range(len(order))), days, least=SURE)
        scaled_meanings = with_scale(meanings[order], sure)
    # Label propagation starts from the last round's groups; otherwise two large Stories that touch would merge in every other round.
    start: list[int] | None = None
    for _ in range(MAX_ROUNDS):
        all_edges = build_graph(
            weigh_terms(words, labels), days, least=SINGLE_SIMILARITY, meanings=scaled_meanings
        )
        edges = edges_above(all_edges, LINKAGE_SIMILARITY)
        firmer = strengthen_within(edges, current, SAME_STORY_FACTOR)
        loose = propagate_labels(edges_above(firmer, EDGE_SIMILARITY), start)
        found = stabilize(edges, attach_singles(all_edges, average_linkage(firmer, loose)), current)
        same = _numbered(found) == _numbered(labels)
        labels = start = found
        if same:
            break
    result = [0] * len(pieces)
    for place, label in zip(order, _numbered(labels), strict=True):
        result[place] = label
    return result


def _words_of(pieces: Sequence[Piece]) -> Terms:
    """Return the counted words of each piece: its title, twice, and the beginning of its text."""
    return terms([[(p.title, 2), (p.text[:TEXT_LETTERS], 1)] for p in pieces])


def _current_stories(stories: Sequence[int | None]) -> Numbers:
    """Return a number for the Story of each piece, from ``len(stories)`` up; a piece without a Story gets its own place."""
    numbers: dict[int, int] = {}
    size = len(stories)
    return np.array(
        [
            i if story is None else size + numbers.setdefault(story, len(numbers))
            for i, story in enumerate(stories)
        ],
        dtype=np.int64,
    )


def embedded_text(piece: Piece) -> str:
    """Return the text of a piece that is embedded."""
    return f"{piece.title}. {piece.text[:TEXT_LETTERS]}".strip()


def _numbered(labels: Sequence[int]) -> list[int]:
    """Return the same partition with labels numbered from 0 in order of appearance."""
    numbers: dict[int, int] = {}
    return [numbers.setdefault(label, len(numbers)) for label in labels]


def _canonical(piece: Piece) -> tuple[float, str, str, str]:
    return (_day(piece.date), piece.title, piece.text, str(piece.id))


def _day(when: date | datetime | None) -> float:
    """Return days since 1970-01-01 UTC; infinity when the date is unknown, so that it sorts last."""
    if when is None:
        return float("inf")
    if not isinstance(when, datetime):
        when = datetime(when.year, when.month, when.day, tzinfo=UTC)
    elif when.tzinfo is None:
        when = when.replace(tzinfo=UTC)
    return when.timestamp() / 86_400


def central(pieces: Sequence[Piece]) -> int:
    """Return the place of the piece with the greatest sum of similarities to the others; the first of equals."""
    matrix = weigh_terms(_words_of(pieces), range(len(pieces)), max_share=1.0)
    similarity = np.asarray(matrix @ matrix.sum(axis=0).T).ravel()
    return int(np.argmax(np.round(similarity, 9)))
