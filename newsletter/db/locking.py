"""How a transaction that writes begins: whose turn it is (on SQLite there is one writer at a time), how long it waits, how lasting it is."""

from __future__ import annotations

import sqlite3
from time import monotonic, sleep
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.orm import Session

LOCK_WAIT: Final = 30.0  # seconds that a writer waits for the others
HURRY = 5.0  # seconds that a transaction waits for others when somebody waits for our answer
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


def hurried(session: Session) -> None:
    """Begin a transaction that waits for others' locks no longer than :data:`HURRY`. To be called first in it."""
    connection = session.connection(execution_options={"lock_wait": HURRY})
    if connection.dialect.name == "postgresql":
        wait = {"wait": f"{int(HURRY * 1000)}ms"}
        session.execute(text("SELECT set_config('lock_timeout', :wait, true)"), wait)


def durably(session: Session) -> None:
    """Begin a transaction whose commit outlives a power cut, and every one before it: to be called first in it.

    SQLite otherwise syncs its log only now and then (WAL with synchronous=NORMAL): commits outlive the death of any process, and the
    last ones may be gone after a power cut. PostgreSQL syncs each, unless somebody turned that off.
    """
    connection = session.connection(execution_options={"durable": True})
    if connection.dialect.name == "postgresql":
        off = "SELECT set_config('synchronous_commit', 'on', true) WHERE current_setting('synchronous_commit') = 'off'"
        connection.exec_driver_sql(off)
