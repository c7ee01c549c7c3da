"""``feeds``: checks, imports and exports the Catalogue's feeds."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

import click

from newsletter import clock, formatting
from newsletter.cli import opening
from newsletter.cli import progress as showing
from newsletter.errors import CatalogueError, NothingToRead, Refused
from newsletter.feeds import opml
from newsletter.feeds.catalogue import Catalogue, load_catalogue
from newsletter.feeds.crawl import FeedToRead, visit_all
from newsletter.feeds.fetcher import PoliteFetcher
from newsletter.feeds.health import FeedHealth, health
from newsletter.jobs.pipeline import Progress
from newsletter.settings import Settings

_outlets = click.option(
    "--outlets", "outlets_file", type=click.Path(path_type=Path), help="Another catalogue than OUTLETS_FILE."
)


@click.group()
def feeds() -> None:
    """Check the catalogue's feeds, import them from OPML, export them as OPML."""


@feeds.command()
@_outlets
@click.option("--now", help="Set the clock, such as 2025-08-25T20:30Z.")
@click.option("--json", "as_json", is_flag=True, help="Report as JSON.")
def check(outlets_file: Path | None, now: str | None, as_json: bool) -> None:
    """Visit every feed of the catalogue and say what each gives. Writes nothing; needs no database.

    Each feed is asked for whole, whatever was read before, so that what is said is true of it now.
    """
    settings = opening.open_settings(OUTLETS_FILE=outlets_file)
    catalogue = load_catalogue(settings.OUTLETS_FILE)
    if not any(True for _ in catalogue.feeds()):
        raise NothingToRead(f"{settings.OUTLETS_FILE}: every outlet in it is switched off.")
    moment = clock.system() if now is None else clock.parse_moment(now)
    with showing.progress(quiet=as_json) as progress:
        found = _visited(catalogue, settings, now=moment, progress=progress)
    counts = Counter(f.outcome for f in found)
    balance = {side.value: number for side, number in catalogue.balance().items()}
    if as_json:
        rows = [asdict(f) for f in found]
        click.echo(json.dumps({"feeds": rows, "counts": counts, "balance": balance}, default=str))
    else:
        _say(found, counts, balance)
    if not any(f.entries for f in found):
        raise NothingToRead("None of the catalogue's feeds could be read.")


@feeds.command(name="export")
@_outlets
def export_opml(outlets_file: Path | None) -> None:
    """Print the catalogue as OPML 2.0, for any feed reader; leans are kept in attributes of our own."""
    settings = opening.open_settings(OUTLETS_FILE=outlets_file)
    catalogue = load_catalogue(settings.OUTLETS_FILE)
    click.echo(opml.to_opml(catalogue, title=f"What {settings.SITE_NAME} reads"), nl=False)


@feeds.command(name="import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--out", type=click.Path(path_type=Path), help="Write a new catalogue file instead of printing."
)
def import_opml(file: Path, out: Path | None) -> None:
    """Turn the OPML in FILE into blocks for a catalogue.

    Outlets without a lean of ours come in as center and switched off: an operator says where they stand, and why.
    """
    try:
        body = file.read_bytes()
    except OSError as error:
        raise CatalogueError(f"{file}: it cannot be read ({error.strerror}).") from None
    reading = opml.read_opml(body, str(file))
    for left in reading.left_out:
        click.echo(f"{file}, line {left.line}: left out: {left.reason}.", err=True)
    if not reading.outlets:
        raise CatalogueError(f"{file}: there is no feed in it that we can use.")
    text = opml.to_toml(reading.outlets)
    if out is None:
        click.echo(text, nl=False)
    else:
        _write_new(out, text)
    feeds_in = sum(len(o.feeds) for o in reading.outlets)
    off = sum(1 for o in reading.outlets if not o.enabled)
    click.echo(
        f"Outlets {len(reading.outlets)}, feeds {feeds_in}, left out {len(reading.left_out)}. "
        f"Switched off, for you to assign a lean: {off}.",
        err=True,
    )


def _visited(
    catalogue: Catalogue, settings: Settings, *, now: datetime, progress: Progress
) -> list[FeedHealth]:
    """Visit every Feed of the enabled Outlets, and return them in the Catalogue's order."""
    listed = list(catalogue.feeds())
    work = [
        FeedToRead(id=place, outlet_id=0, url=url, identities=(outlet.name, outlet.homepage))
        for place, (outlet, url) in enumerate(listed)
    ]
    found: dict[int, FeedHealth] = {}
    with PoliteFetcher(settings) as fetch:
        for visit in visit_all(work, fetch, now=now, trusted=settings.allowed_private):
            outlet, _ = listed[visit.feed.id]
            found[visit.feed.id] = health(outlet, visit, now=now)
            progress("feeds", len(found), len(work), outlet.name)
    return [found[place] for place in range(len(work))]


def _say(found: Sequence[FeedHealth], counts: Counter[str], balance: dict[str, int]) -> None:
    for one in found:
        said = one.reason or f"{one.entries} entries"
        if one.newest_at is not None:
            said += f", newest {formatting.utc_minute(one.newest_at)}"
        remarks = "".join(f"; look: {remark}" for remark in one.remarks)
        click.echo(f"{one.outcome:<9} {one.outlet} <{one.feed}>: {said}{remarks}")
    click.echo(
        f"Feeds {len(found)}: "
        + ", ".join(f"{word} {counts[word]}" for word in ("read", "unchanged", "refused"))
        + ". Outlets: "
        + ", ".join(f"{side} {number}" for side, number in balance.items())
        + "."
    )


def _write_new(out: Path, text: str) -> None:
    """Write a new file. Never overwrites one, because it may be the catalogue in use."""
    try:
        with out.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise Refused(f"{out} is there already; it is not overwritten.") from None
