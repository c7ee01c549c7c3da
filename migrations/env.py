"""Alembic's entry: runs on the engine it is handed, in one transaction."""

from collections.abc import Iterator
from contextlib import contextmanager

from alembic import context
from sqlalchemy import Connection

from newsletter.db import queue_tables
from newsletter.db.models import Base
from newsletter.errors import DatabaseError


@contextmanager
def tables_replaceable(connection: Connection) -> Iterator[None]:
    """Let migrations replace tables that others point to: SQLite would empty those along with them. Before any transaction.

    Afterwards every key is looked at again, and a broken one raises DatabaseError. PostgreSQL alters tables in place.
    """
    if connection.dialect.name != "sqlite":
        yield
        return
    driver = connection.connection.driver_connection
    driver.execute("PRAGMA foreign_keys=OFF")  # heard by SQLite only outside a transaction
    try:
        yield
        if broken := driver.execute("PRAGMA foreign_key_check").fetchall():
            raise DatabaseError(
                f"The migration left {len(broken)} rows pointing to nothing. Restore a backup."
            )
    finally:
        driver.execute("PRAGMA foreign_keys=ON")


engine = context.config.attributes["engine"]
with engine.connect() as connection, tables_replaceable(connection):
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_as_batch=connection.dialect.name == "sqlite",
        compare_type=True,
        include_name=queue_tables.is_ours,
        transaction_per_migration=True,
    )
    with context.begin_transaction():
        context.run_migrations()
    connection.commit()
