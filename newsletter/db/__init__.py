"""The database: engine and sessions, tables, migrations, backups. The only package that knows which dialect it has."""

from newsletter.db.database_identity import identity, reserve_ids, reserved_up_to, wal_offset
from newsletter.db.engine import (
    CONNECT_SECONDS,
    Sessions,
    UTCDateTime,
    dialect_of,
    file_of,
    has_server,
    make_engine,
    make_sessions,
    reading,
)
from newsletter.db.error_messages import explain, readable_errors
from newsletter.db.locking import hold_lock, limit_lock_wait, require_durable_commit
from newsletter.db.schema import current_revision, downgrade, require_head, upgrade
from newsletter.db.statements import changed, id_in, ids_value, insert_many, insert_new, skip_locked

__all__ = [
    "CONNECT_SECONDS",
    "Sessions",
    "UTCDateTime",
    "backup",
    "changed",
    "current_revision",
    "dialect_of",
    "downgrade",
    "explain",
    "file_of",
    "has_server",
    "hold_lock",
    "id_in",
    "identity",
    "ids_value",
    "insert_many",
    "insert_new",
    "limit_lock_wait",
    "make_engine",
    "make_sessions",
    "models",
    "queue_tables",
    "readable_errors",
    "reading",
    "require_durable_commit",
    "require_head",
    "reserve_ids",
    "reserved_up_to",
    "skip_locked",
    "upgrade",
    "wal_offset",
]
