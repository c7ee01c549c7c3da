"""Whose turn it is to write, on SQLite: there is one writer at a time."""

from __future__ import annotations

import sqlite3
from time import monotonic, sleep
from typing import Any, Final

LOCK_WAIT: Final = 30.0  # seconds that a writer waits for the others
LOOK_AGAIN: Final = 0.001  # seconds


def begin_writing(connection: Any, *, wait: float = LOCK_WAIT) -> None:
    """Take the write lock of a SQLAlchemy connection's SQLite, looking again often. Raises OperationalError after ``wait`` seconds.

    SQLite's own wait sleeps up to 100 ms between two looks: with many writers the lock then lies idle for most of the time, and who
    came last may go first, again and again.
    """
    raw: sqlite3.Connection = connection.connection.driver_connection
    ends = monotonic() + wait
    raw.execute("PRAGMA busy_timeout=0")
    try:
        while True:
            try:
                raw.execute("BEGIN IMMEDIATE")
                return
            except sqlite3.OperationalError as error:
                if "locked" not in str(error) or monotonic() > ends:
                    break
                sleep(LOOK_AGAIN)
        connection.exec_driver_sql("BEGIN IMMEDIATE")  # says in SQLAlchemy's words what is the matter
    finally:
        raw.execute(f"PRAGMA busy_timeout={int(LOCK_WAIT * 1000)}")
