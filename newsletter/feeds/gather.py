"""Read Feeds into Articles: fetch, read, keep what is new, note what was rewritten, leave failing Feeds in peace for a while."""

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

KEEP_FROM = timedelta(days=30)  # older Articles are no news
RECHECK_AFTER = timedelta(minutes=10)
FIRST_BACKOFF = timedelta(minutes=15)
LONGEST_BACKOFF = timedelta(hours=24)
GONE_BACKOFF = timedelta(days=30)  # after "410 Gone"; an operator should take the Feed out
VISITS_PER_WRITE = 64  # Feeds kept in one transaction: few enough to be short, many enough to be cheap
_log = log.get("feeds")

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class GatherReport:
    """What one round of the Feeds brought."""

    feeds: int  # that may be read at all
    fetched: int = 0
    unchanged: int = 0
    failed: int = 0
    skipped: int = 0  # backing off, asked to wait, or checked a moment ago
    entries: int = 0  # found in what was fetched
    new_articles: int = 0
    changed_articles: int = 0
    outlets_answered: int = 0
    too_old: int = 0  # Entries older than 30 days
    undated: int = 0  # Entries without a usable date

    @property
    def reached(self) -> int:
        """Feeds that answered."""
        return self.fetched + self.unchanged


def sync_catalogue(session: Session, catalogue: Catalogue) -> None:
    """Bring Outlets and Feeds in line with the Catalogue. What left it stays, no longer listed. The caller commits."""
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
    """Visit every Feed that is due and keep what it brought. ``force`` visits those checked a moment ago as well.

    ``only`` names the Feeds to look at, for one of several processes that share a round; None for all.

    ``fetch`` stands in for the network (the sample edition brings its own). No transaction is open while the network
    is asked. Among Feeds with the same Article, the first in the Catalogue's order keeps it.
    """
    due, skipped = due_feeds(sessions, now=now, force=force, only=only)
    report = GatherReport(feeds=len(due) + skipped, skipped=skipped)
    if fetch is not None:
        return _round(sessions, due, fetch, settings, now=now, progress=progress, report=report)
    with PoliteFetcher(settings) as polite:
        return _round(sessions, due, polite, settings, now=now, progress=progress, report=report)


def due_feeds(
    sessions: db.Sessions, *, now: datetime, force: bool = False, only: Collection[int] | None = None
) -> tuple[list[FeedToRead], int]:
    """The Feeds to visit now, in the Catalogue's order, and how many are not due."""
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
    """Whether a Feed may be visited. A server's wish to be left alone holds even when ``force`` is given."""
    if not_before_at is not None and not_before_at > now:
        return False
    # A check in the future comes from another clock (a replay): it says nothing about now.
    return force or checked_at is None or not timedelta(0) <= now - checked_at < RECHECK_AFTER


def not_before(visit: Visit, failures: int, *, now: datetime) -> datetime | None:
    """When a Feed may be visited again, after ``failures`` failures in a row; None for at any time."""
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


def _round(
    sessions: db.Sessions,
    due: Sequence[FeedToRead],
    fetch: Fetcher,
    settings: Settings,
    *,
    now: datetime,
    progress: Progress | None,
    report: GatherReport,
) -> GatherReport:
    places = {feed.id: place for place, feed in enumerate(due)}
    ended: dict[int, Visit] = {}  # by place, until all before them have ended: the Catalogue's order decides
    written = 0
    answered: set[int] = set()
    visits = visit_all(due, fetch, now=now, our_own=settings.allowed_private)
    for done, visit in enumerate(visits, start=1):
        ended[places[visit.feed.id]] = visit
        if visit.outcome is not Outcome.FAILED:
            answered.add(visit.feed.outlet_id)
        if progress is not None:
            progress(done, len(due), visit.feed.identities[0] if visit.feed.identities else visit.feed.url)
        ready = 0
        while written + ready in ended:
            ready += 1
        if ready >= VISITS_PER_WRITE or done == len(due):
            batch = [ended.pop(place) for place in range(written, written + ready)]
            written += ready
            report = _kept(sessions, batch, report, now=now)
    report = replace(report, outlets_answered=len(answered))
    _log.info("gather.done", **report.__dict__)
    return report


def _kept(
    sessions: db.Sessions, batch: Sequence[Visit], report: GatherReport, *, now: datetime
) -> GatherReport:
    """Write what a batch of Visits brought, in one short transaction."""
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
        rows = _one_address_each(session, rows)
        new = db.insert_new(session, Article, rows)
        changed = _rewritten(session, rows, now=now)
        for visit in batch:
            _note(session, visit, now=now)
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


def _one_address_each(session: Session, rows: Sequence[dict[str, object]]) -> list[dict[str, object]]:
    """The rows without those whose piece we have, or that come here, under another address.

    Two addresses of an Outlet lead to one piece when they name the same place and have either the same parameters or the
    same text.
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
    """Tells whether an Outlet rewrote its headline or excerpt."""
    return hashlib.sha256(f"{headline}\x00{excerpt}".encode()).hexdigest()


def _rewritten(session: Session, rows: Iterable[dict[str, object]], *, now: datetime) -> int:
    """Note new wording of Articles we have. Only the Feed that brought an Article may rewrite it."""
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
            ours = article.feed_id == row["feed_id"] or (
                article.feed_id is None and article.outlet_id == row["outlet_id"]
            )
            if ours and article.text_hash != row["text_hash"]:
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


def _note(session: Session, visit: Visit, *, now: datetime) -> None:
    """Keep with the Feed how its visit went."""
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
        if visit.entries:
            feed.changed_at = now
