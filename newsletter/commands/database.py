"""``db``: upgrade, back up and restore the database."""

from __future__ import annotations

from pathlib import Path

import click

from newsletter import backup
from newsletter import db as database
from newsletter.clock import day_in
from newsletter.commands import opening
from newsletter.commands.issue import BY, now_option
from newsletter.mailroom.fence import Fence


@click.group()
def db() -> None:
    """Upgrade, back up and restore the database."""


@db.command()
@click.option("--revision", default="head", show_default=True)
def upgrade(revision: str) -> None:
    """Bring the tables to this program's revision."""
    engine = database.make_engine(opening.open_settings().DATABASE_URL)
    before = database.known(engine)
    database.upgrade(engine, revision)
    after = database.known(engine)
    click.echo(
        f"The database is at {after}." if before != after else f"Nothing to do: the database is at {after}."
    )


@db.command("backup")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
def make_backup(file: Path) -> None:
    """Copy the whole database to FILE, also while it is in use."""
    size = backup.backup(opening.open_settings().DATABASE_URL, file)
    click.echo(f"Backed up to {file} ({size / 1_000_000:.1f} MB).")


@db.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--yes", is_flag=True, help="Do not ask.")
def restore(file: Path, yes: bool) -> None:
    """Put FILE in the database's place. The database as it was is kept beside it."""
    if not yes:
        click.confirm("Replace the database by this backup?", abort=True)
    settings = opening.open_settings()
    kept = backup.restore(settings.DATABASE_URL, file)
    engine = database.make_engine(settings.DATABASE_URL)
    database.upgrade(engine)
    Fence(database.make_sessions(engine), settings.FENCE_DIR).close()
    click.echo(f"Restored from {file}." + (f" What was there before is in {kept}." if kept else ""))
    click.echo("Nothing is sent from it until you say so: python -m newsletter db confirm")


@db.command()
@now_option
def confirm(now: str | None) -> None:
    """Say that this restored or moved database is the one to go on with. Issues on their way are held."""
    press = opening.open_press(opening.open_settings(), now=now)
    today = day_in(press.settings.EDITION_TZ, press.clock())
    fence = Fence(press.sessions, press.settings.FENCE_DIR)
    done = fence.confirm(by=BY, now=press.clock(), today=today)
    click.echo(
        f"Confirmed ({done.reason}). Issues held: {done.held}; waiting notices let go: {done.let_go}."
        " What was sent since the backup is not known here: look, then python -m newsletter issue resume DATE."
    )
