"""Summarize: every Story with new or changed Articles gets words, as a new revision. The second run writes nothing."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from newsletter import db, log
from newsletter.db import Sessions
from newsletter.db.models import Article, ArticlePage, Outlet, Story, StoryRevision
from newsletter.feeds.kinds import SUPPLIES_FACTS, ArticleKind
from newsletter.stories.dedup import ComparedText, wire_keys
from newsletter.stories.sides import sides_of
from newsletter.summaries import changed_articles
from newsletter.summaries.briefs import briefs_of
from newsletter.summaries.extractive.summarizer import Extractive
from newsletter.summaries.grounding.hard_facts import checked
from newsletter.summaries.protocol import (
    NO_BRIEF,
    ArticleText,
    Brief,
    Summarizer,
    SummarizerError,
    for_models,
)
from newsletter.summaries.story_text import StoryKind, StoryText, from_json, to_json

RECENT = timedelta(days=7)  # Stories without a newer Article are left in the words they have
MIN_OUTLETS = 2  # what one Outlet alone carries is an Article, not a Story to tell
WRITE_FOR = timedelta(minutes=5)  # after that no Story of the shortlist is begun with a model
LONGEST_TOLD = 8_000  # characters of a page that a Story is told from: news comes first
BATCH = 50  # Stories written in one transaction
# Topics whose Stories have no political sides: told in a few lines, without columns.
WITHOUT_SIDES = frozenset({"Sport", "Culture", "Science"})

_log = log.get("summaries")
Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class SummarizeReport:
    """What became of the Stories looked at: ``stories`` = ``written`` + ``unchanged`` + ``untold``.

    ``fell_back`` of the written ones were told by the extractive summarizer although another was asked; of ``untold``
    ones no article is fit to be told.
    """

    stories: int
    written: int
    unchanged: int
    fell_back: int
    untold: int = 0


@dataclass(frozen=True)
class _Due:
    """One Story as it was read, and the words it has."""

    story_id: int
    topic: str
    articles: tuple[ArticleText, ...]
    input_hash: str
    changed: frozenset[int]  # Articles rewritten after the newest words
    written_by: str | None  # None while it has no words
    revision: int
    old_hash: str
    cited: frozenset[int]
    flagged: bool
    brief: Brief = NO_BRIEF

    @property
    def unchanged(self) -> bool:
        return self.old_hash == self.input_hash

    def to_tell(self, keep: Collection[str]) -> bool:
        """New words are needed; not over a person's, nor over those of a summarizer to ``keep`` whose Articles stand."""
        if self.unchanged or self.written_by == "operator":
            return False
        return self.written_by not in keep or bool(self.changed & self.cited)

    @property
    def to_flag(self) -> bool:
        """A person's words rest on an Article that has changed since."""
        return self.written_by == "operator" and not self.flagged and bool(self.changed & self.cited)


def run(
    sessions: Sessions,
    summarizer: Summarizer,
    *,
    now: datetime,
    progress: Progress | None = None,
    only: Collection[int] | None = None,
    keep: Collection[str] = (),
) -> SummarizeReport:
    """Tell every recent Story whose Articles changed since it was last told.

    Reads first, tells outside any transaction, writes in short ones. An operator's words are never replaced: the Story is
    flagged when an Article they cite has changed, and so is every Story of an approved Issue. ``only`` names the Stories to look at, for one of several processes.
    ``keep`` names summarizers whose words stay until an Article that they cite has changed.
    """
    with db.reading(sessions) as session:
        found = _read(session, now, only)
    todo = [d for d in found if d.to_tell(keep)]
    flags = [d.story_id for d in found if d.to_flag]
    written = fell_back = untold = 0
    ready: list[tuple[_Due, StoryText, str]] = []
    for done, due in enumerate(todo, start=1):
        found_words = told(summarizer, due.articles, now=now)
        if found_words is None:
            untold += 1
        else:
            story, written_by, fell = found_words
            fell_back += fell
            ready.append((due, story, written_by))
        if progress is not None:
            progress(done, len(todo), found_words[0].headline if found_words else "")
        if len(ready) == BATCH:
            written += _write(sessions, ready, now)
            ready = []
    written += _write(sessions, ready, now)
    _flag(sessions, flags, now)
    flagged = len(flags) + changed_articles.flag(sessions, now=now)
    report = SummarizeReport(len(found), written, len(found) - written - untold, fell_back, untold)
    _log.info("summarize.done", stories=report.stories, written=written, fell_back=fell_back, flagged=flagged)
    return report


def write(
    sessions: Sessions,
    writer: Summarizer,
    story_ids: Collection[int],
    *,
    now: datetime,
    at_once: int,
    progress: Progress | None = None,
) -> SummarizeReport:
    """Have these Stories written by a model, several at once; one that it has written from the same Articles stays.

    Where it fails the outlets' own words stand. Each Story is stored when it is done; none is begun after :data:`WRITE_FOR`.
    """
    with db.reading(sessions) as session:
        briefs = briefs_of(session, list(story_ids))
        found = [
            replace(d, brief=briefs.get(d.story_id, NO_BRIEF)) for d in _read(session, now, only=story_ids)
        ]
    todo = [
        d for d in found if d.written_by != "operator" and not (d.unchanged and d.written_by == writer.name)
    ]
    until = time.monotonic() + WRITE_FOR.total_seconds()

    def tell(due: _Due) -> tuple[StoryText, str, bool] | None:
        in_time = time.monotonic() < until
        if not in_time:
            _log.warning("summarize.out_of_time", story=due.story_id)
        return told(writer if in_time else Extractive(), due.articles, now=now, brief=due.brief)

    written = fell_back = 0
    with ThreadPoolExecutor(at_once) as lanes:
        waiting = {lanes.submit(tell, due): due for due in todo}
        for done, future in enumerate(as_completed(waiting), start=1):
            due, words = waiting[future], future.result()
            if words is not None:
                story, written_by, _ = words
                fell_back += written_by != writer.name
                if written_by == writer.name or not due.unchanged:
                    written += _write(sessions, [(due, story, written_by)], now)
            if progress is not None:
                progress(done, len(todo), words[0].headline if words else "")
    _log.info("shortlist.written", stories=len(found), written=written, fell_back=fell_back)
    return SummarizeReport(len(found), written, len(found) - written, fell_back)


def write_again(
    sessions: Sessions, writer: Summarizer, story_id: int, *, instruction: str, now: datetime
) -> int | None:
    """Have one Story written by a model once more, as an operator instructs; the number of the new revision.

    None when the Story is not recent enough, or somebody else wrote it meanwhile. An operator's own words stay as an earlier
    revision. Raises SummarizerError, and then nothing is stored.
    """
    with db.reading(sessions) as session:
        briefs = briefs_of(session, [story_id])
        found = _read(session, now, only=[story_id])
    if not found:
        return None
    due = found[0]
    brief = replace(briefs.get(story_id, NO_BRIEF), instruction=instruction)
    story, _ = checked(writer.tell(due.articles, now=now, brief=brief), due.articles)
    if not story.lede:
        raise SummarizerError("nothing of what the language model wrote is carried by the articles")
    written = _write(sessions, [(due, story, writer.name)], now)
    return due.revision + 1 if written else None


def due_stories(sessions: Sessions, *, now: datetime, keep: Collection[str] = ()) -> list[int]:
    """Return the Stories that need new words, by number."""
    with db.reading(sessions) as session:
        return [d.story_id for d in _read(session, now) if d.to_tell(keep)]


def pages_of(session: Session, article_ids: Sequence[int]) -> dict[int, ArticlePage]:
    """What is known of the Articles' own pages, by Article."""
    found = {}
    for part in (article_ids[i : i + 500] for i in range(0, len(article_ids), 500)):
        for page in session.scalars(select(ArticlePage).where(ArticlePage.article_id.in_(part))):
            found[page.article_id] = page
    return found


def article_texts_of(
    articles: Sequence[Article], pages: Mapping[int, ArticlePage]
) -> tuple[ArticleText, ...]:
    """The Articles of one Story as a summarizer may see them, with their page's text where it was read.

    Their Outlets must be loaded. A model sees nothing but the headline of what an outlet keeps from models.
    """
    sides = sides_of(articles)
    own = {a.id: pages[a.id] for a in articles if a.id in pages}
    texts = {a.id: _told_text(a, own.get(a.id)) for a in articles}
    keys = {a.id: a.wire_key for a in articles}
    if any(page.text for page in own.values()):  # wire copies that their feeds' texts did not show
        keys |= wire_keys([ComparedText(a.id, a.headline, texts[a.id], a.wire_key) for a in articles])
    closed = {i for i, page in own.items() if page.verdict == "read" and not page.models_allowed}
    return tuple(
        ArticleText(
            id=a.id,
            outlet=a.outlet.name,
            side=sides[a.id],
            headline=a.headline,
            text=texts[a.id],
            text_for_models="" if a.id in closed else None,
            published_at=a.published_at,
            kind=ArticleKind(a.kind),
            country=a.outlet.country or None,
            state_run=a.outlet.state_run,
            wire_key=keys[a.id],
        )
        for a in articles
    )


def _told_text(article: Article, page: ArticlePage | None) -> str:
    """Its page's first paragraphs, or what the feed gave where that is more."""
    if page is None or len(page.text) <= len(article.excerpt):
        return article.excerpt
    return page.text if len(page.text) <= LONGEST_TOLD else page.text[:LONGEST_TOLD].rpartition("\n")[0]


def newest_texts(session: Session) -> Iterator[tuple[str, dict[str, Any], dict[int, str]]]:
    """For each Story with words: its slug, its newest words as stored, and the name of each Article's Outlet."""
    newest = {t.story_id: t for t in session.scalars(select(StoryRevision).order_by(StoryRevision.revision))}
    for story in session.scalars(select(Story).where(Story.id.in_(newest)).order_by(Story.id)):
        names = session.execute(
            select(Article.id, Outlet.name).join(Outlet).where(Article.story_id == story.id)
        )
        yield story.slug, newest[story.id].words, {number: name for number, name in names}


def input_hash(articles: Sequence[tuple[int, str]]) -> str:
    """Of the Articles' numbers and text hashes: the same hash needs no new words."""
    lines = "\n".join(f"{number}:{text_hash}" for number, text_hash in sorted(articles))
    return hashlib.sha256(lines.encode()).hexdigest()


def _read(session: Session, now: datetime, only: Collection[int] | None = None) -> list[_Due]:
    recent = select(Story).where(Story.merged_into_id.is_(None), Story.last_published_at >= now - RECENT)
    if only is not None:
        recent = recent.where(Story.id.in_(only))
    stories = session.scalars(recent.order_by(Story.id)).all()
    ids = [s.id for s in stories]
    articles: dict[int, list[Article]] = {i: [] for i in ids}
    newest: dict[int, StoryRevision] = {}
    for part in (ids[i : i + 500] for i in range(0, len(ids), 500)):
        rows = select(Article).where(Article.story_id.in_(part)).options(joinedload(Article.outlet))
        for article in session.scalars(rows.order_by(Article.published_at, Article.id)):
            articles[article.story_id or 0].append(article)
        text_revisions = (
            select(StoryRevision).where(StoryRevision.story_id.in_(part)).order_by(StoryRevision.revision)
        )
        for text_revision in session.scalars(text_revisions):
            newest[text_revision.story_id] = text_revision
    pages = pages_of(session, [a.id for own in articles.values() for a in own])
    return [
        _due(story, articles[story.id], newest.get(story.id), pages)
        for story in stories
        if len({a.outlet_id for a in articles[story.id] if a.kind in SUPPLIES_FACTS}) >= MIN_OUTLETS
    ]


def _due(
    story: Story,
    articles: Sequence[Article],
    text_revision: StoryRevision | None,
    pages: Mapping[int, ArticlePage],
) -> _Due:
    hashes = {i: page.text_hash for i, page in pages.items() if page.text_hash}
    return _Due(
        story_id=story.id,
        topic=story.topic,
        articles=article_texts_of(articles, pages),
        input_hash=input_hash([(a.id, a.text_hash + hashes.get(a.id, "")) for a in articles]),
        changed=frozenset(
            a.id
            for a in articles
            if text_revision and a.changed_at is not None and a.changed_at > text_revision.written_at
        ),
        written_by=text_revision.written_by if text_revision else None,
        revision=text_revision.revision if text_revision else 0,
        old_hash=text_revision.input_hash if text_revision else "",
        cited=from_json(text_revision.words).cited()
        if text_revision and text_revision.written_by != Extractive.name
        else frozenset(),
        flagged=story.flagged_at is not None,
    )


def told(
    summarizer: Summarizer, articles: Sequence[ArticleText], *, now: datetime, brief: Brief = NO_BRIEF
) -> tuple[StoryText, str, bool] | None:
    """Return the words, who wrote them, and whether the extractive summarizer stood in; None when nothing can be told.

    Nothing is stored that did not pass the check of hard facts, whoever wrote it.
    """
    own = Extractive()
    fell_back = False
    for writer in dict.fromkeys((summarizer, own)):
        given = articles if writer.name == own.name else for_models(articles)
        try:
            story, _ = checked(writer.tell(given, now=now, brief=brief), given)
            if story.lede or story.headlines:
                return story, writer.name, fell_back
            reason = "No article tells it in whole sentences, and no two headlines differ."
        except SummarizerError as error:
            reason = str(error)
        if writer.name == own.name:
            _log.info("summarize.no_text", reason=reason)
            return None
        _log.warning("summarize.fell_back", reason=reason)
        fell_back = True
    return None


def _write(sessions: Sessions, ready: Sequence[tuple[_Due, StoryText, str]], now: datetime) -> int:
    """Store the revisions. One that somebody wrote meanwhile wins: ours is left out by the unique (story, revision).

    The outlets' own words say nothing of whether a Story has sides: its Topic decides.
    """
    ready = [
        (d, replace(s, kind=StoryKind.NO_SIDES), by)
        if by == Extractive.name and d.topic in WITHOUT_SIDES
        else (d, s, by)
        for d, s, by in ready
    ]
    rows = [
        {
            "story_id": due.story_id,
            "revision": due.revision + 1,
            "written_by": written_by,
            "written_at": now,
            "input_hash": due.input_hash,
            "words": to_json(story),
        }
        for due, story, written_by in ready
    ]
    with sessions.begin() as session:
        return db.insert_new(session, StoryRevision, rows)


def _flag(sessions: Sessions, story_ids: Sequence[int], now: datetime) -> None:
    if not story_ids:
        return
    with sessions.begin() as session:
        for story in session.scalars(select(Story).where(Story.id.in_(story_ids))):
            story.flagged_at = now
