"""Put Articles about one happening into Stories, and keep each Story's identity as Articles arrive.

The second run changes nothing: what is computed from the same Articles is the same, and only differences are written.
No transaction is open while computing.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from newsletter import db, log
from newsletter.db.models import Article, Outlet, Story, StoryChange
from newsletter.errors import Refused
from newsletter.feeds.kinds import GROUPED
from newsletter.stories.clustering import Piece, central, cluster, embedded_text
from newsletter.stories.dedup import Print, wire_keys
from newsletter.stories.embeddings import Embedder, EmbedderError
from newsletter.stories.slugs import make_slug, mark_of
from newsletter.stories.story_matching import Plan, plan
from newsletter.stories.tfidf import Floats
from newsletter.stories.topics import topic_of

WINDOW = timedelta(days=7)  # an older Article stays in the Story it is in
_TRIES = 3
_log = log.get("stories")
Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class GroupReport:
    """What grouping did. ``articles`` and ``stories`` were looked at; the rest counts changes."""

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


@dataclass(frozen=True)
class _Seen:
    """What was read: the Articles, those an operator placed, and the mark by which we notice others' changes."""

    rows: tuple[_Row, ...]
    pinned: frozenset[int]
    mark: tuple[int, int]


def run(
    sessions: db.Sessions,
    *,
    now: datetime,
    progress: Progress | None = None,
    embedder: Embedder | None = None,
) -> GroupReport:
    """Group the recent Articles of the enabled Outlets. Raises :class:`Refused` when others keep changing Stories.

    An embedder that does not answer costs nothing but its help: words alone decide then.
    """
    say = progress or (lambda done, total, what: None)
    for _ in range(_TRIES):
        say(0, 3, "reading articles")
        with db.reading(sessions) as session:
            seen = _read(session, now)
        say(1, 3, f"comparing {len(seen.rows):,} articles")
        decided, keys = _decide(seen, embedder)
        say(2, 3, "saving stories")
        with sessions.begin() as session:
            if _mark(session) != seen.mark:
                continue  # an operator moved something meanwhile: look again
            _apply(session, seen, decided, keys, now)
        report = _report(seen, decided)
        _log.info("group.done", **report.__dict__)
        say(3, 3, "done")
        return report
    raise Refused("Stories kept changing while they were being grouped. Run the step again.")


def _read(session: Session, now: datetime) -> _Seen:
    rows = session.execute(
        select(
            Article.id,
            Article.story_id,
            Article.headline,
            Article.excerpt,
            Article.published_at,
            Article.wire_key,
        )
        .join(Outlet)
        .where(Article.published_at >= now - WINDOW, Outlet.enabled, Outlet.listed)
        # What is in a Story already stays, so that no printed citation loses its Article.
        .where(Article.kind.in_([kind.value for kind in GROUPED]) | Article.story_id.is_not(None))
        .order_by(Article.published_at, Article.id)
    ).all()
    by_hand = session.scalars(select(StoryChange.article_ids).where(StoryChange.by != "grouping")).all()
    return _Seen(
        rows=tuple(_Row(*row) for row in rows),
        pinned=frozenset(article for ids in by_hand for article in ids),
        mark=_mark(session),
    )


def _mark(session: Session) -> tuple[int, int]:
    return (
        session.scalar(select(func.coalesce(func.max(StoryChange.id), 0))) or 0,
        session.scalar(select(func.coalesce(func.max(Story.id), 0))) or 0,
    )


def meanings_of(pieces: Sequence[Piece], embedder: Embedder | None) -> Floats | None:
    """The embedder's vectors, None without one or while it does not answer, which is logged."""
    if embedder is None or not pieces:
        return None
    try:
        return embedder.embed([embedded_text(piece) for piece in pieces])
    except EmbedderError as error:
        _log.warning("group.without_embedder", reason=str(error))
        return None


def _decide(seen: _Seen, embedder: Embedder | None) -> tuple[Plan, dict[int, str | None]]:
    """Where each Article belongs, and its wire key. No tables here."""
    pieces = [Piece(r.id, r.headline, r.excerpt, r.published_at) for r in seen.rows]
    labels = cluster(pieces, meanings_of(pieces, embedder), [r.story_id for r in seen.rows])
    groups: dict[int, list[int]] = {}
    for row, label in zip(seen.rows, labels, strict=True):
        groups.setdefault(label, []).append(row.id)
    story_of = {r.id: r.story_id for r in seen.rows if r.story_id is not None}
    decided = plan(list(groups.values()), story_of, seen.pinned)
    final: dict[int, list[Print]] = {}
    keys: dict[int, str | None] = {}
    for row in seen.rows:
        story = decided.story_of.get(row.id, row.story_id)
        if story is None:
            keys[row.id] = None
        else:
            final.setdefault(story, []).append(Print(row.id, row.headline, row.excerpt, row.wire_key))
    for prints in final.values():
        keys.update(wire_keys(prints))
    return decided, keys


def _apply(session: Session, seen: _Seen, decided: Plan, keys: dict[int, str | None], now: datetime) -> None:
    numbers = _store_new(session, seen, decided, now)
    touched: set[int] = set(numbers.values())
    for article_id, to in decided.story_of.items():
        target = numbers.get(to, to)
        touched.add(target)
        session.execute(update(Article).where(Article.id == article_id).values(story_id=target))
    for change in decided.changes:
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
            lead_to(session, change.story_id, target)
    for row in seen.rows:
        if keys[row.id] != row.wire_key:
            session.execute(update(Article).where(Article.id == row.id).values(wire_key=keys[row.id]))
    session.flush()
    for story_id in sorted(touched):
        refresh(session, story_id, now)


def _store_new(session: Session, seen: _Seen, decided: Plan, now: datetime) -> dict[int, int]:
    """Store the new Stories; their provisional numbers and the real ones."""
    by_id = {r.id: r for r in seen.rows}
    numbers = {}
    for provisional, article_ids in sorted(decided.new.items(), reverse=True):
        rows = [by_id[i] for i in article_ids]
        story = store_story(session, rows, now)
        numbers[provisional] = story.id
    return numbers


def store_story(session: Session, rows: Sequence[_Row] | Sequence[Article], now: datetime) -> Story:
    """Store a new Story for these Articles, with an address of its own. They are not moved into it yet."""
    story = Story(
        slug=uuid.uuid4().hex,  # until its number is known
        created_at=now,
        first_published_at=min(r.published_at for r in rows),
        last_published_at=max(r.published_at for r in rows),
        grouped_at=now,
    )
    session.add(story)
    session.flush()
    middle = central([Piece(r.id, r.headline, r.excerpt, r.published_at) for r in rows])
    story.slug = make_slug(rows[middle].headline, mark_of(story.id))
    return story


def lead_to(session: Session, story_id: int, target: int) -> None:
    """All that is left of a Story, and every address that led to it, goes to ``target``."""
    session.execute(update(Article).where(Article.story_id == story_id).values(story_id=target))
    session.execute(
        update(Story)
        .where((Story.id == story_id) | (Story.merged_into_id == story_id))
        .values(merged_into_id=target)
    )


def refresh(session: Session, story_id: int, now: datetime) -> None:
    """Bring a Story's dates and Topic up to its Articles. An emptied Story keeps what it had."""
    story = session.get_one(Story, story_id)
    session.refresh(story)
    rows: Sequence[Article] = story.articles
    if not rows:
        return
    story.first_published_at = rows[0].published_at
    story.last_published_at = rows[-1].published_at
    story.grouped_at = now
    story.topic = topic_of((a.wire_key or a.outlet_id, a.headline, a.excerpt) for a in rows)


def _report(seen: _Seen, decided: Plan) -> GroupReport:
    after = {decided.story_of.get(r.id, r.story_id) for r in seen.rows} - {None}
    return GroupReport(
        articles=len(seen.rows),
        stories=len(after),
        new_stories=len(decided.new),
        merged=decided.count("merged"),
        split=decided.count("split"),
        moved=decided.count("moved"),
    )
