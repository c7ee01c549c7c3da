"""Gather the Articles of all Feeds: fetch, parse, store new Articles, record rewritten ones, and back off from failing Feeds."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from sqlalchemy import select, true, update
from sqlalchemy.orm import Session, joinedload

from newsletter import db, log
from newsletter.db.models import Article, Feed, Outlet
from newsletter.feeds.catalogue import Catalogue
from newsletter.feeds.crawl import FeedToRead, Outcome, Visit, visit_all
from newsletter.feeds.fetcher import Fetcher, PoliteFetcher
from newsletter.feeds.parser import FeedEntry
from newsletter.feeds.urls import same_place
from newsletter.settings import Settings

KEEP_FROM = timedelta(days=30)  # Articles published before are not stored
RECHECK_AFTER = timedelta(minutes=10)
FIRST_BACKOFF = timedelta(minutes=15)
LONGEST_BACKOFF = timedelta(hours=24)
GONE_BACKOFF = timedelta(days=30)  # after "410 Gone"; an operator should remove the Feed from the Catalogue
VISITS_PER_WRITE = 64  # Feeds stored in one transaction
_log = log.get("feeds")

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class GatherReport:
    """Counts of one gathering."""

    feeds: int  # that are enabled and not paused
    fetched: int = 0
    unchanged: int = 0
    failed: int = 0
    skipped: int = 0  # not due: backing off, asked to wait, or checked within RECHECK_AFTER
    entries: int = 0  # in all fetched documents
    new_articles: int = 0
    changed_articles: int = 0
    outlets_answered: int = 0
    too_old: int = 0  # Entries older than 30 days
    undated: int = 0  # Entries without a usable date

    @property
    def reached(self) -> int:
        """The number of Feeds that answered."""
        return self.fetched + self.unchanged


def sync_catalogue(session: Session, catalogue: Catalogue) -> None:
    """Make the Outlets and Feeds of the database match the Catalogue. Outlets that are no longer in it are kept and marked as
    not listed; their Feeds are disabled. The caller commits."""
    outlets = {o.name: o for o in session.scalars(select(Outlet))}
    feeds = {f.url: f for f in session.scalars(select(Feed))}
    wanted: set[str] = set()
    for entry in catalogue.outlets:
        outlet = outlets.get(entry.name) or Outlet(name=entry.name)
        outlet.homepage, outlet.lean, outlet.lean_basis = entry.homepage, entry.lean.value, entry.lean_basis
        outlet.disputed, outlet.enabled, outlet.policy = entry.disputed, entry.enabled, entry.policy
        outlet.country, outlet.lean_countries = entry.country, " ".join(entry.lean_countries)
        outlet.owner, outlet.state_run = entry.owner, entry.state_run
        outlet.state_run_basis = entry.state_run_basis
        outlet.listed = True
        session.add(outlet)
        outlets[entry.name] = outlet
        for url in entry.feeds:
            feed = feeds.setdefault(url, Feed(url=url))
            feed.outlet, feed.enabled = outlet, True
            session.add(feed)
            wanted.add(url)
    listed = {e.name for e in catalogue.outlets}
    for name, outlet in outlets.items():
        outlet.listed = name in listed
    for url, feed in feeds.items():
        feed.enabled = url in wanted
    session.flush()


def run(
    sessions: db.Sessions,
    settings: Settings,
    *,
    now: datetime,
    progress: Progress | None = None,
    fetch: Fetcher | None = None,
    force: bool = False,
    only: Collection[int] | None = None,
) -> GatherReport:
    """Visit every Feed that is due and store its Articles. ``force`` also visits Feeds checked within RECHECK_AFTER.

    ``only`` holds the ids of the Feeds to consider, for one of several processes that share the work; None means all.
    ``fetch`` replaces the network (the sample edition passes its own). No transaction is open during a request. When
    several Feeds have the same Article, it belongs to the first of them in the Catalogue's order.
    """
    due, skipped = due_feeds(sessions, now=now, force=force, only=only)
    report = GatherReport(feeds=len(due) + skipped, skipped=skipped)
    if fetch is not None:
        return _visit_and_store(sessions, due, fetch, settings, now=now, progress=progress, report=report)
    with PoliteFetcher(settings) as polite:
        return _visit_and_store(sessions, due, polite, settings, now=now, progress=progress, report=report)


def due_feeds(
    sessions: db.Sessions, *, now: datetime, force: bool = False, only: Collection[int] | None = None
) -> tuple[list[FeedToRead], int]:
    """Return the Feeds to visit now, in the Catalogue's order, and the number of those that are not due."""
    with db.reading(sessions) as session:
        feeds = session.scalars(
            select(Feed)
            .join(Feed.outlet)
            .where(Outlet.listed, Outlet.enabled, Feed.enabled, Feed.paused_at.is_(None))
            .where(Feed.id.in_(only) if only is not None else true())
            .options(joinedload(Feed.outlet))
            .order_by(Feed.id)
        ).all()
        due = [
            FeedToRead(
                id=f.id,
                outlet_id=f.outlet_id,
                url=f.url,
                identities=(f.outlet.name, f.outlet.homepage),
                etag=f.etag,
                last_modified=f.last_modified,
            )
            for f in feeds
            if is_due(f.not_before_at, f.checked_at, now=now, force=force)
        ]
    return due, len(feeds) - len(due)


def is_due(
    not_before_at: datetime | None, checked_at: datetime | None, *, now: datetime, force: bool = False
) -> bool:
    """Return whether a Feed may be visited. ``force`` does not override ``not_before_at``, for which a server may have asked."""
    if not_before_at is not None and not_before_at > now:
        return False
    # A check in the future was made by another clock (a simulation), and is ignored.
    return force or checked_at is None or not timedelta(0) <= now - checked_at < RECHECK_AFTER


def not_before(visit: Visit, failures: int, *, now: datetime) -> datetime | None:
    """Return when a Feed may be visited again after ``failures`` failures in a row; None means at any time."""
    fetched = visit.fetched
    if visit.outcome is not Outcome.FAILED:
        return None
    if fetched is not None and fetched.status == 410:
        return now + GONE_BACKOFF
    pause: timedelta = min(FIRST_BACKOFF * 2 ** min(failures - 1, 10), LONGEST_BACKOFF)
    if fetched is not None and fetched.retry_after is not None:
        asked = timedelta(seconds=min(fetched.retry_after, LONGEST_BACKOFF.total_seconds()))
        pause = max(pause, asked)
    return now + pause


def _visit_and_store(
    sessions: db.Sessions,
    due: Sequence[FeedToRead],
    fetch: Fetcher,
    settings: Settings,
    *,
    now: datetime,
    progress: Progress | None,
    report: GatherReport,
) -> GatherReport:
    order = {feed.id: place for place, feed in enumerate(due)}
    ended: dict[int, Visit] = {}  # waiting until all Feeds before them in the Catalogue's order have ended
    stored = 0
    answered: set[int] = set()
    visits = visit_all(due, fetch, now=now, trusted=settings.allowed_private)
    for done, visit in enumerate(visits, start=1):
        ended[order[visit.feed.id]] = visit
        if visit.outcome is not Outcome.FAILED:
            answered.add(visit.feed.outlet_id)
        if progress is not None:
            progress(done, len(due), visit.feed.identities[0] if visit.feed.identities else visit.feed.url)
        ready = 0
        while stored + ready in ended:
            ready += 1
        if ready >= VISITS_PER_WRITE or done == len(due):
            batch = [ended.pop(place) for place in range(stored, stored + ready)]
            stored += ready
            report = _store(sessions, batch, report, now=now)
    report = replace(report, outlets_answered=len(answered))
    _log.info("gather.done", **report.__dict__)
    return report


def _store(
    sessions: db.Sessions, batch: Sequence[Visit], report: GatherReport, *, now: datetime
) -> GatherReport:
    """Store a batch of Visits in one transaction, and return the report with their counts added."""
    rows: list[dict[str, object]] = []
    too_old = undated = 0
    for visit in batch:
        for entry in visit.entries:
            undated += entry.published_at is None
            if entry.published_at is not None and entry.published_at < now - KEEP_FROM:
                too_old += 1
            else:
                rows.append(_row(visit.feed, entry, now))
    with sessions() as session:
        rows = _without_second_addresses(session, rows)
        new = db.insert_new(session, Article, rows)
        changed = _store_rewrites(session, rows, now=now)
        for visit in batch:
            _record_visit(session, visit, now=now)
        session.commit()
    count = {o: sum(1 for v in batch if v.outcome is o) for o in Outcome}
    return replace(
        report,
        fetched=report.fetched + count[Outcome.FETCHED],
        unchanged=report.unchanged + count[Outcome.UNCHANGED],
        failed=report.failed + count[Outcome.FAILED],
        entries=report.entries + sum(len(v.entries) for v in batch),
        new_articles=report.new_articles + new,
        changed_articles=report.changed_articles + changed,
        too_old=report.too_old + too_old,
        undated=report.undated + undated,
    )


def _row(feed: FeedToRead, entry: FeedEntry, now: datetime) -> dict[str, object]:
    return {
        "outlet_id": feed.outlet_id,
        "feed_id": feed.id,
        "url": entry.url,
        "headline": entry.headline,
        "excerpt": entry.excerpt,
        "kind": entry.kind.value,
        "published_at": entry.published_at or now,
        "dated": entry.published_at is not None,
        "gathered_at": now,
        "text_hash": text_hash(entry.headline, entry.excerpt),
    }


def _without_second_addresses(session: Session, rows: Sequence[dict[str, object]]) -> list[dict[str, object]]:
    """Return the rows without those of Articles that are stored, or stand earlier in ``rows``, under another address.

    Two addresses of an Outlet belong to one Article when :func:`same_place` gives the same for both and they have either
    the same query or the same text.
    """
    hashes = list({str(r["text_hash"]) for r in rows if r["excerpt"]})
    first: dict[tuple[object, ...], str] = {}
    for start in range(0, len(hashes), 500):
        known = select(Article.outlet_id, Article.url, Article.text_hash).order_by(Article.id)
        for outlet_id, url, hashed in session.execute(
            known.where(Article.text_hash.in_(hashes[start : start + 500]))
        ):
            first.setdefault((outlet_id, same_place(url), hashed), url)
    kept = []
    for row in rows:
        url = str(row["url"])
        place = (row["outlet_id"], same_place(url))
        keys: list[tuple[object, ...]] = [(*place, "?", urlsplit(url).query)]
        if row["excerpt"]:
            keys.append((*place, row["text_hash"]))
        if all(first.get(key, url) == url for key in keys):
            kept.append(row)
            for key in keys:
                first.setdefault(key, url)
    return kept


def text_hash(headline: str, excerpt: str) -> str:
    """Return a hash that changes when an Outlet rewrites the headline or the excerpt (SHA-256, hexadecimal)."""
    return hashlib.sha256(f"{headline}\x00{excerpt}".encode()).hexdigest()


def _store_rewrites(session: Session, rows: Iterable[dict[str, object]], *, now: datetime) -> int:
    """Store new wordings of known Articles and return how many changed. Only the Feed that an Article came from may change it."""
    by_url = {str(r["url"]): r for r in reversed(list(rows))}
    urls = list(by_url)
    changed = 0
    for start in range(0, len(urls), 500):
        known = session.execute(
            select(Article.id, Article.url, Article.text_hash, Article.feed_id, Article.outlet_id).where(
                Article.url.in_(urls[start : start + 500])
            )
        ).all()
        for article in known:
            row = by_url[article.url]
            is_its_feed = article.feed_id == row["feed_id"] or (
                article.feed_id is None and article.outlet_id == row["outlet_id"]
            )
            if is_its_feed and article.text_hash != row["text_hash"]:
                session.execute(
                    update(Article)
                    .where(Article.id == article.id)
                    .values(
                        headline=row["headline"],
                        excerpt=row["excerpt"],
                        kind=row["kind"],
                        text_hash=row["text_hash"],
                        feed_id=row["feed_id"],
                        changed_at=now,
                    )
                )
                changed += 1
    return changed


def _record_visit(session: Session, visit: Visit, *, now: datetime) -> None:
    """Record the result of a visit with its Feed."""
    feed = session.get_one(Feed, visit.feed.id)
    fetched = visit.fetched
    feed.checked_at = now
    feed.last_status = fetched.status if fetched else None
    if visit.outcome is Outcome.FAILED:
        feed.failures += 1
        feed.last_error = visit.error
        _log.info(
            "feed.failed",
            feed_id=feed.id,
            failures=feed.failures,
            status=feed.last_status,
            reason=visit.error,
        )
    else:
        feed.failures = 0
        feed.last_error = None
    feed.not_before_at = not_before(visit, feed.failures, now=now)
    if visit.outcome is Outcome.FETCHED and fetched is not None:
        feed.etag, feed.last_modified = fetched.etag, fetched.last_modified
        feed.last_entries = len(visit.entries)
        feed.licence = visit.licence
        if visit.entries:
            feed.changed_at = now
