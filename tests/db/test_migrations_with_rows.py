"""Each migration is undone and done again with rows in every table: nothing is lost but what its downgrade says it drops."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import Any

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import (
    JSON,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    Engine,
    Float,
    Integer,
    MetaData,
    Table,
    select,
)

from newsletter import db
from newsletter.db import queue_tables, schema
from newsletter.db.models import Base
from tests.conftest import MORNING

Rows = dict[str, list[dict[str, Any]]]
EACH = 2  # rows in a table: in the first every column holds something, in the last whatever may be empty is
ALONE = ("instance",)  # has one row and no more

# What going back to a revision lets go on purpose: of this table only these rows stay.
KEPT: Mapping[tuple[str, str], Callable[[dict[str, Any]], bool]] = {
    ("0001", "notice"): lambda row: row["correction_id"] is None,
    ("0011", "subscription_event"): lambda row: row["kind"] not in ("disputed", "reinstated"),
}


def _allowed(table: Table) -> dict[str, list[str]]:
    """The words that a CHECK lets into a column."""
    found = {}
    for each in table.constraints:
        if isinstance(each, CheckConstraint) and (said := re.match(r"(\w+) IN \((.*)\)", str(each.sqltext))):
            found[said[1]] = re.findall(r"'([^']*)'", said[2])
    return found


def _value(table: Table, column: Column[Any], number: int, allowed: Mapping[str, list[str]]) -> Any:
    if column.primary_key or column.foreign_keys:
        return number
    if column.nullable and number == EACH:
        return None
    if words := allowed.get(column.name):
        return words[-number]  # the last ones: those that were added
    kinds: tuple[tuple[type, Any], ...] = (
        (Boolean, number == 1),
        (Integer, number),
        (Float, number / 2),
        (JSON, {"told": [number, "ö %"]}),
        (Date, date(2026, 3, number)),
        (DateTime, MORNING + timedelta(microseconds=number)),
    )
    kind = getattr(column.type, "impl", column.type)  # of a type of ours, what it is kept as
    return next(
        (made for of, made in kinds if isinstance(kind, of)), f"{table.name} {column.name} {number} ö"
    )


def _fill(engine: Engine) -> None:
    with engine.begin() as connection:
        for table in Base.metadata.sorted_tables:
            allowed = _allowed(table)
            rows = [
                {c.name: _value(table, c, number, allowed) for c in table.columns}
                for number in range(1, 1 + (1 if table.name in ALONE else EACH))
            ]
            connection.execute(table.delete())  # the row that a migration made
            connection.execute(table.insert(), rows)


def _rows(engine: Engine) -> Rows:
    """All rows of all tables of ours, as they stand in the database now."""
    found = MetaData()
    found.reflect(engine, only=lambda name, _: not name.startswith("procrastinate"))
    with engine.connect() as connection:
        return {
            name: [
                dict(row._mapping) for row in connection.execute(select(table).order_by(*table.primary_key))
            ]
            for name, table in found.tables.items()
            if name != "alembic_version" and queue_tables.is_ours(name, "table", {})
        }


def _as_named_below(rows: Rows, module: Any) -> Rows:
    """``rows`` under the names that tables and columns had before this migration, where it renames any."""
    tables = (
        {new: old for old, new in getattr(module, "TABLES", {}).items()} if hasattr(module, "COLUMNS") else {}
    )
    found = {}
    for name, some in rows.items():
        before = tables.get(name, name)
        columns = {new: old for old, new in getattr(module, "COLUMNS", {}).get(before, {}).items()}
        found[before] = [{columns.get(c, c): value for c, value in row.items()} for row in some]
    return found


def _columns(rows: Rows) -> dict[str, set[str]]:
    return {name: set(some[0]) for name, some in rows.items() if some}


def _same(before: Rows, after: Rows, *, but: Callable[[str, dict[str, Any]], bool] = lambda *_: True) -> None:
    """What both know is the same in both: tables and columns that only one of them has are another's to judge."""
    for name in before.keys() & after.keys():
        kept = [row for row in before[name] if but(name, row)]
        common = kept[0].keys() & after[name][0].keys() if kept and after[name] else set()
        assert [{c: r[c] for c in common} for r in kept] == [
            {c: r[c] for c in common} for r in after[name]
        ], name
        assert len(kept) == len(after[name]), name


@pytest.mark.slow
def test_every_migration_is_undone_and_done_again_with_rows_in_all_tables(each_engine: Engine) -> None:
    scripts = ScriptDirectory.from_config(schema._alembic(each_engine))
    steps = [(s.revision, s.down_revision, s.module) for s in scripts.walk_revisions() if s.down_revision]
    _fill(each_engine)
    above = _rows(each_engine)
    assert {name for name, rows in above.items() if len(rows) != EACH} == set(ALONE)
    renamed = set()
    for revision, below, module in steps:
        db.downgrade(each_engine, below)
        under = _rows(each_engine)
        if hasattr(module, "COLUMNS"):
            assert _columns(_as_named_below(above, module)) == _columns(under), revision
            renamed.add(revision)

        def stays(name: str, row: dict[str, Any], to: str = below) -> bool:
            return KEPT.get((to, name), lambda _: True)(row)

        _same(_as_named_below(above, module), under, but=stays)
        db.upgrade(each_engine, revision)
        again = _rows(each_engine)
        assert again.keys() == above.keys(), revision
        _same(under, _as_named_below(again, module))
        db.downgrade(each_engine, below)
        above = _rows(each_engine)
        assert above == under, f"{revision} twice is not {revision} once"
    assert "0014" in renamed
    db.upgrade(each_engine)
    db.require_head(each_engine)
    names = _rows(each_engine)
    for _, _, module in steps:
        names = _as_named_below(names, module)
    _same(above, names)
