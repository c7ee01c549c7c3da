"""Disputes stand in the books: two further kinds of SubscriptionEvent"""

import re

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

BEFORE = ("trial", "changed", "paid", "refunded")
SINCE = (*BEFORE, "disputed", "reinstated")
NAME = "ck_subscription_event_kind"


def upgrade() -> None:
    _allow(SINCE)


def downgrade() -> None:
    op.execute("DELETE FROM subscription_event WHERE kind IN ('disputed','reinstated')")
    _allow(BEFORE)


def _allow(kinds) -> None:
    check = f"kind IN ({','.join(repr(kind) for kind in kinds)})"
    connection = op.get_bind()
    if connection.dialect.name == "sqlite":
        return _rebuild(connection, check)
    op.drop_constraint(op.f(NAME), "subscription_event", type_="check")
    op.create_check_constraint(op.f(NAME), "subscription_event", check)


def _rebuild(connection, check) -> None:
    """SQLite changes no constraint: a new table beside, the rows over, the names changed (as in 0003)."""
    table = "subscription_event"
    master = "SELECT sql FROM sqlite_master WHERE tbl_name = ? AND type = ? AND sql IS NOT NULL"
    (created,) = connection.exec_driver_sql(master, (table, "table")).scalars()
    indexes = connection.exec_driver_sql(master, (table, "index")).scalars().all()
    changed, found = re.subn(r"kind IN \([^)]*\)", check, created)
    assert found == 1
    connection.exec_driver_sql(re.sub(rf'^CREATE TABLE "?{table}"?', f"CREATE TABLE {table}_new", changed))
    connection.exec_driver_sql(f"INSERT INTO {table}_new SELECT * FROM {table}")  # noqa: S608 - names of ours  # nosec B608
    connection.exec_driver_sql(f"DROP TABLE {table}")
    connection.exec_driver_sql(f"ALTER TABLE {table}_new RENAME TO {table}")
    for index in indexes:
        connection.exec_driver_sql(index)
