"""The database, and the only file that knows which dialect it is."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import (
    DateTime,
    Delete,
    Engine,
    Insert,
    Table,
    TypeDecorator,
    Update,
    create_engine,
    event,
    make_url,
    text,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Dialect
from sqlalchemy.exc import ArgumentError, IntegrityError
from sqlalchemy.orm import Session, sessionmaker
from sqlalchemy.sql import Select

from newsletter.db.faults import speaking_plainly
from newsletter.db.locking import begin_writing
from newsletter.errors import DatabaseError

Sessions = sessionmaker[Session]
_COUNTED = {"preserve_rowcount": True}  # an INSERT's is lost otherwise: SQLAlchemy fetches the new keys
CONNECT_SECONDS = 10  # that a PostgreSQL server may take to answer
_MIGRATIONS = Path(__file__).parents[2] / "migrations"

_PRAGMAS = (
    "journal_mode=WAL",
    "foreign_keys=ON",
    "synchronous=NORMAL",
    "secure_delete=FAST",  # what is erased is overwritten in pages that are written anyway
    "busy_timeout=30000",
    "cache_size=-65536",  # 64 MB, taken as far as it is needed: the indexes of a million Deliveries
    "wal_autocheckpoint=8000",  # pages, 32 MB: a batch changes many, and each checkpoint waits for the disk
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
    """Open a database. SQLite gets WAL and foreign keys; its transactions begin by our own word and not pysqlite's, with the
    write lock in hand unless they only read. Raises :class:`DatabaseError` for what is no address of one."""
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise DatabaseError(
            "DATABASE_URL is not a database address such as sqlite:///var/newsletter.db."
        ) from None
    if parsed.get_backend_name() == "postgresql":
        # A server that does not answer at all is given up soon; whoever set another time in the address has it.
        patience = {} if "connect_timeout" in parsed.query else {"connect_timeout": CONNECT_SECONDS}
        return create_engine(
            parsed.set(drivername="postgresql+psycopg"),
            pool_pre_ping=True,
            hide_parameters=True,
            connect_args=patience,
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
        connection.isolation_level = None  # we say BEGIN ourselves, see below
        for pragma in _PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Any) -> None:
        # IMMEDIATE takes the write lock at once: two writers wait for each other instead of one failing half-way
        # with "database is locked". Sessions opened by `reading` only read and do not take it.
        options = connection.get_execution_options()
        durable = "FULL" if options.get("durable") else "NORMAL"
        connection.exec_driver_sql(f"PRAGMA synchronous={durable}")  # see `durably`
        if options.get("reading"):
            connection.exec_driver_sql("BEGIN DEFERRED")
        else:
            begin_writing(connection, **({"wait": options["lock_wait"]} if "lock_wait" in options else {}))

    return engine


def make_sessions(engine: Engine) -> Sessions:
    """A factory of Sessions that keep their objects usable after commit."""
    return sessionmaker(engine, expire_on_commit=False)


@contextmanager
def reading(sessions: Sessions) -> Iterator[Session]:
    """A Session for looking only: on SQLite it does not take the write lock."""
    with sessions() as session:
        session.connection(execution_options={"reading": True})
        yield session


def insert_new(session: Session, table: Table | Any, rows: Sequence[dict[str, Any]]) -> int:
    """Insert rows; those that a unique constraint already knows are left alone. Returns how many were new."""
    if not rows:
        return 0
    target = getattr(table, "__table__", table)
    dialect = session.get_bind().dialect.name
    insert = postgresql.insert if dialect == "postgresql" else sqlite.insert
    # One statement, compiled once and given the rows one after the other; long VALUES lists would be compiled anew each time.
    statement = insert(target).on_conflict_do_nothing()
    return int(session.execute(statement, list(rows), execution_options=_COUNTED).rowcount)  # type: ignore[attr-defined]


def insert_many(
    session: Session, table: Any, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]
) -> None:
    """Insert many plain rows the fastest way each database has, in the session's transaction: COPY on PostgreSQL.

    Values are not looked at (moments must be aware); column defaults of the models do not apply. Raises IntegrityError.
    """
    if not rows:
        return
    target = getattr(table, "__table__", table)
    name = target.name
    connection = session.connection()
    named = ", ".join(columns)
    if connection.dialect.name == "postgresql":
        from psycopg import IntegrityError as DriverSays  # only who uses PostgreSQL has it installed

        driver: Any = connection.connection.driver_connection
        try:
            with driver.cursor() as cursor, cursor.copy(f"COPY {name} ({named}) FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
        except DriverSays as error:
            raise IntegrityError(f"COPY {name}", None, error) from error
        return
    marks = ", ".join("?" * len(columns))
    for place in (n for n, column in enumerate(columns) if isinstance(target.c[column].type, UTCDateTime)):
        rows = [(*row[:place], _sqlite_moment(row[place]), *row[place + 1 :]) for row in rows]
    connection.exec_driver_sql(f"INSERT INTO {name} ({named}) VALUES ({marks})", list(rows))  # noqa: S608 - names of ours  # nosec B608


@lru_cache(maxsize=4096)
def _sqlite_moment(moment: datetime | None) -> str | None:
    """As SQLAlchemy writes it."""
    return None if moment is None else moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")


def changed(session: Session, statement: Update | Delete | Insert) -> int:
    """Do an UPDATE, DELETE or INSERT … SELECT; how many rows it changed."""
    return int(session.execute(statement, execution_options=_COUNTED).rowcount)  # type: ignore[attr-defined]


def dialect_of(session: Session) -> str:
    """ "sqlite" or "postgresql", for :func:`among`."""
    return session.get_bind().dialect.name


def take_turns(session: Session, name: str) -> None:
    """Until this transaction ends, nobody else gets past here with the same ``name``. SQLite has one writer anyway."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 7014))"), {"name": name})


def skip_locked(dialect: str, statement: Select[Any], *, of: Any = None) -> Select[Any]:
    """Claim rows nobody else is claiming: SKIP LOCKED on PostgreSQL; SQLite has one writer and needs nothing.

    ``of`` is the table to lock when the statement joins others.
    """
    if dialect == "postgresql":
        return statement.with_for_update(skip_locked=True, of=of)
    return statement


def identity(session: Session) -> str:
    """What the place this database lies in says of itself: another word after it was copied or restored from a backup.

    SQLite: the file's number in its file system. PostgreSQL: the server's and the database's number, the timeline (a new one after
    a recovery to a point in time, and after a standby took over) and the number of a table (a new one after pg_restore).
    """
    if session.get_bind().dialect.name == "postgresql":
        # pg_control_system may be closed to us; the rest is open to everybody.
        allowed = "has_function_privilege('pg_control_system()', 'execute')"
        system = "0"
        if session.scalar(text(f"SELECT {allowed}")):
            system = session.scalar(text("SELECT system_identifier::text FROM pg_control_system()")) or "0"
        place = (
            "SELECT substring(pg_walfile_name(pg_current_wal_lsn()) for 8), 'delivery'::regclass::oid::text,"
            " (SELECT oid::text FROM pg_database WHERE datname = current_database())"
        )
        return ":".join((system, *(str(part) for part in session.execute(text(place)).one())))
    path = session.scalar(text("SELECT file FROM pragma_database_list WHERE name = 'main'"))
    return f"file:{Path(path).stat().st_ino}" if path else "memory"


def wal_offset(session: Session) -> int | None:
    """How many bytes of write-ahead log the PostgreSQL server has flushed, a number that only rises; None on SQLite."""
    if session.get_bind().dialect.name != "postgresql":
        return None
    return int(session.scalar(text("SELECT (pg_current_wal_flush_lsn() - '0/0'::pg_lsn)::bigint")) or 0)


def file_of(engine: Engine) -> Path | None:
    """The file of a SQLite database; None for PostgreSQL, and for one in memory."""
    if engine.dialect.name != "sqlite" or not engine.url.database or engine.url.database == ":memory:":
        return None
    return Path(engine.url.database).absolute()


def has_server(engine: Engine) -> bool:
    """Whether the database is a server's, so that several machines may use it."""
    return engine.dialect.name == "postgresql"


def _alembic(engine: Engine) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.attributes["engine"] = engine
    return config


def upgrade(engine: Engine, revision: str = "head") -> None:
    """Bring the tables to ``revision``. Safe to call twice."""
    with speaking_plainly():
        known(engine)
        command.upgrade(_alembic(engine), revision)


def downgrade(engine: Engine, revision: str) -> None:
    """Take the tables back to ``revision`` (``base`` for none)."""
    with speaking_plainly():
        command.downgrade(_alembic(engine), revision)


def known(engine: Engine) -> str | None:
    """The revision the database is at, or None when it has no tables of ours. Raises when it is newer than the code."""
    scripts = ScriptDirectory.from_config(_alembic(engine))
    with engine.connect().execution_options(reading=True) as connection:
        current = MigrationContext.configure(connection).get_current_revision()
    if current is not None and current not in {s.revision for s in scripts.walk_revisions()}:
        raise DatabaseError(
            f"The database is newer than this program (it is at {current}). Update the program, or restore a backup."
        )
    return current


def require_head(engine: Engine) -> None:
    """Raise :class:`DatabaseError` unless the tables are the ones this code expects."""
    with speaking_plainly():
        current = known(engine)
    head = ScriptDirectory.from_config(_alembic(engine)).get_current_head()
    if current != head:
        at = "has no tables yet" if current is None else f"is at {current}, not {head}"
        raise DatabaseError(f"The database {at}. Run: python -m newsletter db upgrade")
