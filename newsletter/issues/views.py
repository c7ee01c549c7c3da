"""Reads from the tables what a reader may see of a Story or an Issue, as frozen values.

Pages, mail, desk and the Atom feed all show these values.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from newsletter.db.models import Article, HistoryLink, Issue, Placement, Story, StoryRevision
from newsletter.delivery.approval import is_reviewed
from newsletter.feeds.leans import SIDES, Coverage, Lean, Side
from newsletter.issues.numbering import numbered
from newsletter.stories.sides import coverage_of, sides_of
from newsletter.summaries.protocol import ArticleText
from newsletter.summaries.story_text import Citation, Sentence, StoryKind, StoryText, from_json
from newsletter.summaries.summarize import article_texts_of, pages_of


@dataclass(frozen=True)
class ArticleView:
    """One Article of a Story. ``number`` is the n of a Citation ``[n]``."""

    id: int
    number: int
    outlet: str
    lean: Lean
    side: Side | None  # None: state-run, or foreign to the Story
    headline: str
    url: str
    published_at: datetime
    wire_copy: bool  # a wire copy: the text of an earlier Outlet, listed and not counted


@dataclass(frozen=True)
class HistoryView:
    """An earlier Story of the thread, such as "5M · 3 articles"."""

    slug: str
    headline: str
    age: str
    articles: int
    first_published_at: datetime


@dataclass(frozen=True)
class StoryView:
    """A Story as pages and mail show it: its ``text``, Coverage, Articles and History."""

    id: int
    slug: str
    topic: str
    text: StoryText
    coverage: Coverage
    articles: tuple[ArticleView, ...]
    history: tuple[HistoryView, ...]
    updated_at: datetime
    outlets_read: int  # "of the N outlets we read"
    development: str = ""

    @property
    def headline(self) -> str:
        return self.text.headline

    @property
    def kind(self) -> StoryKind:
        return self.text.kind

    @property
    def credit(self) -> ArticleView | None:
        """The Article that the paragraph is copied from; None without a paragraph, or when an operator or a model wrote it."""
        cited = [s.citations[0].article_id for s in self.text.lede if s.citations]
        return self.article(cited[0]) if cited else None

    def numbers(self, sentence: Sentence) -> tuple[int, ...]:
        """Return the numbers to print behind a sentence, each once, ascending."""
        return self.numbers_of(sentence.citations)

    def numbers_of(self, citations: Sequence[Citation]) -> tuple[int, ...]:
        by_id = {a.id: a.number for a in self.articles}
        return tuple(sorted({by_id[c.article_id] for c in citations if c.article_id in by_id}))

    def article(self, article_id: int) -> ArticleView | None:
        return next((a for a in self.articles if a.id == article_id), None)

    def by_side(self) -> dict[Side, tuple[ArticleView, ...]]:
        return {s: tuple(a for a in self.articles if a.side is s) for s in SIDES}


@dataclass(frozen=True)
class IssueView:
    """An Issue as pages and mail show it."""

    id: int
    issued_on: date
    state: str
    subject: str
    preheader: str
    intro: str
    stories: tuple[StoryView, ...]
    reading_seconds: int
    outlets_read: int
    is_sample: bool
    composed_at: datetime
    reviewed: bool = False  # an operator approved it on the desk, with the preview open

    def of_kind(self, kind: StoryKind) -> tuple[StoryView, ...]:
        """Return the placed Stories of this kind, in rank order."""
        return tuple(s for s in self.stories if s.kind is kind)

    @property
    def reading_minutes(self) -> int:
        """The reading time in minutes, rounded up, at least 1."""
        return max(1, -(-self.reading_seconds // 60))


def story_view(
    session: Session,
    story: Story,
    *,
    now: datetime,
    outlets_read: int = 0,
    story_revision: StoryRevision | None = None,
) -> StoryView | None:
    """Return the Story with its latest text, or that of ``story_revision``; None while it has no text."""
    story_revision = story_revision or latest_revision(session, story.id)
    if story_revision is None:
        return None
    articles = session.scalars(
        select(Article)
        .where(Article.story_id == story.id)
        .options(joinedload(Article.outlet))
        .order_by(Article.published_at, Article.id)
    ).all()
    words = from_json(story_revision.words)
    sides = sides_of(articles)
    seen: dict[str, int] = {}
    numbers = numbered((a.id for a in articles), words)
    views = [
        ArticleView(
            id=a.id,
            number=numbers[a.id],
            outlet=a.outlet.name,
            lean=Lean(a.outlet.lean),
            side=sides[a.id],
            headline=a.headline,
            url=a.url,
            published_at=a.published_at,
            wire_copy=a.wire_key is not None and seen.setdefault(a.wire_key, a.outlet_id) != a.outlet_id,
        )
        for a in articles
    ]
    return StoryView(
        id=story.id,
        slug=story.slug,
        topic=story.topic,
        text=words,
        coverage=coverage_of(articles),
        articles=tuple(sorted(views, key=lambda v: v.number)),
        history=_history(session, story, now=now),
        updated_at=max(story_revision.written_at, story.grouped_at),
        outlets_read=outlets_read,
    )


def issue_view(session: Session, issue: Issue, *, now: datetime) -> IssueView:
    """Return the Issue with its placed Stories in rank order, each in the revision it was placed with."""
    placements = session.scalars(
        select(Placement)
        .where(Placement.issue_id == issue.id)
        .options(joinedload(Placement.story), joinedload(Placement.story_revision))
        .order_by(Placement.rank)
    ).all()
    stories = []
    for placement in placements:
        view = story_view(
            session,
            placement.story,
            now=now,
            outlets_read=issue.outlets_read,
            story_revision=placement.story_revision,
        )
        if view is not None:
            stories.append(replace(_unlinked(view, issue.unlinked), development=placement.development))
    return IssueView(
        id=issue.id,
        issued_on=issue.issued_on,
        state=issue.state,
        subject=issue.subject,
        preheader=issue.preheader,
        intro=issue.intro,
        stories=tuple(stories),
        reading_seconds=issue.reading_seconds,
        outlets_read=issue.outlets_read,
        is_sample=issue.is_sample,
        composed_at=issue.composed_at,
        reviewed=is_reviewed(issue.approved_by),
    )


def _unlinked(story: StoryView, gone: Collection[int]) -> StoryView:
    """Return the Story without the addresses of these Articles, whose pages an operator found gone."""
    if not gone:
        return story
    articles = tuple(replace(a, url="") if a.id in gone else a for a in story.articles)
    return replace(story, articles=articles)


def latest_revision(session: Session, story_id: int) -> StoryRevision | None:
    return session.scalars(
        select(StoryRevision)
        .where(StoryRevision.story_id == story_id)
        .order_by(StoryRevision.revision.desc())
        .limit(1)
    ).first()


def age(earlier: datetime, now: datetime) -> str:
    """Return how long ago, as a number and a letter: ``3H``, ``2D``, ``5W``, ``5M``, ``2Y``."""
    passed = max(now - earlier, timedelta())
    days = passed.days
    for size, letter in ((365, "Y"), (30, "M"), (7, "W"), (1, "D")):
        if days >= size:
            return f"{days // size}{letter}"
    return f"{max(1, passed.seconds // 3600)}H"


def _history(session: Session, story: Story, *, now: datetime) -> tuple[HistoryView, ...]:
    rows = session.scalars(
        select(HistoryLink).where(HistoryLink.story_id == story.id).order_by(HistoryLink.similarity.desc())
    ).all()
    views = []
    for row in rows:
        earlier = session.get(Story, row.earlier_id)
        story_revision = latest_revision(session, row.earlier_id)
        if earlier is None or story_revision is None or earlier.merged_into_id is not None:
            continue
        views.append(
            HistoryView(
                slug=earlier.slug,
                headline=story_revision.words["headline"],
                age=age(earlier.first_published_at, now),
                articles=len(earlier.articles),
                first_published_at=earlier.first_published_at,
            )
        )
    return tuple(sorted(views, key=lambda v: v.first_published_at, reverse=True))


def article_texts(session: Session, story_id: int) -> tuple[ArticleText, ...]:
    """Return the Articles of a Story in their present text, oldest first."""
    rows = session.scalars(
        select(Article)
        .where(Article.story_id == story_id)
        .options(joinedload(Article.outlet))
        .order_by(Article.published_at, Article.id)
    ).all()
    return article_texts_of(rows, pages_of(session, [a.id for a in rows]))
