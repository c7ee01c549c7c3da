"""The fence around a copied or restored database, which does not know all that was sent: nothing is sent from it until an operator
confirms it.

A counter is kept in the database (Instance) and in a file outside it: next to the SQLite file, or in ``FENCE_DIR`` for PostgreSQL.
Each claim raises both, the file after the commit. A database that is in another place, is older than the file says, or has no such
file, is a copy.
"""

from __future__ import annotations

import json
import os
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from sqlalchemy import Engine, select, update
from sqlalchemy.orm import Session

from newsletter import db, log
from newsletter.db.models import AuditEntry, Instance, Issue, Notice
from newsletter.delivery.states import PENDING, WITHDRAWN
from newsletter.errors import Refused

RESTORED = "it was restored from a backup"  # and the unsubscribes since then were applied to it
UNKNOWING = "something was mailed from here that it does not know of: it is a copy from before the first mail"
BLIND = "it was restored from a backup, and who left since then is not wholly known"
_WHO_LEFT = (
    "who unsubscribed, complained or was erased since then may be a reader in it, and would be mailed again. Give the list"
    " of who left: python -m newsletter db confirm --leavers FILE. If nobody left (it was only moved), or you have suppressed"
    " who did, or they cannot be known any more: python -m newsletter db confirm --without-leavers"
)
UNSUBSCRIBES_CARRIED = "database.leavers_carried"  # an AuditEntry: an unsubscribe log was applied to a backup
_AHEAD = {"delivery": 1_000_000_000, "notice": 10_000_000}  # more ids than are given while a backup is kept
_log = log.get("delivery")


class Fenced(Refused):
    """This database may be a copy, and its pending copies may have been sent."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"Nothing is sent from this database: {reason}. What it takes for unsent may have been sent already."
            " If this is the one to go on with, run: python -m newsletter db confirm"
        )
        self.reason = reason


@dataclass(frozen=True)
class _Memory:
    mark: str
    tide: int


class Fence:
    """Each run of a dispatch has one. ``folder`` is ``FENCE_DIR``; with SQLite the file is next to the database instead."""

    def __init__(self, sessions: db.Sessions, folder: Path) -> None:
        self._sessions = sessions
        self._engine: Engine = sessions.kw["bind"]
        self._folder = folder
        self._identity: str | None = None  # read once
        self._seen: _Memory | None = None

    @contextmanager
    def claiming(self) -> Iterator[Session]:
        """The transaction of a claim, on the disk when it ends. Raises :class:`Fenced` when this database may not send."""
        try:
            with self._sessions.begin() as session:
                # If a power cut lost a committed claim, its readers would be mailed again.
                db.require_durable_commit(session)
                self._require_open(session)
                yield session
        except Fenced as error:
            self._close(error.reason)
            raise
        self._remember()

    def why_closed(self) -> str | None:
        """Return why nothing is sent from this database, for pages and commands; None when it may send. Read-only."""
        with db.reading(self._sessions) as session:
            row = session.get(Instance, 1)
            return self._reason(session, row) if row is not None else None

    def close(self, reason: str = RESTORED) -> None:
        """Close the fence, for a command that put a backup in place."""
        with self._sessions.begin() as session:
            self._row(session).fenced_because = reason

    def confirm(self, *, by: str, now: datetime, today: date, without_leavers: bool = False) -> Confirmed:
        """Record an operator's confirmation that this is the database to use. Raises :class:`Refused` when the fence is open, and while
        readers may be in it who unsubscribed in the database that mailed, unless the operator says so (``without_leavers``).

        Nothing that it has as unsent is sent by itself: Issues in dispatch, and those up to ``today`` that are not dispatched, are held
        until an operator resumes them, and pending Notices are withdrawn.
        """
        with self._sessions.begin() as session:
            row = self._row(session)
            reason = self._reason(session, row)
            if reason is None:
                raise Refused("Nothing to confirm: this database is the one that mailed last.")
            if reason != RESTORED and not without_leavers:
                raise Refused(f"Not confirmed ({reason}): {_WHO_LEFT}")
            there, before = self._recall(row.mark), row.mark
            row.mark = secrets.token_hex(8)
            row.identity = self._identity = db.identity(session)
            row.high_water = (
                max(row.high_water, there.tide if there and db.wal_offset(session) is None else 0) + 1
            )
            row.fenced_because = None
            row.restored_on, row.confirmed_at = today, now
            waits = Issue.state.in_(("approved", "dispatching"))
            why = "restored: what was sent since the backup is not known here"
            # Mailboxes merge two mails with the same number, and a provider's later event names the number.
            for table, ahead in _AHEAD.items():
                db.reserve_ids(session, table, ahead)
            held = db.changed(session, update(Issue).where(waits).values(state="held", hold_reason=why))
            waiting = update(Notice).where(Notice.state == PENDING)
            let_go = db.changed(session, waiting.values(state=WITHDRAWN, reason="restored copy"))
            detail = {"reason": reason, "held": held, "let_go": let_go, "mark_before": before}
            detail["without_leavers"] = without_leavers
            session.add(AuditEntry(at=now, by=by, act="database.confirmed", detail=detail))
            self._seen = _Memory(row.mark, db.wal_offset(session) or row.high_water)
        self._remember()
        return Confirmed(reason, held, let_go)

    # --- whether it is open ---

    def _require_open(self, session: Session) -> None:
        row = self._row(session)
        if reason := self._reason(session, row):
            raise Fenced(reason)
        if not row.identity:  # the first claim ever; the file is written before the commit, so that a death in between does not close the fence
            row.identity, self._seen = db.identity(session), _Memory(row.mark, 0)
            self._remember()
        tide = db.wal_offset(session)
        if tide is None:
            row.high_water += 1
        self._seen = _Memory(row.mark, row.high_water if tide is None else tide)

    def _row(self, session: Session) -> Instance:
        """Return the one row of Instance, which a migration made."""
        return session.get_one(Instance, 1, populate_existing=True)

    def _reason(self, session: Session, row: Instance) -> str | None:
        if row.fenced_because:
            return row.fenced_because
        if not row.identity:
            there = self._recall(row.mark)
            return UNKNOWING if there and (there.mark != row.mark or there.tide) else None
        if (
            self._identity is None or db.wal_offset(session) is None
        ):  # a file may be replaced under a running process
            self._identity = db.identity(session)
        if self._identity != row.identity:
            return "it lies in another place than the one that mailed: it was copied, moved or restored"
        there = self._recall(row.mark)
        if there is None:
            alone = (
                db.file_of(self._engine) is not None
            )  # a machine that has not mailed from this server yet has no file
            return "what is remembered of it is not beside it: it was copied" if alone else None
        if there.mark != row.mark:
            return "another database mailed from this place last"
        if there.tide > (db.wal_offset(session) or row.high_water):
            return "it is older than what is remembered beside it: it was restored from a backup"
        return None

    # --- the file outside the database ---

    def _path(self, mark: str) -> Path | None:
        if (file := db.file_of(self._engine)) is not None:
            return file.with_name(file.name + ".fence")
        return self._folder / f"{mark}.json" if db.has_server(self._engine) else None

    def _recall(self, mark: str) -> _Memory | None:
        path = self._path(mark)
        try:
            found = json.loads(path.read_text()) if path else None
            return _Memory(str(found["mark"]), int(found["tide"])) if found else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def _remember(self) -> None:
        path = self._path(self._seen.mark) if self._seen else None
        if path is None or self._seen is None:
            return
        beside = path.with_name(f"{path.name}.{os.getpid()}-{threading.get_ident()}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            beside.write_text(json.dumps({"mark": self._seen.mark, "tide": self._seen.tide}))
            beside.replace(path)
        except (
            OSError
        ) as error:  # a machine that cannot write the file still sends; the others can write theirs
            _log.warning("fence.file_not_written", reason=error.strerror)

    def _close(self, reason: str) -> None:
        """Close the fence in the database, so that machines without the file see it as well."""
        self.close(reason)
        _log.error("fence.closed", reason=reason)


def went_before_restore(session: Session, day: date) -> int:
    """Return how many copies of the Issue of ``day`` were submitted from the database that a backup replaced, if its unsubscribe log
    says so."""
    carried = session.scalars(select(AuditEntry.detail).where(AuditEntry.act == UNSUBSCRIBES_CARRIED))
    return max((int(detail.get("issues", {}).get(day.isoformat(), 0)) for detail in carried), default=0)


def marks_of(session: Session) -> set[str]:
    """Return the present and earlier marks of this database; a backup of it has one of them."""
    confirmed = session.scalars(select(AuditEntry.detail).where(AuditEntry.act == "database.confirmed"))
    before = {str(detail["mark_before"]) for detail in confirmed if "mark_before" in detail}
    return before | set(session.scalars(select(Instance.mark)))


@dataclass(frozen=True)
class Confirmed:
    """The result of a confirmation: why the fence was closed, the Issues held, the Notices withdrawn."""

    reason: str
    held: int
    let_go: int
