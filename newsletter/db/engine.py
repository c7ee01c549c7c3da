"""Opens the database: engines, sessions, and moments in UTC on both dialects."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import (
    DateTime,
    Engine,
    TypeDecorator,
    create_engine,
    event,
    make_url,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.exc import ArgumentError
from sqlalchemy.orm import Session, sessionmaker

from newsletter.db.locking import begin_writing
from newsletter.errors import DatabaseError

Sessions = sessionmaker[Session]
CONNECT_SECONDS = 10  # the time within which a PostgreSQL server must answer

_PRAGMAS = (
    "journal_mode=WAL",
    "foreign_keys=ON",
    "synchronous=NORMAL",
    "secure_delete=FAST",  # deleted data is overwritten in pages that are written anyway
    "busy_timeout=30000",
    "cache_size=-65536",  # at most 64 MB: the indexes of a million Deliveries
    "wal_autocheckpoint=8000",  # pages, 32 MB: a batch changes many pages, and each checkpoint waits for the disk
    "journal_size_limit=67108864",
)


class UTCDateTime(TypeDecorator[datetime]):
    """A moment: aware in Python, UTC in the database (SQLite keeps no zone of its own)."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment without a time zone must not reach the database")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def make_engine(url: str) -> Engine:
    """Return an engine for the database at ``url``. Raises :class:`DatabaseError` when that is not an address of one.

    SQLite gets WAL and foreign keys. Its transactions are begun here and not by pysqlite: they take the write lock, unless they only
    read (see :func:`reading`).
    """
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise DatabaseError(
            "DATABASE_URL is not a database address such as sqlite:///var/newsletter.db."
        ) from None
    if parsed.get_backend_name() == "postgresql":
        # A server that does not answer is given up soon, unless the address names another time.
        timeout = {} if "connect_timeout" in parsed.query else {"connect_timeout": CONNECT_SECONDS}
        return create_engine(
            parsed.set(drivername="postgresql+psycopg"),
            pool_pre_ping=True,
            hide_parameters=True,
            connect_args=timeout,
        )
    if parsed.get_backend_name() != "sqlite":
        raise DatabaseError("DATABASE_URL must be a SQLite or a PostgreSQL address.")
    if parsed.database and parsed.database != ":memory:":
        try:
            Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DatabaseError(f"The folder of the database cannot be made: {error.strerror}.") from None
    engine = create_engine(parsed, connect_args={"timeout": 30}, hide_parameters=True)

    @event.listens_for(engine, "connect")
    def _prepare(connection: sqlite3.Connection, _: Any) -> None:
        connection.isolation_level = None  # pysqlite must not begin transactions; see below
        for pragma in _PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Any) -> None:
        # IMMEDIATE takes the write lock at once, so that two writers wait for each other and none fails half-way with
        # "database is locked". Sessions opened by `reading` do not take it.
        options = connection.get_execution_options()
        durable = "FULL" if options.get("durable") else "NORMAL"
        connection.exec_driver_sql(f"PRAGMA synchronous={durable}")  # see `require_durable_commit`
        if options.get("reading"):
            connection.exec_driver_sql("BEGIN DEFERRED")
        else:
            begin_writing(connection, **({"wait": options["lock_wait"]} if "lock_wait" in options else {}))

    return engine


def make_sessions(engine: Engine) -> Sessions:
    """Return a factory of Sessions whose objects stay usable after commit."""
    return sessionmaker(engine, expire_on_commit=False)


@contextmanager
def reading(sessions: Sessions) -> Iterator[Session]:
    """A Session that only reads: on SQLite it does not take the write lock."""
    with sessions() as session:
        session.connection(execution_options={"reading": True})
        yield session


def dialect_of(session: Session) -> str:
    """Return the dialect of a session: "sqlite" or "postgresql"."""
    return session.get_bind().dialect.name


def file_of(engine: Engine) -> Path | None:
    """Return the file of a SQLite database; None for PostgreSQL and for a database in memory."""
    if engine.dialect.name != "sqlite" or not engine.url.database or engine.url.database == ":memory:":
        return None
    return Path(engine.url.database).absolute()


def has_server(engine: Engine) -> bool:
    """Return whether the database is on a server (PostgreSQL), so that several machines may use it."""
    return engine.dialect.name == "postgresql"
