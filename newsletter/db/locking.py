"""Locks and durability of transactions: the write lock of SQLite, how long to wait for a lock, and named locks on PostgreSQL."""

from __future__ import annotations

import sqlite3
from time import monotonic, sleep
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.orm import Session

LOCK_WAIT: Final = 30.0  # seconds that a writer waits for a lock
SHORT_LOCK_WAIT = 5.0  # seconds that it waits when a person waits for the answer
POLL_SECONDS: Final = 0.001  # between two attempts to take the write lock


def begin_writing(connection: Any, *, wait: float = LOCK_WAIT) -> None:
    """Take the write lock of SQLite on a SQLAlchemy connection. Raises OperationalError after ``wait`` seconds.

    It tries every :data:`POLL_SECONDS`. SQLite's own busy timeout sleeps up to 100 ms between two attempts: with many writers the lock
    would be free for most of the time, and a late writer could overtake the others again and again.
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
                sleep(POLL_SECONDS)
        connection.exec_driver_sql("BEGIN IMMEDIATE")  # raises the error as SQLAlchemy does
    finally:
        raw.execute(f"PRAGMA busy_timeout={int(LOCK_WAIT * 1000)}")


def limit_lock_wait(session: Session) -> None:
    """Let this transaction wait for a lock no longer than :data:`SHORT_LOCK_WAIT`. Call it before any statement."""
    connection = session.connection(execution_options={"lock_wait": SHORT_LOCK_WAIT})
    if connection.dialect.name == "postgresql":
        wait = {"wait": f"{int(SHORT_LOCK_WAIT * 1000)}ms"}
        session.execute(text("SELECT set_config('lock_timeout', :wait, true)"), wait)


def require_durable_commit(session: Session) -> None:
    """Let the commit of this transaction, and all before it, survive a power cut. Call it before any statement.

    SQLite otherwise syncs its log only at times (WAL with synchronous=NORMAL): commits survive the death of a process, but the last ones
    may be lost in a power cut. PostgreSQL syncs each commit, unless that was turned off.
    """
    connection = session.connection(execution_options={"durable": True})
    if connection.dialect.name == "postgresql":
        off = "SELECT set_config('synchronous_commit', 'on', true) WHERE current_setting('synchronous_commit') = 'off'"
        connection.exec_driver_sql(off)


def hold_lock(session: Session, name: str) -> None:
    """Hold the lock named ``name`` until this transaction ends, waiting for it if need be. SQLite has one writer anyway."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 7014))"), {"name": name})
