"""Pause and resume a Feed at an operator's request, which the audit trail records."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from newsletter.db.models import AuditEntry, Feed
from newsletter.errors import NotFound


def pause(session: Session, feed_id: int, *, now: datetime, by: str) -> Feed:
    """Stop fetching a Feed until it is resumed; its Articles stay. Raises NotFound. The caller commits."""
    feed = _feed(session, feed_id)
    if feed.paused_at is None:
        feed.paused_at = now
        _audit(session, feed, "feed.paused", now, by)
    return feed


def resume(session: Session, feed_id: int, *, now: datetime, by: str) -> Feed:
    """Fetch a Feed again from the next gathering on, and clear its failures. Raises NotFound. The caller commits."""
    feed = _feed(session, feed_id)
    if feed.paused_at is not None or feed.not_before_at is not None:
        feed.paused_at = feed.not_before_at = None
        feed.failures = 0
        _audit(session, feed, "feed.resumed", now, by)
    return feed


def _feed(session: Session, feed_id: int) -> Feed:
    feed = session.get(Feed, feed_id)
    if feed is None:
        raise NotFound("There is no such feed.")
    return feed


def _audit(session: Session, feed: Feed, act: str, now: datetime, by: str) -> None:
    detail = {"outlet": feed.outlet.name, "address": feed.url}
    session.add(AuditEntry(at=now, by=by, act=act, about=f"feed:{feed.id}", detail=detail))
