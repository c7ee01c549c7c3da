"""The tables of Procrastinate's queue in our PostgreSQL: made, brought up to the installed version, and taken away again.

Procrastinate ships its whole schema and, for each version that changed it, the statements that do so. A comment on its first table
remembers the last of those that was done here. ``db upgrade`` and every ``schedule`` and ``work`` bring the tables up to what is
installed, whoever comes first; after a new pin nothing else is to be done. Take workers down while a version is changed.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, text
from sqlalchemy.orm import Session, sessionmaker

# What was installed when the tables were made without a comment.
BEFORE_COMMENTS: Final = "03.04.00_50_post_add_retry_failed_job_procedure.sql"
KEPT: Final = timedelta(days=7)  # after a part's end: time enough to look why it failed
_ENDED: Final = (
    "DELETE FROM procrastinate_jobs WHERE status <> 'todo' AND NOT EXISTS"
    " (SELECT FROM procrastinate_events WHERE job_id = procrastinate_jobs.id AND at >= :before)"
)
_LOCK: Final = "SELECT pg_advisory_xact_lock(7013)"  # two beginners at once: the second finds them made
_MADE: Final = "SELECT to_regclass('procrastinate_jobs') IS NOT NULL"
_AT: Final = "SELECT obj_description(to_regclass('procrastinate_jobs'), 'pg_class')"
# What there is of the queue, by kind; nothing else in our schema begins like that.
_OURS: Final = {
    "TABLE": "SELECT relname FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r' AND relname LIKE :ours",
    "FUNCTION": "SELECT oid::regprocedure FROM pg_proc WHERE pronamespace = current_schema()::regnamespace AND proname LIKE :ours",
    "TYPE": "SELECT typname FROM pg_type WHERE typnamespace = current_schema()::regnamespace AND typname LIKE :ours AND typtype IN ('e', 'c')",
}


def bring_up(connection: Connection, *, steps: list[Path] | None = None) -> list[str]:
    """Make the tables, or do what they lack of ``steps`` (Procrastinate's own). Names what was done. In the caller's transaction."""
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
    """Tables, functions and types of the queue, and what waits in it. Our own tables say what is due; nothing of that is lost."""
    connection.execute(text(_LOCK))
    for kind, statement in _OURS.items():
        for name in connection.scalars(text(statement), {"ours": r"procrastinate\_%"}).all():
            _run(connection, f"DROP {kind} IF EXISTS {name} CASCADE")


def forget(sessions: sessionmaker[Session], *, now: datetime) -> int:
    """Let the parts go that ended long ago: those that failed or were called off, and those whose worker died with them (what
    succeeded goes with its worker's word). What waits stays. How many; none where there is no queue."""
    with sessions.begin() as session:
        if session.get_bind().dialect.name != "postgresql" or not session.scalar(text(_MADE)):
            return 0
        gone = session.execute(text(_ENDED), {"before": now - KEPT})
        return int(gone.rowcount)  # type: ignore[attr-defined]


def is_ours(name: str | None, kind: str, _: Any = None) -> bool:
    """For Alembic: whether a table is one of our models' and not the queue's."""
    return not (kind == "table" and name is not None and name.startswith("procrastinate_"))


def _name(comment: str | None) -> str:
    return comment.removeprefix("procrastinate ") if comment else BEFORE_COMMENTS


def _run(connection: Connection, sql: str) -> None:
    """Several statements at once, none of their signs taken for a placeholder."""
    driver: Any = connection.connection.driver_connection
    with driver.cursor() as cursor:
        cursor.execute(sql)
