"""Errors of the database as one sentence for an operator."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from alembic.util import CommandError
from sqlalchemy.exc import DBAPIError

from newsletter.errors import DatabaseError


@contextmanager
def readable_errors() -> Iterator[None]:
    """Turn errors of the driver and of Alembic into :class:`DatabaseError` with one sentence."""
    try:
        yield
    except DBAPIError as error:
        raise DatabaseError(explain(error)) from error
    except sqlite3.Error as error:
        raise DatabaseError(f"The database cannot be used: {error}.") from error
    except CommandError as error:  # there is no such revision, or no way to it
        raise DatabaseError(f"The tables cannot be changed so: {error}.") from None


def explain(error: DBAPIError) -> str:
    """Return the error as one sentence, without SQL and values."""
    message = str(error.orig).strip().splitlines()[0] if error.orig else "unknown reason"
    for part, sentence in _SENTENCES.items():
        if part in message.lower():
            return sentence
    return f"The database refused: {message}."


TOO_MANY_CONNECTIONS = (
    "The database server takes no more connections: as many as it allows are open. Run fewer processes, or let more in:"
    " max_connections in its postgresql.conf, and the CONNECTION LIMIT of our role and database."
)
_FULL = "The disk is full: the database cannot be written. Nothing that was confirmed is lost."
_SENTENCES = {
    "readonly": "The database is read-only: check the rights on its file and folder.",
    "disk is full": _FULL,
    "no space left": _FULL,
    "unable to open": "The database file cannot be opened: check that its folder exists and may be written.",
    "not a database": "The database file is not a SQLite database.",
    "malformed": "The database file is damaged. Restore a backup: python -m newsletter db restore FILE",
    "is locked": "The database is locked by another program.",
    "too many clients": TOO_MANY_CONNECTIONS,
    "too many connections": TOO_MANY_CONNECTIONS,  # of our role, or to this database
    "remaining connection slots": TOO_MANY_CONNECTIONS,  # what is left is kept for the superuser
    "connection": "The database server cannot be reached. Check DATABASE_URL and that it runs.",
}
