"""The version of the tables: migrates them by Alembic, and says which revision a database is at."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine

from newsletter.db.error_messages import readable_errors
from newsletter.errors import DatabaseError

_MIGRATIONS = Path(__file__).parents[2] / "migrations"


def _alembic(engine: Engine) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.attributes["engine"] = engine
    return config


def upgrade(engine: Engine, revision: str = "head") -> None:
    """Migrate the tables up to ``revision``; a second call changes nothing. Raises :class:`DatabaseError`."""
    with readable_errors():
        current_revision(engine)
        command.upgrade(_alembic(engine), revision)


def downgrade(engine: Engine, revision: str) -> None:
    """Migrate the tables back to ``revision`` (``base``: no tables). Raises :class:`DatabaseError`."""
    with readable_errors():
        command.downgrade(_alembic(engine), revision)


def current_revision(engine: Engine) -> str | None:
    """Return the revision of the database, None when it has no tables of ours. Raises :class:`DatabaseError` when it is newer than the code."""
    scripts = ScriptDirectory.from_config(_alembic(engine))
    with engine.connect().execution_options(reading=True) as connection:
        current = MigrationContext.configure(connection).get_current_revision()
    if current is not None and current not in {s.revision for s in scripts.walk_revisions()}:
        raise DatabaseError(
            f"The database is newer than this program (it is at {current}). Update the program, or restore a backup."
        )
    return current


def require_head(engine: Engine) -> None:
    """Raise :class:`DatabaseError` unless the database is at the newest revision."""
    with readable_errors():
        current = current_revision(engine)
    head = ScriptDirectory.from_config(_alembic(engine)).get_current_head()
    if current != head:
        at = "has no tables yet" if current is None else f"is at {current}, not {head}"
        raise DatabaseError(f"The database {at}. Run: python -m newsletter db upgrade")
