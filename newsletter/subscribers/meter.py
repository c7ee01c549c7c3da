"""The Meter: how many Story pages a month a reader without full Access opens, kept as Reads.

A Read is only ever made by a reader's pressing "Read this story" (a POST), so that no look at a page, and therefore no
scanner, prefetch or link preview, can spend one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from newsletter import db
from newsletter.clock import day_in
from newsletter.db.models import Read, Subscriber
from newsletter.settings import Settings
from newsletter.subscribers.access import Access, Facts, access


@dataclass(frozen=True)
class Standing:
    """How one reader stands this month towards one Story."""

    opened: bool  # this Story is open to them, by a Read of this month
    spent: int
    allowed: int

    @property
    def left(self) -> int:
        """Stories they may still open."""
        return max(0, self.allowed - self.spent)


def reader_named(number: int) -> str:
    """How the Meter names a Subscriber; a reader who is not signed in is the random word of their cookie."""
    return f"subscriber:{number}"


def month_of(settings: Settings, now: datetime) -> str:
    """The calendar month it is in the newsletter's own zone: ``2026-11``."""
    return f"{day_in(settings.EDITION_TZ, now):%Y-%m}"


def access_of(session: Session, number: int, *, settings: Settings, now: datetime) -> Access | None:
    """What this Subscriber may read; None when there is none of that number (any more), or none who confirmed."""
    reader = session.get(Subscriber, number)
    if reader is None or reader.confirmed_at is None:
        return None
    trial = timedelta(days=settings.TRIAL_DAYS)
    return access(Facts(reader.trial_started_at, tuple(reader.subscriptions), trial), now=now)


def standing(
    session: Session, reader: str | None, story_id: int, *, settings: Settings, now: datetime
) -> Standing:
    """How ``reader`` stands; None is somebody we have not counted yet. Changes nothing."""
    if reader is None:
        return Standing(False, 0, settings.FREE_STORIES)
    mine = (Read.reader == reader, Read.month == month_of(settings, now))
    spent = session.scalar(select(func.count()).select_from(Read).where(*mine)) or 0
    opened = session.scalar(select(Read.id).where(*mine, Read.story_id == story_id)) is not None
    return Standing(opened, spent, settings.FREE_STORIES)


def carry_over(session: Session, word: str, number: int, *, settings: Settings, now: datetime) -> int:
    """What this browser opened this month before its reader signed in counts for the reader too. How many were new.

    The browser keeps its own count, so that signing out does not begin a new month. The caller commits.
    """
    mine = reader_named(number)
    month = month_of(settings, now)
    opened = session.scalars(select(Read).where(Read.reader == word, Read.month == month)).all()
    rows = [
        {"reader": mine, "story_id": read.story_id, "month": month, "read_at": read.read_at}
        for read in opened
    ]
    return db.insert_new(session, Read, rows)


def run(sessions: db.Sessions, reader: str, story_id: int, *, settings: Settings, now: datetime) -> Standing:
    """Spend one of the month's Stories on this one, unless it is open already or none is left. Twice is once."""
    with sessions.begin() as session:
        # Two presses at once count one after the other, or both would see the same last Story left.
        db.take_turns(session, f"meter {reader}")
        before = standing(session, reader, story_id, settings=settings, now=now)
        if before.opened or not before.left:
            return before
        month = month_of(settings, now)
        session.add(Read(reader=reader, story_id=story_id, month=month, read_at=now))
        return Standing(True, before.spent + 1, before.allowed)
