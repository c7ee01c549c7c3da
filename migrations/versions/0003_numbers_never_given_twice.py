"""A Subscriber's and a Notice's number is never given again after they are gone, on SQLite too.

There the largest number is free again once its row is deleted: after an erasure a provider's late word about a Notice, or an entry of
the audit trail, would be taken for somebody else's. PostgreSQL's sequences never go back.

Revision ID: 0003
Revises: 0002
"""

import re

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

TABLES = ("subscriber", "notice")


def upgrade() -> None:
    _rebuild(
        lambda table, sql: re.sub(
            rf",\s*CONSTRAINT pk_{table} PRIMARY KEY \(id\)",
            "",
            sql.replace("id INTEGER NOT NULL", "id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT", 1),
        )
    )


def downgrade() -> None:
    _rebuild(
        lambda table, sql: re.sub(
            r"\)\s*$",
            f", CONSTRAINT pk_{table} PRIMARY KEY (id))",
            sql.replace("id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT", "id INTEGER NOT NULL", 1),
        )
    )


def _rebuild(changed) -> None:
    """As SQLite's own page on ALTER TABLE describes it: a new table beside, the rows over, the names changed.

    The words are taken from the database, so that whatever columns stand there are kept. Foreign keys are off meanwhile (see env.py).
    """
    connection = op.get_bind()
    if connection.dialect.name != "sqlite":
        return
    for table in TABLES:
        master = "SELECT sql FROM sqlite_master WHERE tbl_name = ? AND type = ? AND sql IS NOT NULL"
        (created,) = connection.exec_driver_sql(master, (table, "table")).scalars()
        indexes = connection.exec_driver_sql(master, (table, "index")).scalars().all()
        beside = re.sub(rf'^CREATE TABLE "?{table}"?', f"CREATE TABLE {table}_new", changed(table, created))
        connection.exec_driver_sql(beside)
        connection.exec_driver_sql(f"INSERT INTO {table}_new SELECT * FROM {table}")  # noqa: S608 - names of ours  # nosec B608
        connection.exec_driver_sql(f"DROP TABLE {table}")
        connection.exec_driver_sql(f"ALTER TABLE {table}_new RENAME TO {table}")
        for index in indexes:
            connection.exec_driver_sql(index)
