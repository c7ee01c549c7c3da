"""The Meter: how many Story pages a month a reader without full Access may open. Each one opened is a Read.

The first ones of a month open at once. A Read is inserted when the browser has shown the page and loads the picture at its end, so that no
scanner, prefetch or link preview uses one up.
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
class Allowance:
    """What the Meter allows one reader this month, with regard to one Story."""

    opened: bool  # the reader opened this Story this month, and may read it again
    used: int  # Reads of this month
    allowed: int  # Reads a month

    @property
    def left(self) -> int:
        """How many more Stories the reader may open."""
        return max(0, self.allowed - self.used)

    @property
    def opens(self) -> bool:
        """Whether the reader may read this Story now."""
        return self.opened or self.left > 0

    @property
    def left_after(self) -> int:
        """How many more Stories the reader may open when this one is read."""
        return self.left if self.opened else max(0, self.left - 1)


def reader_key(number: int) -> str:
    """``Read.reader`` of a Subscriber. That of a reader who is not signed in is the random text in their cookie."""
    return f"subscriber:{number}"


def month_of(settings: Settings, now: datetime) -> str:
    """The calendar month in the newsletter's own zone, such as ``2026-11``."""
    return f"{day_in(settings.EDITION_TZ, now):%Y-%m}"


def access_of(session: Session, number: int, *, settings: Settings, now: datetime) -> Access | None:
    """What this Subscriber may read; None when there is no confirmed one with this id (any more)."""
    reader = session.get(Subscriber, number)
    if reader is None or reader.confirmed_at is None:
        return None
    trial = timedelta(days=settings.TRIAL_DAYS)
    return access(
        Facts(reader.trial_started_at, tuple(reader.subscriptions), trial, settings.is_free), now=now
    )


def allowance(
    session: Session, reader: str | None, story_id: int, *, settings: Settings, now: datetime
) -> Allowance:
    """What the Meter allows ``reader`` (None: one without a key yet). Changes nothing."""
    if reader is None:
        return Allowance(False, 0, settings.FREE_STORIES)
    mine = (Read.reader == reader, Read.month == month_of(settings, now))
    used = session.scalar(select(func.count()).select_from(Read).where(*mine)) or 0
    opened = session.scalar(select(Read.id).where(*mine, Read.story_id == story_id)) is not None
    return Allowance(opened, used, settings.FREE_STORIES)


def carry_over(session: Session, cookie_key: str, number: int, *, settings: Settings, now: datetime) -> int:
    """Copy the Reads of this month from a browser's ``cookie_key`` to the reader who signed in; returns how many were new.

    The browser keeps its own Reads, so that signing out does not give a new allowance. The caller commits.
    """
    mine = reader_key(number)
    month = month_of(settings, now)
    opened = session.scalars(select(Read).where(Read.reader == cookie_key, Read.month == month)).all()
    rows = [
        {"reader": mine, "story_id": read.story_id, "month": month, "read_at": read.read_at}
        for read in opened
    ]
    return db.insert_new(session, Read, rows)


def open_story(
    sessions: db.Sessions, reader: str, story_id: int, *, settings: Settings, now: datetime
) -> Allowance:
    """Use one Read of the month on this Story, unless it is open already or none is left. A second call changes nothing."""
    with sessions.begin() as session:
        # Two requests at once are counted one after the other: both would see the same last Read left.
        db.hold_lock(session, f"meter {reader}")
        before = allowance(session, reader, story_id, settings=settings, now=now)
        if before.opened or not before.left:
            return before
        month = month_of(settings, now)
        session.add(Read(reader=reader, story_id=story_id, month=month, read_at=now))
        return Allowance(True, before.used + 1, before.allowed)
