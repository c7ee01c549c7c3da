"""Read the pages of Articles with little text in their feeds, politely and as far as permitted; store the text for some days."""

from __future__ import annotations

import hashlib
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from newsletter import db, log
from newsletter.db.models import Article, ArticlePage, Feed, Outlet
from newsletter.feeds.crawl import host_and_port, status_message
from newsletter.feeds.fetcher import DEADLINE, Fetched, Fetcher, FetchError, PoliteFetcher, product_token
from newsletter.feeds.host_politeness import PAUSE, HostQueue
from newsletter.feeds.html_text import LONGEST_EXCERPT
from newsletter.feeds.kinds import ArticleKind, classify
from newsletter.feeds.page_rights import (
    LARGEST_RULES,
    Right,
    Use,
    crawl_delay,
    page_signals,
    right_to_read,
)
from newsletter.feeds.page_text import PageRefused, parse, read_page
from newsletter.feeds.site_visits import SiteVisits
from newsletter.settings import Settings

LARGEST_PAGE = 4 * 1024 * 1024  # bytes after decompression
READ_FOR = timedelta(seconds=45)  # no page is started later; the rest is read in the next run
MOST_PAGES = 300  # of one run
WORKERS = 16
PARSED_AT_ONCE = (
    2  # pages; a parsed page takes many times its size in memory, and parsing is limited by the processor
)
PAGES_PER_WRITE = 25
FIRST_RETRY, LAST_RETRY = timedelta(hours=1), timedelta(hours=24)
MOST_FAILURES = 4  # in a row, after which a page is not tried again
_ACCEPT_PAGE = "text/html, application/xhtml+xml;q=0.9"
_log = log.get("feeds")

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class ReadReport:
    """What one run did: ``asked`` Articles = the sum of the others but ``unchanged``, which counts among ``read``."""

    asked: int = 0  # whose page the catalogue permits to read and is not stored yet
    read: int = 0
    unchanged: int = 0
    walled: int = 0
    refused: int = 0
    failed: int = 0
    left: int = 0  # for the next run
    texts_deleted: int = 0


@dataclass(frozen=True)
class _Task:
    """A page to read, with the data of the last visit."""

    article_id: int
    outlet_id: int
    url: str
    headline: str
    kind: str  # an ArticleKind, by what the feed says
    licences: tuple[str, ...]
    etag: str | None
    last_modified: str | None
    failures: int


@dataclass(frozen=True)
class _Visit:
    """The result of visiting a page: the values of an :class:`ArticlePage`."""

    task: _Task
    verdict: str
    reason: str
    models_allowed: bool = False
    paragraphs: tuple[str, ...] = ()
    fetched: Fetched | None = None
    unchanged: bool = False
    kind: ArticleKind | None = None  # another kind than news, when the page shows it and the feed did not


@dataclass(frozen=True)
class _Reader:
    """Reads pages. Thread-safe."""

    settings: Settings
    sites: SiteVisits
    fetch: Fetcher
    agent: str
    parsing: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(PARSED_AT_ONCE))

    def right(self, url: str, task: _Task) -> Right:
        """Return whether the page may be fetched."""
        return right_to_read(url, self.sites.rules(url), agent=self.agent, feed_licences=task.licences)

    def visit(self, task: _Task) -> _Visit:
        """Fetch and parse a page. Never raises: whatever is wrong with it is a sentence in the result."""
        before = self.right(task.url, task)
        if before.use is Use.REFUSED:
            return _Visit(task, "refused", before.reason)
        fetched: Fetched | None = None
        try:
            fetched = self.fetch(task.url, etag=task.etag, last_modified=task.last_modified)
            if fetched.status == 304 and (task.etag or task.last_modified):
                return _Visit(
                    task,
                    "read",
                    before.reason,
                    before.use is Use.READ,
                    fetched=fetched,
                    unchanged=True,
                )
            if fetched.status != 200:
                return _Visit(task, "failed", status_message(fetched), fetched=fetched)
            return self._read(task, fetched)
        except (FetchError, PageRefused) as error:
            return _Visit(task, "failed", error.reason, fetched=fetched)
        except Exception as error:  # noqa: BLE001 - an unforeseen error in one page must not stop the others
            _log.error("page.unexpected_error", article=task.article_id, error=type(error).__name__)
            reason = f"It could not be read ({type(error).__name__}); this is our fault."
            return _Visit(task, "failed", reason, fetched=fetched)

    def _read(self, task: _Task, fetched: Fetched) -> _Visit:
        with self.parsing:
            tree = parse(fetched.body, fetched.content_type)
            signals = page_signals(tree, fetched.signals)
        signals = self.sites.with_licence(signals, fetched.url)
        right = right_to_read(
            fetched.url,
            self.sites.rules(fetched.url),
            agent=self.agent,
            feed_licences=task.licences,
            page=signals,
        )
        if right.use is Use.REFUSED:
            return _Visit(task, "refused", right.reason, fetched=fetched)
        with self.parsing:
            page = read_page(tree, headline=task.headline)
        if page.wall is not None:
            return _Visit(task, "walled", page.wall.value, fetched=fetched)
        found = classify(task.headline, fetched.url, page.metadata.schema_kinds, page.text[:LONGEST_EXCERPT])
        return _Visit(
            task,
            "read",
            right.reason,
            right.use is Use.READ,
            page.paragraphs,
            fetched,
            kind=found if task.kind == ArticleKind.NEWS and found is not ArticleKind.NEWS else None,
        )


def run(
    sessions: db.Sessions,
    settings: Settings,
    article_ids: Sequence[int],
    *,
    now: datetime,
    progress: Progress | None = None,
    read_for: timedelta = READ_FOR,
    deadline: float = DEADLINE,
) -> ReadReport:
    """Read the pages of these Articles, most wanted first, that were not read or have changed. The second run reads nothing.

    Each site's robots.txt, licences and reservations are asked first. One request at a time goes to a host, with the pause it
    asks for. What was not begun after ``read_for`` is left for the next run; one answer may take ``deadline`` seconds. Nothing is read when READ_PAGES is "off".
    """
    deleted = forget_texts(sessions, settings, now=now)
    if settings.READ_PAGES == "off":
        return ReadReport(texts_deleted=deleted)
    tasks = _tasks(sessions, article_ids, now=now)
    counts: Counter[str] = Counter()
    agent = product_token(settings)
    with PoliteFetcher(settings, deadline=deadline, largest=LARGEST_RULES) as rules_fetch:
        sites = SiteVisits(sessions, rules_fetch, now=now)

        def may_follow(url: str) -> None:
            right = right_to_read(url, sites.rules(url), agent=agent)
            if right.use is Use.REFUSED:
                raise FetchError(f"It redirects to a page that may not be read. {right.reason}")

        with PoliteFetcher(
            settings, deadline=deadline, largest=LARGEST_PAGE, accept=_ACCEPT_PAGE, may_follow=may_follow
        ) as fetch:
            batch: list[_Visit] = []
            for visit in _visits(tasks, _Reader(settings, sites, fetch, agent), settings, read_for):
                batch.append(visit)
                counts[visit.verdict] += 1
                counts["unchanged"] += visit.unchanged
                if len(batch) == PAGES_PER_WRITE:
                    _store(sessions, batch, now=now)
                    batch = []
                if progress is not None:
                    progress(counts.total() - counts["unchanged"], len(tasks), visit.task.url)
            _store(sessions, batch, now=now)
        sites.save()
    report = ReadReport(
        asked=len(tasks),
        left=len(tasks) - sum(counts[v] for v in ("read", "walled", "refused", "failed")),
        texts_deleted=deleted,
        **{name: counts[name] for name in ("read", "unchanged", "walled", "refused", "failed")},
    )
    _log.info("read.done", asked=report.asked, read=report.read, refused=report.refused, failed=report.failed)
    return report


def forget_texts(sessions: db.Sessions, settings: Settings, *, now: datetime) -> int:
    """Delete the texts older than PAGE_TEXT_DAYS and return their number. The records of the visits stay."""
    old = (
        update(ArticlePage)
        .where(ArticlePage.text != "", ArticlePage.fetched_at < now - timedelta(days=settings.PAGE_TEXT_DAYS))
        .values(text="", etag=None, last_modified=None)
    )
    with sessions.begin() as session:
        return db.changed(session, old)


def _tasks(sessions: db.Sessions, article_ids: Sequence[int], *, now: datetime) -> list[_Task]:
    """Return the pages to read, in the order of ``article_ids``, without Outlets whose policy is "feed"."""
    found: dict[int, _Task] = {}
    with db.reading(sessions) as session:
        for start in range(0, len(article_ids), 500):
            rows = session.execute(
                select(Article, Outlet.policy, Feed.licence, ArticlePage)
                .join(Outlet, Outlet.id == Article.outlet_id)
                .outerjoin(Feed, Feed.id == Article.feed_id)
                .outerjoin(ArticlePage, ArticlePage.article_id == Article.id)
                .where(Article.id.in_(article_ids[start : start + 500]))
            )
            for article, policy, licence, page in rows:
                if policy == "page" and (page is None or _is_due(article, page, now)):
                    found[article.id] = _Task(
                        article_id=article.id,
                        outlet_id=article.outlet_id,
                        url=article.url,
                        headline=article.headline,
                        kind=article.kind,
                        licences=(licence,) if licence else (),
                        etag=page.etag if page and page.text else None,
                        last_modified=page.last_modified if page and page.text else None,
                        failures=page.failures if page else 0,
                    )
    return [found[i] for i in article_ids if i in found][:MOST_PAGES]


def _is_due(article: Article, page: ArticlePage, now: datetime) -> bool:
    """Return whether to fetch a page again: the time of a retry has come, or the feed shows that the Article was rewritten."""
    if page.not_before_at is not None:
        return page.not_before_at <= now and page.failures < MOST_FAILURES
    return article.changed_at is not None and article.changed_at > page.fetched_at


def _visits(
    tasks: Sequence[_Task], reader: _Reader, settings: Settings, read_for: timedelta
) -> Iterator[_Visit]:
    """Visit the pages at the pace of their hosts until ``read_for`` has passed, and yield the results. The pages of a host wait
    only for the rules of that host."""
    until = time.monotonic() + read_for.total_seconds()
    by_server: dict[str, list[_Task]] = {}
    for task in tasks:
        by_server.setdefault(host_and_port(task.url), []).append(task)
    own = {f"{host}:{port}" for host, port in settings.allowed_private}
    rule_pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="rules")
    page_pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="read")
    queue: HostQueue[_Task] = HostQueue((), per_host=1)
    running: dict[Future[_Visit], str] = {}
    try:
        asked = {
            rule_pool.submit(reader.sites.rules, waiting[0].url): server
            for server, waiting in by_server.items()
        }
        while ((left := until - time.monotonic()) > 0 and (asked or queue)) or running:
            for server, task in queue.ready(time.monotonic(), WORKERS - len(running)) if left > 0 else ():
                running[page_pool.submit(reader.visit, task)] = server
            pause = queue.wait(time.monotonic()) if len(running) < WORKERS else None
            pending: list[Future[Any]] = [*running, *(asked if left > 0 else ())]
            longest = None if left <= 0 else left if pause is None else min(pause, left)
            if not pending:
                time.sleep(longest or 0.0)
                continue
            ended, _ = wait(pending, timeout=longest, return_when=FIRST_COMPLETED)
            for future in ended:
                if future in asked:
                    server = asked.pop(future)
                    said = crawl_delay(future.result(), reader.agent)
                    usual = 0.0 if server in own else PAUSE
                    queue.add(server, by_server[server], pause=usual if said is None else said)
                else:
                    queue.done(running.pop(future))
                    yield future.result()
    finally:
        for pool in (rule_pool, page_pool):
            pool.shutdown(wait=False, cancel_futures=True)


def _store(sessions: db.Sessions, batch: Sequence[_Visit], *, now: datetime) -> None:
    """Store the results of a batch of pages in one transaction."""
    if not batch:
        return
    with sessions.begin() as session:
        ids = [v.task.article_id for v in batch]
        pages = {
            p.article_id: p
            for p in session.scalars(select(ArticlePage).where(ArticlePage.article_id.in_(ids)))
        }
        for visit in batch:
            page = pages.get(visit.task.article_id)
            if page is None:
                page = ArticlePage(article_id=visit.task.article_id)
                session.add(page)
            _record_visit(page, visit, now=now)
            if visit.kind is not None:
                session.execute(
                    update(Article).where(Article.id == visit.task.article_id).values(kind=visit.kind.value)
                )
        session.flush()
        _remove_repeated(session, {v.task.outlet_id for v in batch if v.paragraphs})


def _record_visit(page: ArticlePage, visit: _Visit, *, now: datetime) -> None:
    fetched = visit.fetched
    page.fetched_at, page.reason = now, visit.reason
    page.status = fetched.status if fetched else None
    page.verdict, page.models_allowed = visit.verdict, visit.models_allowed
    failed = visit.verdict == "failed"
    page.failures = visit.task.failures + 1 if failed else 0
    page.not_before_at = _retry_at(visit, page.failures, now=now)
    if visit.unchanged:
        return
    page.etag = fetched.etag if fetched and visit.paragraphs else None
    page.last_modified = fetched.last_modified if fetched and visit.paragraphs else None
    page.text = "\n".join(visit.paragraphs)
    page.text_hash = _hash(page.text) if page.text else ""


def _retry_at(visit: _Visit, failures: int, *, now: datetime) -> datetime | None:
    """Return when to try a page again: after growing pauses when it failed, after a day when it was refused or walled."""
    if visit.verdict == "read":
        return None
    if visit.verdict != "failed" or (visit.fetched and visit.fetched.status in (404, 410)):
        return now + LAST_RETRY
    pause: timedelta = min(FIRST_RETRY * 2 ** (failures - 1), LAST_RETRY)
    asked = visit.fetched.retry_after if visit.fetched else None
    return now + max(pause, timedelta(seconds=min(asked or 0, LAST_RETRY.total_seconds())))


def _remove_repeated(session: Session, outlet_ids: Collection[int]) -> None:
    """Remove paragraphs that occur on several pages of an outlet from its texts, because they are boilerplate."""
    for outlet_id in outlet_ids:
        pages = session.scalars(
            select(ArticlePage)
            .join(Article, Article.id == ArticlePage.article_id)
            .where(Article.outlet_id == outlet_id, ArticlePage.text != "")
        ).all()
        repeated = repeated_paragraphs([tuple(p.text.split("\n")) for p in pages])
        for page in pages if repeated else ():
            kept = "\n".join(p for p in page.text.split("\n") if p not in repeated)
            if kept != page.text:
                page.text, page.text_hash = kept, _hash(kept)


def repeated_paragraphs(pages: Sequence[tuple[str, ...]]) -> frozenset[str]:
    """Return the paragraphs that two otherwise different pages share; two versions of one article do not count."""
    sets = [frozenset(p) for p in pages]
    counts = Counter(p for one in sets for p in one)
    shared = {p for p, times in counts.items() if times > 1}
    return frozenset(
        p for p in shared if sum(2 * len(one & shared) <= len(one) for one in sets if p in one) > 1
    )


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
