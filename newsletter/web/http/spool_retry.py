"""Retry unsubscribes that the database could not take, in a thread of the site, because the site may run without a scheduler."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from newsletter import db, log
from newsletter.subscribers.unsubscribing import spool

RETRY_SECONDS: Final = 3.0  # between two attempts
_log = log.get("web")


class SpoolRetry:
    """Writes spooled unsubscribes to the database. There is one for each site; its thread ends when nothing is spooled."""

    def __init__(self, sessions: db.Sessions, folder: Path, *, retry_seconds: float = RETRY_SECONDS) -> None:
        self._sessions, self._folder, self._retry_seconds = sessions, folder, retry_seconds
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start to retry in the background, unless nothing is spooled or the thread is already running."""
        with self._lock:
            running = self._thread is not None and self._thread.is_alive()
            if not running and spool.has_pending(self._folder):
                self._thread = threading.Thread(target=self._retry, name="spool-retry", daemon=True)
                self._thread.start()

    def _retry(self) -> None:
        pause = threading.Event()
        while spool.has_pending(self._folder):
            try:
                spool.apply_all(self._sessions, self._folder)
            except (SQLAlchemyError, OSError) as error:
                _log.warning("unsubscribe.still_spooled", error=type(error).__name__)
            pause.wait(self._retry_seconds)
