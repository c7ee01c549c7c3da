"""After an erasure the address is nowhere: in no table, whatever tables there will be, and in no byte of the database's files."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from sqlalchemy import Engine, inspect, select, text

from newsletter import db
from newsletter.db.models import PendingRequest, Report, Story, Subscriber
from newsletter.delivery import dispatch, notices
from newsletter.delivery.providers.outbox.send import Outbox
from newsletter.settings import Settings
from newsletter.subscribers import erasure, pending_requests
from tests.delivery.mailing import LINKS, frozen_issue, slots_for
from tests.subscribers.readers import make_reader

ADDRESS = "Zelda.Quill+news@mail.example.net"
MOMENTS = ("created_at", "first_published_at", "last_published_at", "grouped_at")


def everywhere(sessions: db.Sessions) -> str:
    with db.reading(sessions) as session:
        names = inspect(session.connection()).get_table_names()
        assert len(names) > 25
        return "\n".join(
            str(list(row)) for n in names for row in session.execute(text(f'SELECT * FROM "{n}"'))
        )


def a_life(sessions: db.Sessions, now: datetime) -> int:
    reader = make_reader(sessions, now, address=ADDRESS, consent_ip="192.0.2.77")
    with sessions.begin() as session:
        story = Story(slug="a-story", **dict.fromkeys(MOMENTS, now))
        session.add(story)
        session.flush()
        session.add(Report(story_id=story.id, reason="wrong", words=f"Tell {ADDRESS}.", reported_at=now))
        notices.queue(session, "welcome", key="w", due_at=now, subscriber_id=reader.id)
    for kind in (
        pending_requests.SIGNUP,
        pending_requests.SIGNIN,
    ):  # asked for a moment ago, and not yet granted
        pending_requests.store(sessions, kind, ADDRESS.lower(), now=now, ip="192.0.2.77")
    return reader.id


def test_no_table_of_either_database_names_them(
    each_sessions: db.Sessions, settings: Settings, now: datetime
) -> None:
    number = a_life(each_sessions, now)
    assert "zelda" in everywhere(each_sessions).lower()
    with each_sessions.begin() as session:
        erasure.erase(session, session.get_one(Subscriber, number), now=now)
    left = everywhere(each_sessions).lower()
    assert "zelda" not in left
    assert "192.0.2.77" not in left
    assert pending_requests.run(each_sessions, settings, clock=lambda: now) == 0
    with db.reading(each_sessions) as session:
        assert session.scalars(select(Subscriber)).all() == []
        assert session.scalars(select(PendingRequest)).all() == []


def test_no_mail_that_was_kept_here_names_them(
    sessions: db.Sessions, settings: Settings, now: datetime
) -> None:
    """The Outbox, where mail is a file; the others' mail stays."""
    issue_id = frozen_issue(sessions, settings, 5)
    box = Outbox(settings.OUTBOX_DIR, sender=settings.MAIL_FROM, now=lambda: now)
    dispatch.run(
        sessions, box, issue_id=issue_id, settings=settings, links=LINKS, now=lambda: now, slots_for=slots_for
    )
    with sessions.begin() as session:
        reader = session.get_one(Subscriber, 3)
        address = reader.address
        assert named(settings.OUTBOX_DIR, address) == 1
        erasure.erase(session, reader, now=now, outbox=settings.OUTBOX_DIR)
    assert named(settings.OUTBOX_DIR, address) == 0
    assert len(list(settings.OUTBOX_DIR.iterdir())) == 4


def named(folder: Path, address: str) -> int:
    return sum(address in p.read_text() for p in folder.iterdir())


def test_no_byte_of_the_files_names_them(
    engine: Engine, sessions: db.Sessions, settings: Settings, now: datetime
) -> None:
    """SQLite would leave what was deleted lying in its pages."""
    number = a_life(sessions, now)
    with sessions.begin() as session:
        erasure.erase(session, session.get_one(Subscriber, number), now=now)
    with engine.connect() as connection:
        connection.exec_driver_sql("COMMIT")
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    engine.dispose()
    folder = Path(engine.url.database or "").parent
    files = [p for p in folder.rglob("*") if p.is_file()]
    assert any(p.suffix == ".db" for p in files)
    assert [p.name for p in files if b"zelda" in p.read_bytes().lower()] == []
