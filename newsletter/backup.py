"""Copies of the whole database, taken while it is in use, and put back."""

from __future__ import annotations

import re
import shutil
import sqlite3
import subprocess
import tempfile
from contextlib import closing
from pathlib import Path

from sqlalchemy import make_url

from newsletter import db
from newsletter.errors import DatabaseError, NotFound


def backup(url: str, file: Path) -> int:
    """Copy the database at ``url`` to ``file``; SQLite by its online backup, PostgreSQL by pg_dump. Returns bytes."""
    if file.exists():
        raise DatabaseError(f"{file} exists already; name another file.")
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_name(file.name + ".partial")
    partial.unlink(missing_ok=True)
    partial.touch(mode=0o600)  # every reader's address is in it
    if (path := _sqlite_path(url)) is not None:
        if not path.exists():
            raise NotFound(f"There is no database at {path}.")
        with (
            db.speaking_plainly(),
            closing(sqlite3.connect(path)) as here,
            closing(sqlite3.connect(partial)) as there,
        ):
            here.backup(there)
    else:
        _postgres(url, "pg_dump", "--format=custom", f"--file={partial}")
    partial.replace(file)  # a half-written backup never bears the name that was asked for
    return file.stat().st_size


def restore(url: str, file: Path) -> Path | None:
    """Put a backup in the database's place. SQLite: what was there is kept, and its path returned."""
    if not file.exists():
        raise NotFound(f"There is no backup at {file}.")
    path = _sqlite_path(url)
    if path is None:
        _postgres(url, "pg_restore", "--clean", "--if-exists", "--single-transaction", str(file))
        return None
    with db.speaking_plainly(), closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as connection:
        if connection.execute("PRAGMA integrity_check").fetchone()[0] != "ok":
            raise DatabaseError(f"{file} is damaged; nothing was changed.")
        if not connection.execute("SELECT 1 FROM sqlite_master WHERE name='alembic_version'").fetchone():
            raise DatabaseError(f"{file} is not a backup of this service; nothing was changed.")
    kept = None
    if path.exists():
        kept = _free_name(path)
        backup(url, kept)
        for leftover in (path.with_name(path.name + "-wal"), path.with_name(path.name + "-shm")):
            leftover.unlink(missing_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(path.name + ".restoring")
    shutil.copy(file, fresh)
    fresh.replace(path)
    return kept


def _sqlite_path(url: str) -> Path | None:
    parsed = make_url(url)
    return Path(parsed.database or "") if parsed.get_backend_name() == "sqlite" else None


def _free_name(path: Path) -> Path:
    number = 1
    while (candidate := path.with_name(f"{path.name}.before-restore-{number}")).exists():
        number += 1
    return candidate


def _postgres(url: str, program: str, *words: str) -> None:
    """Run one of PostgreSQL's own programs. The password goes through a file: a command line can be read by others."""
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
