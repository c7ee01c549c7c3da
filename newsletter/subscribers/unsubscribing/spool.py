"""Unsubscribes that could not be written to the database, stored as files in ``LEAVING_DIR`` until it is back.

A mail program posts once (RFC 8058) and need not try again. The signature of the link proves who unsubscribes, without a database.
A file names its reader by id and a hash, not by address; each reader has at most one file.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy.orm import Session

from newsletter import atomic_files, db, log
from newsletter.subscribers.signup import subscriber_of
from newsletter.subscribers.tokens import TokenError, fingerprint, number_in
from newsletter.subscribers.unsubscribing import unsubscribe

PARTIAL_KEPT = timedelta(hours=1)  # a temporary file older than this belongs to a process that was killed
SUFFIX = ".leaving"  # of the files; it stays as it was in earlier versions, whose files are read as well
_log = log.get("subscribers")


def store(folder: Path, subject: str, *, now: datetime) -> None:
    """Store an unsubscribe so that it survives a power cut; a second call changes nothing. Raises OSError when it is not stored.

    ``subject`` is the subject of the reader's link (``tokens.subject_of``).
    """
    path = _path(folder, subject)
    if path.exists():
        return
    with atomic_files.written(path) as file:
        file.write(f"{subject} {now.isoformat()}\n")
    _log.warning("unsubscribe.spooled", reader=path.stem[:8])


def discard(folder: Path, subject: str) -> None:
    """Delete the stored unsubscribe of a reader, who resubscribed."""
    _path(folder, subject).unlink(missing_ok=True)


def has_pending(folder: Path) -> bool:
    """Whether an unsubscribe is stored here."""
    return next(_pending(folder), None) is not None


def apply_all(sessions: db.Sessions, folder: Path) -> int:
    """Apply all stored unsubscribes to the database, and return how many readers that unsubscribed. Raises database errors.

    A file is deleted once its unsubscribe is committed. One that cannot be read is renamed for people to look at, and stops neither
    the others nor the mail.
    """
    done = 0
    for path in _pending(folder):
        try:
            subject, asked_at = _read(path)
        except FileNotFoundError:  # another process has applied it
            continue
        except (OSError, ValueError) as error:
            _log.error("unsubscribe.unreadable", file=path.name, error=type(error).__name__)
            with suppress(OSError):
                path.rename(path.with_suffix(".unreadable"))
            continue
        with sessions.begin() as session:
            db.limit_lock_wait(session)
            unsubscribed = _apply(session, subject, asked_at)
        if unsubscribed is None:  # erased since, or the folder belongs to another database: never deleted
            with suppress(FileNotFoundError):
                path.rename(path.with_suffix(".unknown"))
            continue
        path.unlink(missing_ok=True)
        done += unsubscribed
    return done


def clean_up(folder: Path, *, now: datetime) -> int:
    """Handle temporary files of processes that were killed: a complete unsubscribe is put in its place, anything else is deleted.

    Returns how many files there were.
    """
    done = 0
    for path in folder.glob(".*.half"):
        try:
            if datetime.fromtimestamp(path.stat().st_mtime, UTC) >= now - PARTIAL_KEPT:
                continue
            try:
                subject, _ = _read(path)
                number_in(subject)
            except (ValueError, TokenError):
                path.unlink()
            else:  # the mail program got no answer; the link was verified before anything was written
                path.replace(_path(folder, subject))
            done += 1
        except FileNotFoundError:  # another process has handled it
            continue
        except OSError as error:
            _log.error("unsubscribe.unreadable", file=path.name, error=type(error).__name__)
    return done


def _read(path: Path) -> tuple[str, datetime]:
    """The subject of the reader's link, and when they unsubscribed. Raises OSError, and ValueError for an incomplete file."""
    text = path.read_text()
    subject, moment = text.split()
    asked_at = datetime.fromisoformat(moment)
    if not text.endswith("\n") or asked_at.tzinfo is None:
        raise ValueError("incomplete")
    return subject, asked_at


def _apply(session: Session, subject: str, asked_at: datetime) -> int | None:
    """How many readers this unsubscribed, 0 or 1; None when the database has no such reader."""
    try:
        reader = subscriber_of(session, subject)
    except TokenError:
        return None
    if reader.confirmed_at and reader.confirmed_at > asked_at:
        return 0  # they signed up again since
    return int(unsubscribe.mark_unsubscribed(reader, now=asked_at))


def _pending(folder: Path) -> Iterator[Path]:
    return folder.glob(f"*{SUFFIX}")


def _path(folder: Path, subject: str) -> Path:
    return folder / f"{fingerprint(subject)[:32]}{SUFFIX}"
