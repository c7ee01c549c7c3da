"""Tables and columns take the names that the field uses; no value changes.

Revision ID: 0014
Revises: 0013
"""

import re
from collections.abc import Mapping

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

TABLES: Mapping[str, str] = {
    "wish": "pending_request",
    "knock": "rate_limit_hit",
    "spent_token": "used_token",
    "story_telling": "story_revision",
    "link_look": "link_status",
}
# By the table's name before this migration.
COLUMNS: Mapping[str, Mapping[str, str]] = {
    "knock": {"wider": "wider_network"},
    "spent_token": {"spent_at": "used_at"},
    "link_look": {"looked_at": "checked_at"},
    "placement": {"telling_id": "story_revision_id"},
    "issue_revision": {"said": "changes"},
    "subscription_event": {"heard_at": "received_at"},
    "delivery_event_sum": {"heard_on": "received_on"},
    "instance": {"tide": "high_water"},
}


def upgrade() -> None:
    for table in dict.fromkeys((*TABLES, *COLUMNS)):
        _rename(table, TABLES.get(table, table), COLUMNS.get(table, {}), {**TABLES, **COLUMNS.get(table, {})})


def downgrade() -> None:
    for table in dict.fromkeys((*TABLES, *COLUMNS)):
        columns = {new: old for old, new in COLUMNS.get(table, {}).items()}
        tables = {new: old for old, new in TABLES.items()}
        _rename(TABLES.get(table, table), table, columns, {**tables, **columns})


def _rename(table: str, to: str, columns: Mapping[str, str], words: Mapping[str, str]) -> None:
    """Rename a table, its columns, and the constraints and indexes that are named after them (``words``: all old names and new)."""
    if op.get_bind().dialect.name == "sqlite":
        _rebuild(table, to, words)
        return
    connection = op.get_bind()
    for old, new in columns.items():
        op.alter_column(table, old, new_column_name=new)
    if to != table:
        op.rename_table(table, to)
    constraints = "SELECT conname FROM pg_constraint WHERE conrelid = %s::regclass"
    for name in connection.exec_driver_sql(constraints, (to,)).scalars().all():
        if (new := _renamed(name, words)) != name:
            op.execute(f'ALTER TABLE {to} RENAME CONSTRAINT "{name}" TO "{new}"')
    # A constraint's index has its name already.
    owned = (
        "SELECT relname, relkind::text FROM pg_class WHERE relkind IN ('i', 'S') AND oid IN ("
        "SELECT indexrelid FROM pg_index WHERE indrelid = %s::regclass UNION ALL"
        " SELECT objid FROM pg_depend WHERE classid = 'pg_class'::regclass AND refobjid = %s::regclass AND deptype = 'a')"
    )
    for name, kind in connection.exec_driver_sql(owned, (to, to)).all():
        if (new := _renamed(name, words)) != name:
            op.execute(f'ALTER {"INDEX" if kind == "i" else "SEQUENCE"} "{name}" RENAME TO "{new}"')


def _rebuild(table: str, to: str, words: Mapping[str, str]) -> None:
    """SQLite names no constraint anew: a new table beside the old one takes its rows, then its place (see 0003). Foreign keys are
    off meanwhile (see env.py)."""
    connection = op.get_bind()
    master = "SELECT sql FROM sqlite_master WHERE tbl_name = ? AND type = ? AND sql IS NOT NULL"
    (created,) = connection.exec_driver_sql(master, (table, "table")).scalars()
    indexes = connection.exec_driver_sql(master, (table, "index")).scalars().all()
    beside = re.sub(rf'^CREATE TABLE "?{to}"?', f"CREATE TABLE {to}_new", _renamed(created, words))
    connection.exec_driver_sql(beside)
    connection.exec_driver_sql(f"INSERT INTO {to}_new SELECT * FROM {table}")  # noqa: S608 - names of ours  # nosec B608
    connection.exec_driver_sql(f"DROP TABLE {table}")
    connection.exec_driver_sql(f"ALTER TABLE {to}_new RENAME TO {to}")
    for index in indexes:
        connection.exec_driver_sql(_renamed(index, words))


def _renamed(text: str, words: Mapping[str, str]) -> str:
    """``text`` with each of the words replaced where it stands alone or between underscores; the longer ones first."""
    either = "|".join(sorted(words, key=len, reverse=True))
    return re.sub(rf"(?<![A-Za-z0-9])({either})(?![A-Za-z0-9])", lambda found: words[found[0]], text)
