"""Copies the whole database while it is in use, and restores it."""

from __future__ import annotations

import re
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from sqlalchemy import inspect, make_url, text

from newsletter import db
from newsletter.errors import DatabaseError, NotFound, Refused

# Connections with our user name; a monitor of the server does not prevent a restore.
_OTHERS = (
    "SELECT count(*) FROM pg_stat_activity"
    " WHERE datname = current_database() AND usename = current_user AND pid <> pg_backend_pid()"
)

_TABLES = "SELECT 1 FROM sqlite_master WHERE name='alembic_version'"


def backup(url: str, file: Path) -> int:
    """Copy the database at ``url`` to ``file``; SQLite by its online backup, PostgreSQL by pg_dump. Returns bytes."""
    if file.exists():
        raise DatabaseError(f"{file} exists already; name another file.")
    if (path := sqlite_path(url)) is not None and not path.exists():
        raise NotFound(f"There is no database at {path}.")
    if not _has_tables(url):
        raise DatabaseError("The database has no tables yet: there is nothing to back up.")
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_name(file.name + ".partial")
    partial.unlink(missing_ok=True)
    try:
        partial.touch(mode=0o600)  # every reader's address is in it
        if path is not None:
            with (
                db.readable_errors(),
                closing(sqlite3.connect(path)) as here,
                closing(sqlite3.connect(partial)) as there,
            ):
                try:
                    here.backup(there)
                except sqlite3.OperationalError as error:
                    if "full" not in str(error):
                        raise
                    raise DatabaseError(
                        f"The backup cannot be written: the disk of {file} is full."
                    ) from None
        else:
            _postgres(url, "pg_dump", "--format=custom", f"--file={partial}")
        partial.replace(file)  # a half-written backup never has the requested name
    finally:
        partial.unlink(missing_ok=True)
    return file.stat().st_size


def _has_tables(url: str) -> bool:
    """Return whether anything of ours is in the database: a backup that holds no reader looks like any other, until it is needed."""
    with db.readable_errors():
        if (path := sqlite_path(url)) is not None:
            with closing(sqlite3.connect(path)) as here:
                return here.execute(_TABLES).fetchone() is not None
        engine = db.make_engine(url)
        try:
            return inspect(engine).has_table("alembic_version")
        finally:
            engine.dispose()


def restore(url: str, file: Path, *, before: Callable[[], None] = lambda: None) -> Path | None:
    """Replace the database by a backup. On SQLite the replaced file is kept, and its path returned. ``before`` is called after all
    checks, before anything is changed."""
    _require_restorable(url, file)
    before()
    path = sqlite_path(url)
    if path is None:
        _postgres(url, "pg_restore", "--clean", "--if-exists", "--single-transaction", str(file))
        return None
    kept = None
    if path.exists():
        kept = _free_name(path)
        try:
            backup(url, kept)
        except DatabaseError:  # damaged: the file is kept unchanged
            shutil.copy(path, kept)
        for leftover in (path.with_name(path.name + "-wal"), path.with_name(path.name + "-shm")):
            leftover.unlink(missing_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(path.name + ".restoring")
    shutil.copy(file, fresh)
    fresh.replace(path)
    return kept


def _require_restorable(url: str, file: Path) -> None:
    """Raise an error if the database at ``url`` cannot be replaced by ``file``. Changes nothing."""
    if not file.exists():
        raise NotFound(f"There is no backup at {file}.")
    if sqlite_path(url) is not None:
        try:
            # As the one file that it is: it may lie where nothing can be written, and nothing is left beside it.
            with closing(sqlite3.connect(f"{file.absolute().as_uri()}?immutable=1", uri=True)) as connection:
                sound = connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
                is_ours = connection.execute(_TABLES).fetchone() is not None
        except sqlite3.Error as error:
            raise DatabaseError(f"{file} cannot be restored: {error}. Nothing was changed.") from None
        if not sound:
            raise DatabaseError(f"{file} is damaged; nothing was changed.")
        if not is_ours:
            raise DatabaseError(f"{file} is not a backup of this service; nothing was changed.")
    _require_unused(url)


def _require_unused(url: str) -> None:
    """Raise :class:`Refused` while the site, a scheduler or a worker has the database open: what they write during a restore is lost."""
    in_use = Refused(
        "The database is in use: stop the site, the schedulers and the workers first"
        " (systemctl stop 'newsletter@*'). Nothing was changed."
    )
    path = sqlite_path(url)
    if path is None:
        engine = db.make_engine(url)
        try:
            with db.readable_errors(), engine.connect() as connection:
                if connection.scalar(text(_OTHERS)):
                    raise in_use
        finally:
            engine.dispose()
    elif path.exists():
        with closing(sqlite3.connect(path, timeout=0)) as connection:
            try:  # only a sole connection can leave WAL mode, even when the others only wait
                connection.execute("PRAGMA journal_mode=DELETE")
            except sqlite3.OperationalError as error:
                if "locked" in str(error):
                    raise in_use from None
            except sqlite3.DatabaseError:  # damaged: no process can use it
                pass


def is_sound(path: Path) -> bool:
    """Return whether SQLite finds nothing broken in this file."""
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            return bool(connection.execute("PRAGMA quick_check").fetchone()[0] == "ok")
    except sqlite3.Error:
        return False


def sqlite_path(url: str) -> Path | None:
    parsed = make_url(url)
    return Path(parsed.database or "") if parsed.get_backend_name() == "sqlite" else None


def _free_name(path: Path) -> Path:
    number = 1
    while (candidate := path.with_name(f"{path.name}.before-restore-{number}")).exists():
        number += 1
    return candidate


def _postgres(url: str, program: str, *words: str) -> None:
    """Run one of PostgreSQL's programs. The password is passed in a file, because others can read a command line."""
    parsed = make_url(url)
    with tempfile.NamedTemporaryFile("w", prefix="newsletter-") as passwords:  # made with mode 0600
        password = re.sub(r"([:\\])", r"\\\1", str(parsed.password or ""))  # the file's own escapes
        passwords.write(f"*:*:*:*:{password}\n")
        passwords.flush()
        bare = parsed.set(drivername="postgresql", password=None).update_query_dict(
            {"passfile": passwords.name}
        )
        command = [program, *words, f"--dbname={bare.render_as_string(hide_password=False)}"]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own words
        except FileNotFoundError:
            raise DatabaseError(f"{program} is missing: install the PostgreSQL client programs.") from None
    if done.returncode:
        said = (done.stderr.strip().splitlines() or ["it did not say why"])[-1]
        raise DatabaseError(f"{program} failed: {said}")
