"""Outlets and their Feeds: how fetching goes, how many Articles each Side has, and pausing a Feed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from flask import Response, make_response, render_template, request
from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload

from newsletter import db
from newsletter.db.models import Article, Feed, Outlet
from newsletter.desk.guard import actor, bp, redirect_to
from newsletter.desk.page_counts import page_counts
from newsletter.feeds import feed_pause
from newsletter.feeds.gather import KEEP_FROM
from newsletter.feeds.leans import SIDES, Lean, Side, side_of
from newsletter.web.services import services

RECENT = timedelta(days=1)
LAST_ENTRIES = 5  # shown of each Feed
SILENT_AFTER = timedelta(days=3)  # a Feed without a new Entry for so long counts as silent


@dataclass(frozen=True)
class LastEntry:
    """One of the latest Articles of a Feed."""

    headline: str
    url: str
    published_at: datetime


@dataclass(frozen=True)
class FeedLine:
    """One Feed and its state: "well", "failing", "silent", "paused", "off" or "new"."""

    feed: Feed
    outlet: Outlet
    side: Side | None  # None: state-run
    state: str
    entries: int  # its Articles gathered within RECENT
    last: tuple[LastEntry, ...]  # its latest Articles


@dataclass(frozen=True)
class SideCount:
    """The Outlets and Articles of one Side."""

    side: Side
    outlets: int  # listed and enabled
    answering: int  # with a Feed that answered within RECENT
    articles: int  # gathered within RECENT


@bp.get("/outlets")
def outlets() -> Response:
    only = request.args.get("only", "")
    now = services().now()
    with db.reading(services().sessions) as session:
        lines = _lines(session, now)
        pages = page_counts(session, now=now)
    counts = _counts(lines, now)
    trouble = [x for x in lines if x.state in ("failing", "silent")]
    shown = trouble if only == "trouble" else lines
    html = render_template(
        "desk/outlets.html",
        lines=shown,
        counts=counts,
        pages=pages,
        feeds_only=len({x.outlet.id for x in lines if x.outlet.policy != "page"}),
        reading=services().settings.READ_PAGES,
        trouble=len(trouble),
        all=len(lines),
        only=only,
    )
    return make_response(html)


@bp.post("/feeds/<int:number>/pause")
def pause_feed(number: int) -> Response:
    site = services()
    with site.sessions.begin() as session:
        feed_pause.pause(session, number, now=site.now(), by=actor())
    return redirect_to(f"outlets#feed-{number}")


@bp.post("/feeds/<int:number>/resume")
def resume_feed(number: int) -> Response:
    site = services()
    with site.sessions.begin() as session:
        feed_pause.resume(session, number, now=site.now(), by=actor())
    return redirect_to(f"outlets#feed-{number}")


def _lines(session: Session, now: datetime) -> list[FeedLine]:
    articles_of_feed: dict[int | None, int] = {
        feed_id: count
        for feed_id, count in session.execute(
            select(Article.feed_id, func.count())
            .where(Article.gathered_at > now - RECENT, Article.published_at > now - RECENT - KEEP_FROM)
            .group_by(Article.feed_id)
        )
    }
    feeds = session.scalars(
        select(Feed)
        .join(Outlet, Outlet.id == Feed.outlet_id)
        .where(Outlet.listed.is_(True))
        .options(joinedload(Feed.outlet))
        .order_by(func.lower(Outlet.name), Feed.url)
    ).all()
    latest = _latest(session, now)
    return [
        FeedLine(
            f,
            f.outlet,
            None if f.outlet.state_run else side_of(Lean(f.outlet.lean)),
            state_of(f, now),
            articles_of_feed.get(f.id, 0),
            latest.get(f.id, ()),
        )
        for f in feeds
    ]


def _latest(session: Session, now: datetime) -> dict[int, tuple[LastEntry, ...]]:
    """Return the latest Articles of each Feed, newest first, without those older than KEEP_FROM."""
    place = func.row_number().over(
        partition_by=Article.feed_id, order_by=(Article.published_at.desc(), Article.id.desc())
    )
    ranked = select(
        Article.feed_id, Article.headline, Article.url, Article.published_at, place.label("place")
    ).where(Article.feed_id.is_not(None), Article.published_at > now - KEEP_FROM)
    rows = ranked.subquery()
    found: dict[int, tuple[LastEntry, ...]] = {}
    for feed_id, headline, url, published_at, _ in session.execute(
        select(rows).where(rows.c.place <= LAST_ENTRIES).order_by(rows.c.feed_id, rows.c.place)
    ):
        found[feed_id] = (*found.get(feed_id, ()), LastEntry(headline, url, published_at))
    return found


def state_of(feed: Feed, now: datetime) -> str:
    """Return the state of a Feed, one of those in :class:`FeedLine`."""
    if feed.paused_at is not None:
        return "paused"
    if not feed.enabled or not feed.outlet.enabled:
        return "off"
    if feed.checked_at is None:
        return "new"
    if feed.failures:
        return "failing"
    if feed.changed_at is None or now - feed.changed_at > SILENT_AFTER:
        return "silent"
    return "well"


def _counts(lines: list[FeedLine], now: datetime) -> list[SideCount]:
    found = []
    for side in SIDES:
        own = [x for x in lines if x.side is side and x.state != "off"]
        answering = {
            x.outlet.id
            for x in own
            if not x.feed.failures and x.feed.checked_at is not None and now - x.feed.checked_at <= RECENT
        }
        found.append(
            SideCount(side, len({x.outlet.id for x in own}), len(answering), sum(x.entries for x in own))
        )
    return found
