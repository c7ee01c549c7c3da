"""Putting a backup in the database's place without mailing anybody who left since, and saying that it is the one to go on with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from newsletter import db
from newsletter.cli.issue import BY
from newsletter.clock import day_in
from newsletter.db import backup
from newsletter.db.models import AuditEntry
from newsletter.delivery.fence import BLIND, RESTORED, Confirmed, Fence
from newsletter.errors import DatabaseError, Refused
from newsletter.settings import Settings
from newsletter.subscribers.unsubscribing import unsubscribe_log
from newsletter.subscribers.unsubscribing.restore import Applied, apply_log

_LISTS = "restore-*.leavers"  # in LEAVING_DIR, from before the database is replaced until they are taken up


@dataclass(frozen=True)
class Restored:
    """What was there before, where that is kept; what each list of leavers brought; why somebody may be missing."""

    kept: Path | None
    brought: Sequence[Applied]
    doubt: str | None


def restore(settings: Settings, file: Path, *, now: datetime, lists: Sequence[Path] = ()) -> Restored:
    """Put ``file`` in the database's place and carry over who left since, from the database as it was and from ``lists``.

    What it says is written down before anything is replaced: whoever is killed in between runs ``confirm``, which takes it up.
    Nothing is mailed from here until that.
    """
    for path in lists:
        unsubscribe_log.read_heading(path)
    doubt: str | None = None

    def note() -> None:
        nonlocal doubt
        doubt = _write_list(settings, now)

    try:
        kept = backup.restore(settings.DATABASE_URL, file, before=note)
    except Exception:  # the database is as it was: what was noted of it would only age
        _list_of(settings, now).unlink(missing_ok=True)
        raise
    engine = db.make_engine(settings.DATABASE_URL)
    try:
        db.upgrade(engine)
        sessions = db.make_sessions(engine)
        fence = Fence(sessions, settings.FENCE_DIR)
        fence.close(BLIND)
        more = unsubscribe_log.rolling_logs(settings.LEAVING_DIR) if doubt else []
        brought = _take_up(sessions, settings, [*more, *lists], now=now)
        if any(b.doubt is None for b in brought):
            fence.close(RESTORED)
            doubt = None
        else:
            doubt = doubt or brought[0].doubt
    finally:
        engine.dispose()
    return Restored(kept, brought, doubt)


def confirm(
    sessions: db.Sessions,
    settings: Settings,
    *,
    now: datetime,
    lists: Sequence[Path] = (),
    without_leavers: bool = False,
) -> tuple[Confirmed, Sequence[Applied]]:
    """An operator's word that this database is the one to go on with. Raises Refused while who left since is not known."""
    fence = Fence(sessions, settings.FENCE_DIR)
    brought: list[Applied] = []
    if fence.why_closed() is not None:
        brought = _take_up(sessions, settings, lists, now=now)
        if any(b.doubt is None for b in brought):
            fence.close(RESTORED)
        elif brought and not without_leavers:
            raise Refused(f"Not confirmed: {brought[-1].doubt}. {in_words(brought)} {WHAT_TO_DO}")
    today = day_in(settings.EDITION_TZ, now)
    return fence.confirm(by=BY, now=now, today=today, without_leavers=without_leavers), brought


WHAT_TO_DO = (
    "Who left in between would be mailed again. Look for a list on each machine (LEAVING_DIR/standing-….leavers, at most an"
    " hour old) and into the log of the site (subscriber.unsubscribed, subscriber.erased), then say:"
    " python -m newsletter db confirm --leavers FILE, or --without-leavers when there is no more to be known."
)


def _take_up(
    sessions: db.Sessions, settings: Settings, lists: Sequence[Path], *, now: datetime
) -> list[Applied]:
    """Carry in what waits from a restore, and these lists."""
    outbox = settings.OUTBOX_DIR if settings.MAIL_PROVIDER == "outbox" else None
    waiting = sorted(settings.LEAVING_DIR.glob(_LISTS))
    brought = []
    for path in (*waiting, *lists):
        done = apply_log(sessions, path, now=now, by=BY, outbox=outbox, mailbox=settings.BOUNCE_MAILDIR)
        with sessions.begin() as session:
            said = {name: value for name, value in asdict(done).items() if name != "written_at"}
            session.add(AuditEntry(at=now, by=BY, act="database.leavers_carried", detail=said))
        if path in waiting:
            path.unlink()
        brought.append(done)
    return brought


def in_words(brought: Sequence[Applied]) -> str:
    """How many left since the backup and are gone here as well."""
    total = {
        name: sum(getattr(b, name) for b in brought)
        for name in ("left", "suppressed", "erased", "paused", "handed_over")
    }
    return (
        "Carried over: {left} who unsubscribed, {suppressed} addresses not to be mailed any more, {erased} erased,"
        " {paused} who paused, {handed_over} copies of issues that were handed over since."
    ).format(**total)


def _list_of(settings: Settings, now: datetime) -> Path:
    return settings.LEAVING_DIR / f"restore-{now:%Y%m%dT%H%M%S}.leavers"


def _write_list(settings: Settings, now: datetime) -> str | None:
    """Who left, out of the database as it is. None when that is whole; else why it is not (there may be a list all the same)."""
    file = backup.sqlite_path(settings.DATABASE_URL)
    if file is not None and not file.exists():
        return "there was no database before"
    path = _list_of(settings, now)
    damaged = file is not None and not backup.is_sound(file)
    doubt = "the database as it was is damaged, and some who left may be missing" if damaged else None
    engine = db.make_engine(settings.DATABASE_URL)
    try:
        unsubscribe_log.write(db.make_sessions(engine), path, now=now, copies=True, doubt=doubt)
    except (SQLAlchemyError, ValueError, TypeError):
        return "the database as it was could not be read"
    except OSError as error:
        raise DatabaseError(
            f"Who left cannot be written to {settings.LEAVING_DIR} ({error.strerror}); nothing was changed."
        ) from None
    finally:
        engine.dispose()
    return doubt
