"""Unsubscribes that the database could not take: kept as files in ``LEAVING_DIR`` until it can.

A mail program presses once (RFC 8058) and need not press again. A link's own signature proves whose wish it is, without a
database. A file names the reader by number and scrambled mark, never by address; one reader's wish is one file.
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

HALF_KEPT = timedelta(hours=1)  # longer than anybody writes at one
_log = log.get("subscribers")


def keep(folder: Path, subject: str, *, now: datetime) -> None:
    """Write the wish down so that it outlives a power cut. Twice is once. Raises OSError: then nothing was kept."""
    path = _place(folder, subject)
    if path.exists():
        return
    with atomic_files.written(path) as file:
        file.write(f"{subject} {now.isoformat()}\n")
    _log.warning("subscriber.leaving_kept", reader=path.stem[:8])


def forget(folder: Path, subject: str) -> None:
    """They changed their mind, or the database knows by now."""
    _place(folder, subject).unlink(missing_ok=True)


def is_waiting(folder: Path) -> bool:
    return next(_waiting(folder), None) is not None


def take_up(sessions: db.Sessions, folder: Path) -> int:
    """Unsubscribe who waits, oldest wish or not; how many. A wish goes once it is committed. Raises what the database says.

    A file that cannot be read holds up nobody else's wish, and no mail: it is left for people to look at.
    """
    done = 0
    for path in _waiting(folder):
        try:
            subject, asked_at = _read(path)
        except FileNotFoundError:  # another process has it
            continue
        except (OSError, ValueError) as error:
            _log.error("subscriber.leaving_unreadable", file=path.name, error=type(error).__name__)
            with suppress(OSError):
                path.rename(path.with_suffix(".unreadable"))
            continue
        with sessions.begin() as session:
            db.hurried(session)
            left = _leave(session, subject, asked_at)
        if left is None:  # erased since, or the folder is another database's: never thrown away
            with suppress(FileNotFoundError):
                path.rename(path.with_suffix(".unknown"))
            continue
        path.unlink(missing_ok=True)
        done += left
    return done


def tidy(folder: Path, *, now: datetime) -> int:
    """What a process that was killed left half written in this folder: a wish that is whole waits from now on, anything else goes.
    How many files."""
    done = 0
    for path in folder.glob(".*.half"):
        try:
            if datetime.fromtimestamp(path.stat().st_mtime, UTC) >= now - HALF_KEPT:
                continue
            try:
                subject, _ = _read(path)
                number_in(subject)
            except (ValueError, TokenError):
                path.unlink()
            else:  # whose mail program heard nothing; the link was found good before a letter was written
                path.replace(_place(folder, subject))
            done += 1
        except FileNotFoundError:  # another process was faster
            continue
        except OSError as error:
            _log.error("subscriber.leaving_unreadable", file=path.name, error=type(error).__name__)
    return done


def _read(path: Path) -> tuple[str, datetime]:
    """Whose wish it is, and of when. Raises ValueError when it is not whole, OSError."""
    text = path.read_text()
    subject, moment = text.split()
    asked_at = datetime.fromisoformat(moment)
    if not text.endswith("\n") or asked_at.tzinfo is None:
        raise ValueError("cut off")
    return subject, asked_at


def _leave(session: Session, subject: str, asked_at: datetime) -> int | None:
    """How many left by it, one or none; None when this database knows no such reader."""
    try:
        reader = subscriber_of(session, subject)
    except TokenError:
        return None
    if reader.confirmed_at and reader.confirmed_at > asked_at:
        return 0  # they asked for the mail anew since
    return int(unsubscribe.leave(reader, now=asked_at))


def _waiting(folder: Path) -> Iterator[Path]:
    return folder.glob("*.leaving")


def _place(folder: Path, subject: str) -> Path:
    return folder / f"{fingerprint(subject)[:32]}.leaving"
