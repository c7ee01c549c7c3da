"""Writers on SQLite wait for each other, and report when that takes too long."""

from __future__ import annotations

import sqlite3
import threading
from collections import Counter

import pytest
from sqlalchemy import Engine, make_url, text
from sqlalchemy.exc import OperationalError

from newsletter import db
from newsletter.db import locking
from newsletter.settings import Settings


def test_many_writers_at_once_all_get_their_turn(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE turn (n INTEGER)"))
        connection.execute(text("INSERT INTO turn VALUES (0)"))
    done: Counter[int] = Counter()

    def write(who: int) -> None:
        for _ in range(20):
            with engine.begin() as connection:  # what was read stays true until it is written
                before = connection.scalar(text("SELECT n FROM turn"))
                connection.execute(text("UPDATE turn SET n = :n"), {"n": before + 1})
            done[who] += 1

    threads = [threading.Thread(target=write, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT n FROM turn")) == 120
    assert set(done.values()) == {20}


def test_who_waits_in_vain_is_told_and_can_go_on_later(
    engine: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = sqlite3.connect(make_url(settings.DATABASE_URL).database or "", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    monkeypatch.setattr(locking.begin_writing, "__kwdefaults__", {"wait": 0.05})
    sessions = db.make_sessions(engine)
    with pytest.raises(OperationalError, match="locked"), sessions.begin() as session:
        session.execute(text("CREATE TABLE never (n INTEGER)"))
    other.execute("COMMIT")
    other.close()
    with sessions.begin() as session:
        session.execute(text("CREATE TABLE later (n INTEGER)"))
        assert session.scalar(text("PRAGMA busy_timeout")) == 30_000
