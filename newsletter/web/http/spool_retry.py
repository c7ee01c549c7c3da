"""Carries unsubscribes that the database could not take into it, as soon as it can: the site may run where no scheduler does."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from newsletter import db, log
from newsletter.subscribers.unsubscribing import spool

AGAIN: Final = 3.0  # seconds between two attempts
_log = log.get("web")


class Porter:
    """One for each site. Its thread lives only while something waits."""

    def __init__(self, sessions: db.Sessions, folder: Path, *, again: float = AGAIN) -> None:
        self._sessions, self._folder, self._again = sessions, folder, again
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def begin(self) -> None:
        """Carry what waits, in the background. Nothing when nothing does, or when it is being done."""
        with self._lock:
            at_it = self._thread is not None and self._thread.is_alive()
            if not at_it and spool.is_waiting(self._folder):
                self._thread = threading.Thread(target=self._carry, name="porter", daemon=True)
                self._thread.start()

    def _carry(self) -> None:
        pause = threading.Event()
        while spool.is_waiting(self._folder):
            try:
                spool.take_up(self._sessions, self._folder)
            except (SQLAlchemyError, OSError) as error:
                _log.warning("unsubscribe.still_waiting", error=type(error).__name__)
            pause.wait(self._again)
