"""SQL that differs between SQLite and PostgreSQL, or is faster than the ORM's: bulk inserts, row counts, lists of ids, row locks."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Delete,
    Insert,
    Table,
    Text,
    Update,
    bindparam,
    func,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from sqlalchemy.sql import Select

from newsletter.db.engine import UTCDateTime

_COUNTED = {"preserve_rowcount": True}  # without it SQLAlchemy loses the row count of an INSERT


def insert_new(session: Session, table: Table | Any, rows: Sequence[dict[str, Any]]) -> int:
    """Insert rows but for those that violate a unique constraint; returns how many were inserted."""
    if not rows:
        return 0
    target = getattr(table, "__table__", table)
    dialect = session.get_bind().dialect.name
    insert = postgresql.insert if dialect == "postgresql" else sqlite.insert
    # One statement is compiled once and executed for each row; long lists of VALUES would be compiled each time.
    statement = insert(target).on_conflict_do_nothing()
    return int(session.execute(statement, list(rows), execution_options=_COUNTED).rowcount)  # type: ignore[attr-defined]


def insert_many(
    session: Session, table: Any, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]
) -> None:
    """Insert many rows in the session's transaction, the fastest way that each database has: COPY on PostgreSQL.

    Values are not checked (moments must be aware), and column defaults of the models do not apply. Raises IntegrityError.
    """
    if not rows:
        return
    target = getattr(table, "__table__", table)
    name = target.name
    connection = session.connection()
    named = ", ".join(columns)
    if connection.dialect.name == "postgresql":
        from psycopg import IntegrityError as DriverIntegrityError  # installed only where PostgreSQL is used

        driver: Any = connection.connection.driver_connection
        try:
            with driver.cursor() as cursor, cursor.copy(f"COPY {name} ({named}) FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
        except DriverIntegrityError as error:
            raise IntegrityError(f"COPY {name}", None, error) from error
        return
    marks = ", ".join("?" * len(columns))
    for place in (n for n, column in enumerate(columns) if isinstance(target.c[column].type, UTCDateTime)):
        rows = [(*row[:place], _sqlite_moment(row[place]), *row[place + 1 :]) for row in rows]
    connection.exec_driver_sql(f"INSERT INTO {name} ({named}) VALUES ({marks})", list(rows))  # noqa: S608 - names of ours  # nosec B608


@lru_cache(maxsize=4096)
def _sqlite_moment(moment: datetime | None) -> str | None:
    """Return a moment as SQLAlchemy stores it on SQLite."""
    return None if moment is None else moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")


def changed(session: Session, statement: Update | Delete | Insert) -> int:
    """Execute an UPDATE, DELETE or INSERT … SELECT; returns how many rows it changed."""
    return int(session.execute(statement, execution_options=_COUNTED).rowcount)  # type: ignore[attr-defined]


def skip_locked(dialect: str, statement: Select[Any], *, of: Any = None) -> Select[Any]:
    """Let a SELECT lock its rows and skip those that others have locked: SKIP LOCKED on PostgreSQL. SQLite has one writer anyway.

    ``of`` is the table to lock when the statement joins several.
    """
    if dialect == "postgresql":
        return statement.with_for_update(skip_locked=True, of=of)
    return statement


def id_in(dialect: str, column: Any) -> ColumnElement[bool]:
    """``column IN (ids)`` with all ids in the one parameter ``ids``, made by :func:`ids_value`: the statement is compiled once."""
    if dialect == "postgresql":
        is_any: ColumnElement[bool] = column == func.any(bindparam("ids", type_=ARRAY(BigInteger)))
        return is_any
    each = func.json_each(bindparam("ids", type_=Text)).table_valued("value")
    is_in: ColumnElement[bool] = column.in_(select(each.c.value))
    return is_in


def ids_value(dialect: str, ids: Sequence[int]) -> list[int] | str:
    """Return the value of the parameter ``ids`` of :func:`id_in`."""
    return list(ids) if dialect == "postgresql" else json.dumps(list(ids))
