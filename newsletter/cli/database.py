"""``db``: upgrade, back up and restore the database."""

from __future__ import annotations

from pathlib import Path

import click

from newsletter import db as database
from newsletter.cli import opening, restoring
from newsletter.cli.issue import now_option
from newsletter.db import backup
from newsletter.errors import Refused
from newsletter.subscribers.unsubscribing import unsubscribe_log


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
def list_leavers(file: Path, now: str | None) -> None:
    """Write who left to FILE, by keyed hash, for a restore where the database itself is out of reach."""
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
    """Put FILE in the database's place, without those who left since. The database as it was is kept beside it."""
    if not yes:
        click.confirm("Replace the database by this backup?", abort=True)
    done = restoring.restore(opening.open_settings(), file, now=opening.clock_of(now)(), lists=lists)
    kept = f" What was there before is in {done.kept}." if done.kept else ""
    click.echo(f"Restored from {file}.{kept}")
    if done.brought:
        click.echo(restoring.in_words(done.brought))
    if done.doubt:
        click.echo(f"WHO LEFT SINCE THIS BACKUP IS NOT WHOLLY KNOWN: {done.doubt}. {restoring.WHAT_TO_DO}")
    click.echo("Nothing is sent from it until you say so: python -m newsletter db confirm")


@db.command()
@_lists
@click.option("--without-leavers", is_flag=True, help="Go on although more may have left than is known here.")
@now_option
def confirm(lists: tuple[Path, ...], without_leavers: bool, now: str | None) -> None:
    """Say that this restored or moved database is the one to go on with. Issues on their way are held."""
    service = opening.open_issue_service(opening.open_settings(), now=now)
    done, brought = restoring.confirm(
        service.sessions, service.settings, now=service.clock(), lists=lists, without_leavers=without_leavers
    )
    if brought:
        click.echo(restoring.in_words(brought))
    click.echo(
        f"Confirmed ({done.reason}). Issues held: {done.held}; waiting notices let go: {done.let_go}."
        " What was sent since the backup is not known here but for what was carried over:"
        " look, then python -m newsletter issue resume DATE."
    )
