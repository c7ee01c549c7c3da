"""``db``: upgrade, back up and restore the database."""

from __future__ import annotations

from pathlib import Path

import click

from newsletter import backup
from newsletter import db as database
from newsletter.commands import opening


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
    kept = backup.restore(opening.open_settings().DATABASE_URL, file)
    click.echo(f"Restored from {file}." + (f" What was there before is in {kept}." if kept else ""))
