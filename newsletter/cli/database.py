"""``db``: upgrade, back up, restore and confirm the database, without mailing anybody who unsubscribed since the backup."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

import click
from sqlalchemy.exc import SQLAlchemyError

from newsletter import db as database
from newsletter.cli import opening
from newsletter.cli.issue import BY, now_option
from newsletter.clock import day_in
from newsletter.db import backup
from newsletter.db.models import AuditEntry
from newsletter.delivery.fence import BLIND, RESTORED, UNSUBSCRIBES_CARRIED, Confirmed, Fence
from newsletter.errors import DatabaseError, Refused
from newsletter.settings import Settings
from newsletter.subscribers.unsubscribing import unsubscribe_log
from newsletter.subscribers.unsubscribing.restore import Applied, apply_log


@click.group()
def db() -> None:
    """Upgrade, back up and restore the database."""


@db.command()
@click.option("--revision", default="head", show_default=True, help="Up to where; never back.")
def upgrade(revision: str) -> None:
    """Bring the tables to this program's revision."""
    if not revision.strip():
        raise click.BadParameter("names no revision", param_hint="--revision")
    engine = database.make_engine(opening.open_settings().DATABASE_URL)
    with database.readable_errors():
        before = database.current_revision(engine)
    database.upgrade(engine, revision)
    after = database.current_revision(engine)
    click.echo(
        f"The database is at {after}." if before != after else f"Nothing to do: the database is at {after}."
    )


@db.command("backup")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
def make_backup(file: Path) -> None:
    """Copy the whole database to FILE, also while it is in use."""
    size = backup.backup(opening.open_settings().DATABASE_URL, file)
    click.echo(f"Backed up to {file} ({size / 1_000_000:.1f} MB).")


@db.command("leavers")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@now_option
def write_unsubscribe_log(file: Path, now: str | None) -> None:
    """Write the unsubscribe log to FILE (keyed hashes), for a restore where the database itself cannot be read."""
    if file.exists():
        raise Refused(f"{file} exists already; name another file.")
    service = opening.open_issue_service(opening.open_settings(), now=now)
    lines = unsubscribe_log.write(service.sessions, file, now=service.clock(), copies=True)
    click.echo(f"Wrote {lines} lines to {file}.")


_lists = click.option(
    "--leavers",
    "lists",
    multiple=True,
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="A list of who left, from db leavers or LEAVING_DIR. May be given several times.",
)


@db.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--yes", is_flag=True, help="Do not ask.")
@_lists
@now_option
def restore(file: Path, yes: bool, lists: tuple[Path, ...], now: str | None) -> None:
    """Restore the database from FILE, without those who unsubscribed since. The replaced database is kept beside it."""
    if not yes:
        click.confirm("Replace the database by this backup?", abort=True)
    done = restore_backup(opening.open_settings(), file, now=opening.clock_of(now)(), lists=lists)
    kept = f" What was there before is in {done.kept}." if done.kept else ""
    click.echo(f"Restored from {file}.{kept}")
    if done.brought:
        click.echo(in_words(done.brought))
    if done.doubt:
        click.echo(f"WHO LEFT SINCE THIS BACKUP IS NOT WHOLLY KNOWN: {done.doubt}. {WHAT_TO_DO}")
    click.echo("Nothing is sent from it until you say so: python -m newsletter db confirm")


@db.command()
@_lists
@click.option("--without-leavers", is_flag=True, help="Go on although more may have left than is known here.")
@now_option
def confirm(lists: tuple[Path, ...], without_leavers: bool, now: str | None) -> None:
    """Confirm that this restored or moved database is the one to use. Issues in dispatch are held."""
    service = opening.open_issue_service(opening.open_settings(), now=now)
    done, brought = confirm_database(
        service.sessions, service.settings, now=service.clock(), lists=lists, without_leavers=without_leavers
    )
    if brought:
        click.echo(in_words(brought))
    click.echo(
        f"Confirmed ({done.reason}). Issues held: {done.held}; waiting notices let go: {done.let_go}."
        " What was sent since the backup is not known here but for what was carried over:"
        " look, then python -m newsletter issue resume DATE."
    )


_LISTS = "restore-*.leavers"  # a folder in LEAVING_DIR, kept from before the database is replaced until its logs are applied


@dataclass(frozen=True)
class Restored:
    """The result of a restore: where the replaced database is kept, what each unsubscribe log added, and why one may be incomplete."""

    kept: Path | None
    brought: Sequence[Applied]
    doubt: str | None


def restore_backup(settings: Settings, file: Path, *, now: datetime, lists: Sequence[Path] = ()) -> Restored:
    """Replace the database by ``file``, and apply the unsubscribes since then, from the replaced database and from ``lists``.

    They are stored before anything is replaced: if the process is killed in between, ``confirm`` applies them. Nothing is mailed
    from this database until then.
    """
    for path in lists:
        unsubscribe_log.read_heading(path)
    doubt: str | None = None

    def note() -> None:
        nonlocal doubt
        doubt = _write_list(settings, now)

    try:
        kept = backup.restore(settings.DATABASE_URL, file, before=note)
    except Exception:  # the database was not replaced, so its log is not needed
        _list_of(settings, now).unlink(missing_ok=True)
        raise
    engine = database.make_engine(settings.DATABASE_URL)
    try:
        database.upgrade(engine)
        sessions = database.make_sessions(engine)
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


def confirm_database(
    sessions: database.Sessions,
    settings: Settings,
    *,
    now: datetime,
    lists: Sequence[Path] = (),
    without_leavers: bool = False,
) -> tuple[Confirmed, Sequence[Applied]]:
    """Record an operator's confirmation that this database is the one to use. Raises Refused while the unsubscribes since the
    backup are not known."""
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
    sessions: database.Sessions, settings: Settings, lists: Sequence[Path], *, now: datetime
) -> list[Applied]:
    """Apply the logs that a restore left, and these lists."""
    outbox = settings.OUTBOX_DIR if settings.MAIL_PROVIDER == "outbox" else None
    waiting = sorted(settings.LEAVING_DIR.glob(_LISTS))
    brought = []
    for path in (*waiting, *lists):
        done = apply_log(sessions, path, now=now, by=BY, outbox=outbox, mailbox=settings.BOUNCE_MAILDIR)
        with sessions.begin() as session:
            said = {name: value for name, value in asdict(done).items() if name != "written_at"}
            session.add(AuditEntry(at=now, by=BY, act=UNSUBSCRIBES_CARRIED, detail=said))
        if path in waiting:
            path.unlink()
        brought.append(done)
    return brought


def in_words(brought: Sequence[Applied]) -> str:
    """Return how many people unsubscribed since the backup and were unsubscribed here as well, as a sentence."""
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
    """Write the unsubscribe log of the present database. Returns None when it is complete, otherwise why it is not (a log may have
    been written all the same)."""
    file = backup.sqlite_path(settings.DATABASE_URL)
    if file is not None and not file.exists():
        return "there was no database before"
    path = _list_of(settings, now)
    damaged = file is not None and not backup.is_sound(file)
    doubt = "the database as it was is damaged, and some who left may be missing" if damaged else None
    engine = database.make_engine(settings.DATABASE_URL)
    try:
        unsubscribe_log.write(database.make_sessions(engine), path, now=now, copies=True, doubt=doubt)
    except (SQLAlchemyError, ValueError, TypeError):
        return "the database as it was could not be read"
    except OSError as error:
        raise DatabaseError(
            f"Who left cannot be written to {settings.LEAVING_DIR} ({error.strerror}); nothing was changed."
        ) from None
    finally:
        engine.dispose()
    return doubt
