"""What tells a database from its copies: its identity, how much was written, and ids that a copy must not use again.

``delivery/fence.py`` decides with these whether a database may send mail.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import text
from sqlalchemy.orm import Session


def identity(session: Session) -> str:
    """Return a text that identifies the place of this database; it differs after the database was copied or restored from a backup.

    SQLite: the inode of the file. PostgreSQL: the system identifier, the ids of the database and of a table (which pg_restore changes), and
    the timeline (which a recovery to a point in time and a failover change).
    """
    if session.get_bind().dialect.name == "postgresql":
        # The role may lack the right to call pg_control_system; the rest is open to everybody.
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
    """Return how many bytes of write-ahead log the PostgreSQL server has flushed, a number that only rises; None on SQLite."""
    if session.get_bind().dialect.name != "postgresql":
        return None
    return int(session.scalar(text("SELECT (pg_current_wal_flush_lsn() - '0/0'::pg_lsn)::bigint")) or 0)


def reserve_ids(session: Session, table: str, by: int) -> None:
    """Leave out the next ``by`` ids of ``table``: in a copy of the database, the original may have given them to other rows.

    SQLite follows its own sequence only for AUTOINCREMENT tables; for others the caller must ask :func:`reserved_up_to`.
    """
    named = {"name": table, "by": by}
    if session.get_bind().dialect.name == "postgresql":
        sequence = "pg_get_serial_sequence(:name, 'id')"
        session.execute(text(f"SELECT setval({sequence}, nextval({sequence}) + :by)"), named)
        return
    highest = session.scalar(text(f"SELECT coalesce(max(id), 0) FROM {table}"))  # noqa: S608 - names of ours  # nosec B608
    named["at"] = max(int(highest or 0), reserved_up_to(session, table)) + by
    if not session.execute(text("UPDATE sqlite_sequence SET seq = :at WHERE name = :name"), named).rowcount:  # type: ignore[attr-defined]
        session.execute(text("INSERT INTO sqlite_sequence (name, seq) VALUES (:name, :at)"), named)


def reserved_up_to(session: Session, table: str) -> int:
    """Return the last id of ``table`` that :func:`reserve_ids` left out on SQLite; 0 on PostgreSQL, whose sequence does it."""
    if session.get_bind().dialect.name == "postgresql":
        return 0
    known = text("SELECT seq FROM sqlite_sequence WHERE name = :name")
    return int(session.scalar(known, {"name": table}) or 0)
