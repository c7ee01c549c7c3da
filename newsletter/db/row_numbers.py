"""Numbers in each database's own way: many handed to a statement as one value, and those that must never be given twice."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ARRAY, BigInteger, ColumnElement, Text, bindparam, func, select, text
from sqlalchemy.orm import Session


def among(dialect: str, column: Any) -> ColumnElement[bool]:
    """``column IN numbers``, handed over as one value named ``numbers``, which :func:`numbers` makes: one statement for any of them."""
    if dialect == "postgresql":
        return column == func.any(bindparam("numbers", type_=ARRAY(BigInteger)))
    each = func.json_each(bindparam("numbers", type_=Text)).table_valued("value")
    return column.in_(select(each.c.value))


def numbers(dialect: str, some: Sequence[int]) -> list[int] | str:
    """Numbers as :func:`among` takes them."""
    return list(some) if dialect == "postgresql" else json.dumps(list(some))


def leap(session: Session, table: str, by: int) -> None:
    """The next numbers of ``table`` begin so far ahead: in a copy, those in between were given to other lines by the original.

    SQLite numbers from its own list only where a table says so; of others :func:`leapt_to` knows.
    """
    named = {"name": table, "by": by}
    if session.get_bind().dialect.name == "postgresql":
        sequence = "pg_get_serial_sequence(:name, 'id')"
        session.execute(text(f"SELECT setval({sequence}, nextval({sequence}) + :by)"), named)
        return
    highest = session.scalar(text(f"SELECT coalesce(max(id), 0) FROM {table}"))  # noqa: S608 - names of ours  # nosec B608
    named["at"] = max(int(highest or 0), leapt_to(session, table)) + by
    if not session.execute(text("UPDATE sqlite_sequence SET seq = :at WHERE name = :name"), named).rowcount:  # type: ignore[attr-defined]
        session.execute(text("INSERT INTO sqlite_sequence (name, seq) VALUES (:name, :at)"), named)


def leapt_to(session: Session, table: str) -> int:
    """The number up to which :func:`leap` left them out on SQLite; 0 where nothing is to be done for it."""
    if session.get_bind().dialect.name == "postgresql":
        return 0
    known = text("SELECT seq FROM sqlite_sequence WHERE name = :name")
    return int(session.scalar(known, {"name": table}) or 0)
