"""Creates, upgrades and drops the tables of Procrastinate's queue in our PostgreSQL.

Procrastinate ships its schema and, for each version that changed it, the statements of the change. A comment on its first table
stores the last one that was executed here. ``db upgrade``, ``schedule`` and ``work`` upgrade the tables to the installed version,
whichever runs first; after a new pin nothing else need be done. Stop workers while the version changes.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, text
from sqlalchemy.orm import Session, sessionmaker

# The version that was installed when the tables were made without a comment.
BEFORE_COMMENTS: Final = "03.04.00_50_post_add_retry_failed_job_procedure.sql"
KEPT: Final = timedelta(days=7)  # after a part's end, so that an operator can look why it failed
_ENDED: Final = (
    "DELETE FROM procrastinate_jobs WHERE status <> 'todo' AND NOT EXISTS"
    " (SELECT FROM procrastinate_events WHERE job_id = procrastinate_jobs.id AND at >= :before)"
)
_LOCK: Final = "SELECT pg_advisory_xact_lock(7013)"  # of two processes that start at once, the second finds the tables made
_MADE: Final = "SELECT to_regclass('procrastinate_jobs') IS NOT NULL"
_AT: Final = "SELECT obj_description(to_regclass('procrastinate_jobs'), 'pg_class')"
# The queue's objects by kind; no other names in our schema begin like that.
_OURS: Final = {
    "TABLE": "SELECT relname FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r' AND relname LIKE :ours",
    "FUNCTION": "SELECT oid::regprocedure FROM pg_proc WHERE pronamespace = current_schema()::regnamespace AND proname LIKE :ours",
    "TYPE": "SELECT typname FROM pg_type WHERE typnamespace = current_schema()::regnamespace AND typname LIKE :ours AND typtype IN ('e', 'c')",
}


def bring_up(connection: Connection, *, steps: list[Path] | None = None) -> list[str]:
    """Create the tables, or execute those of Procrastinate's ``steps`` that are missing, in the caller's transaction. Returns their
    names."""
    from procrastinate.schema import SchemaManager  # it takes a while to import, and only PostgreSQL needs it

    steps = steps or sorted(Path(SchemaManager.get_migrations_path()).glob("*.sql"))
    newest = steps[-1].name
    connection.execute(text(_LOCK))
    if not connection.scalar(text(_MADE)):
        _run(connection, SchemaManager.get_schema())
        done = ["schema.sql"]
    else:
        at = _name(connection.scalar(text(_AT)))
        missing = [step for step in steps if step.name > at]
        for step in missing:
            _run(connection, step.read_text(encoding="utf-8"))
        done = [step.name for step in missing]
    if done:
        _run(connection, f"COMMENT ON TABLE procrastinate_jobs IS 'procrastinate {newest}'")
    return done


def take_away(connection: Connection) -> None:
    """Drop the queue with its tables, functions and types. Our own tables say what is due, so no work is lost."""
    connection.execute(text(_LOCK))
    for kind, statement in _OURS.items():
        for name in connection.scalars(text(statement), {"ours": r"procrastinate\_%"}).all():
            _run(connection, f"DROP {kind} IF EXISTS {name} CASCADE")


def delete_ended(sessions: sessionmaker[Session], *, now: datetime) -> int:
    """Delete the parts that ended long ago: failed, cancelled, or left by a worker that died (a worker deletes those that succeeded).
    Returns how many; 0 where there is no queue."""
    with sessions.begin() as session:
        if session.get_bind().dialect.name != "postgresql" or not session.scalar(text(_MADE)):
            return 0
        gone = session.execute(text(_ENDED), {"before": now - KEPT})
        return int(gone.rowcount)  # type: ignore[attr-defined]


def is_ours(name: str | None, kind: str, _: Any = None) -> bool:
    """Return whether a table belongs to our models and not to the queue, for Alembic."""
    return not (kind == "table" and name is not None and name.startswith("procrastinate_"))


def _name(comment: str | None) -> str:
    return comment.removeprefix("procrastinate ") if comment else BEFORE_COMMENTS


def _run(connection: Connection, sql: str) -> None:
    """Execute several statements, with no character read as a placeholder."""
    driver: Any = connection.connection.driver_connection
    with driver.cursor() as cursor:
        cursor.execute(sql)
