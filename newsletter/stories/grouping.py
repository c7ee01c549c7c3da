"""Group Articles about one event into Stories, and keep each Story's identity as Articles arrive.

A second run changes nothing: the result depends only on the Articles, and only differences are written. No transaction is open
during the computation.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import case, func, select, update
from sqlalchemy.orm import Session

from newsletter import db, log
from newsletter.db.models import Article, ArticlePage, Outlet, Story, StoryChange
from newsletter.errors import Refused
from newsletter.feeds.kinds import GROUPED
from newsletter.stories.clustering import Piece, central, cluster, embedded_text
from newsletter.stories.dedup import ComparedText, wire_keys
from newsletter.stories.embeddings import Embedder, EmbedderError
from newsletter.stories.slugs import make_slug, mark_of
from newsletter.stories.story_matching import Assignment, match_groups
from newsletter.stories.tfidf import Floats
from newsletter.stories.topics import topic_of

WINDOW = timedelta(days=7)  # an older Article stays in the Story it is in
LONGEST_COMPARED = 2_000  # characters of a page that are looked at for copies
_TRIES = 3
_log = log.get("stories")
Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class GroupReport:
    """Counts of one grouping: the Articles and Stories considered, and the changes made."""

    articles: int
    stories: int
    new_stories: int
    merged: int
    split: int
    moved: int


@dataclass(frozen=True)
class _Row:
    id: int
    story_id: int | None
    headline: str
    excerpt: str
    published_at: datetime
    wire_key: str | None
    page_text: str | None  # the beginning, where its page was read
    models_allowed: bool | None  # None: its page was not read


@dataclass(frozen=True)
class _Snapshot:
    """What was read: the Articles, the ids of those that an operator placed, and a marker that shows whether anyone else has
    changed Stories since."""

    rows: tuple[_Row, ...]
    pinned: frozenset[int]
    change_marker: tuple[int, int]


def run(
    sessions: db.Sessions,
    *,
    now: datetime,
    progress: Progress | None = None,
    embedder: Embedder | None = None,
) -> GroupReport:
    """Group the recent Articles of the enabled Outlets. Raises :class:`Refused` when operators keep changing Stories meanwhile.

    When the embedder does not answer, words alone decide.
    """
    report_progress = progress or (lambda done, total, what: None)
    for _ in range(_TRIES):
        report_progress(0, 3, "reading articles")
        with db.reading(sessions) as session:
            snapshot = _read(session, now)
        report_progress(1, 3, f"comparing {len(snapshot.rows):,} articles")
        assignment, keys = _decide(snapshot, embedder)
        report_progress(2, 3, "saving stories")
        with sessions.begin() as session:
            if _change_marker(session) != snapshot.change_marker:
                continue  # an operator has changed a Story since: read again
            _apply(session, snapshot, assignment, keys, now)
        report = _report(snapshot, assignment)
        _log.info("group.done", **report.__dict__)
        report_progress(3, 3, "done")
        return report
    raise Refused("Stories kept changing while they were being grouped. Run the step again.")


def _read(session: Session, now: datetime) -> _Snapshot:
    rows = session.execute(
        select(
            Article.id,
            Article.story_id,
            Article.headline,
            Article.excerpt,
            Article.published_at,
            Article.wire_key,
            func.substr(ArticlePage.text, 1, LONGEST_COMPARED),
            case((ArticlePage.verdict == "read", ArticlePage.models_allowed)),
        )
        .join(Outlet)
        .outerjoin(ArticlePage, ArticlePage.article_id == Article.id)
        .where(Article.published_at >= now - WINDOW, Outlet.enabled, Outlet.listed)
        # Articles that are in a Story already stay in it, so that no published Citation loses its Article.
        .where(Article.kind.in_([kind.value for kind in GROUPED]) | Article.story_id.is_not(None))
        .order_by(Article.published_at, Article.id)
    ).all()
    by_hand = session.scalars(select(StoryChange.article_ids).where(StoryChange.by != "grouping")).all()
    return _Snapshot(
        rows=tuple(_Row(*row) for row in rows),
        pinned=frozenset(article for ids in by_hand for article in ids),
        change_marker=_change_marker(session),
    )


def _change_marker(session: Session) -> tuple[int, int]:
    return (
        session.scalar(select(func.coalesce(func.max(StoryChange.id), 0))) or 0,
        session.scalar(select(func.coalesce(func.max(Story.id), 0))) or 0,
    )


def embeddings_of(pieces: Sequence[Piece], embedder: Embedder | None) -> Floats | None:
    """Return the embedder's vectors, shape (pieces, width). Returns None without an embedder, and when it fails, which is logged."""
    if embedder is None or not pieces:
        return None
    try:
        return embedder.embed([embedded_text(piece) for piece in pieces])
    except EmbedderError as error:
        _log.warning("group.embedder_failed", reason=str(error))
        return None


def _decide(snapshot: _Snapshot, embedder: Embedder | None) -> tuple[Assignment, dict[int, str | None]]:
    """Return the Story of each Article and its wire key. Uses no tables."""
    pieces = [Piece(r.id, r.headline, r.excerpt, r.published_at) for r in snapshot.rows]
    # An embedder is a model: of what an outlet keeps from models it gets the headline only.
    for_embedder = [
        p if r.models_allowed is not False else replace(p, text="")
        for p, r in zip(pieces, snapshot.rows, strict=True)
    ]
    labels = cluster(pieces, embeddings_of(for_embedder, embedder), [r.story_id for r in snapshot.rows])
    groups: dict[int, list[int]] = {}
    for row, label in zip(snapshot.rows, labels, strict=True):
        groups.setdefault(label, []).append(row.id)
    story_of = {r.id: r.story_id for r in snapshot.rows if r.story_id is not None}
    assignment = match_groups(list(groups.values()), story_of, snapshot.pinned)
    final: dict[int, list[ComparedText]] = {}
    keys: dict[int, str | None] = {}
    for row in snapshot.rows:
        story = assignment.story_of.get(row.id, row.story_id)
        if story is None:
            keys[row.id] = None
        else:
            final.setdefault(story, []).append(
                ComparedText(row.id, row.headline, row.page_text or row.excerpt, row.wire_key)
            )
    for texts in final.values():
        keys.update(wire_keys(texts))
    return assignment, keys


def _apply(
    session: Session, snapshot: _Snapshot, assignment: Assignment, keys: dict[int, str | None], now: datetime
) -> None:
    numbers = _store_new(session, snapshot, assignment, now)
    touched: set[int] = set(numbers.values())
    for article_id, to in assignment.story_of.items():
        target = numbers.get(to, to)
        touched.add(target)
        session.execute(update(Article).where(Article.id == article_id).values(story_id=target))
    for change in assignment.changes:
        target = numbers.get(change.to, change.to)
        touched.add(change.story_id)
        session.add(
            StoryChange(
                kind=change.kind,
                from_story_id=change.story_id,
                to_story_id=target,
                article_ids=list(change.article_ids),
                at=now,
            )
        )
        if change.kind == "merged":
            redirect_story(session, change.story_id, target)
    for row in snapshot.rows:
        if keys[row.id] != row.wire_key:
            session.execute(update(Article).where(Article.id == row.id).values(wire_key=keys[row.id]))
    session.flush()
    for story_id in sorted(touched):
        refresh_story(session, story_id, now)


def _store_new(
    session: Session, snapshot: _Snapshot, assignment: Assignment, now: datetime
) -> dict[int, int]:
    """Store the new Stories; return their ids by their provisional numbers."""
    by_id = {r.id: r for r in snapshot.rows}
    numbers = {}
    for provisional, article_ids in sorted(assignment.new.items(), reverse=True):
        rows = [by_id[i] for i in article_ids]
        story = store_story(session, rows, now)
        numbers[provisional] = story.id
    return numbers


def store_story(session: Session, rows: Sequence[_Row] | Sequence[Article], now: datetime) -> Story:
    """Store a new Story for these Articles and return it. The caller moves the Articles into it."""
    story = Story(
        slug=uuid.uuid4().hex,  # until its id is known
        created_at=now,
        first_published_at=min(r.published_at for r in rows),
        last_published_at=max(r.published_at for r in rows),
        grouped_at=now,
    )
    session.add(story)
    session.flush()
    central_row = central([Piece(r.id, r.headline, r.excerpt, r.published_at) for r in rows])
    story.slug = make_slug(rows[central_row].headline, mark_of(story.id))
    return story


def redirect_story(session: Session, story_id: int, target: int) -> None:
    """Move the remaining Articles of a Story to ``target``, and redirect its address and those redirected to it."""
    session.execute(update(Article).where(Article.story_id == story_id).values(story_id=target))
    session.execute(
        update(Story)
        .where((Story.id == story_id) | (Story.merged_into_id == story_id))
        .values(merged_into_id=target)
    )


def refresh_story(session: Session, story_id: int, now: datetime) -> None:
    """Update a Story's dates and Topic from its Articles. A Story without Articles stays as it is."""
    story = session.get_one(Story, story_id)
    session.refresh(story)
    rows: Sequence[Article] = story.articles
    if not rows:
        return
    story.first_published_at = rows[0].published_at
    story.last_published_at = rows[-1].published_at
    story.grouped_at = now
    story.topic = topic_of((a.wire_key or a.outlet_id, a.headline, a.excerpt) for a in rows)


def _report(snapshot: _Snapshot, assignment: Assignment) -> GroupReport:
    after = {assignment.story_of.get(r.id, r.story_id) for r in snapshot.rows} - {None}
    return GroupReport(
        articles=len(snapshot.rows),
        stories=len(after),
        new_stories=len(assignment.new),
        merged=assignment.count("merged"),
        split=assignment.count("split"),
        moved=assignment.count("moved"),
    )
