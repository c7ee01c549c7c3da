"""``subscribers``: readers brought along from elsewhere, and handed out."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

import click

from newsletter import db, formatting
from newsletter.cli import opening, progress
from newsletter.errors import NotFound, Refused
from newsletter.subscribers import import_export
from newsletter.subscribers.import_export import ImportReport
from newsletter.subscribers.subscriber_csv import FileError, Reading, column_map, consent_of, decode

_STOPPED = {
    "unsubscribed": "unsubscribed",
    "bounced": "bounced",
    "complained": "complained",
    "operator": "blocked",
    "erased": "erased",
    "paused": "paused",
}
_SHOWN = 20  # lines with a reason, on a terminal


@click.group()
def subscribers() -> None:
    """Import and export subscribers, with the proof of their consent."""


@subscribers.command(name="import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--dry-run", is_flag=True, help="Only say what would be imported.")
@click.option(
    "--map",
    "columns",
    multiple=True,
    metavar="THEIRS=OURS",
    help="Read their column as ours, such as created_at=consent_at; THEIRS= ignores it. May be repeated.",
)
@click.option(
    "--consent",
    metavar='"WORDS, DATE"',
    help="To what words and when readers consented whose line does not say so.",
)
@click.option("--encoding", help="What FILE is written in, when it is neither UTF-8 nor marked UTF-16.")
@click.option("--json", "as_json", is_flag=True, help="Report as JSON.")
@click.option("--now", help="Set the clock, such as 2025-08-25T20:30Z.")
def take_in(
    file: Path,
    dry_run: bool,
    columns: tuple[str, ...],
    consent: str | None,
    encoding: str | None,
    as_json: bool,
    now: str | None,
) -> None:
    """Import the subscribers in FILE: CSV with a header.

    \b
    address          the only column that must be there
    consent_at       when, …
    consent_from     where, …
    consent_words    … and to what words they consented
    consent_version  hour  zone  cadence  topics (with | between)
    unsubscribed_at  paused_until  suppressed

    Who has all three of when, where and words is confirmed and gets the next issue; the others wait unconfirmed and get
    no mail. Imported readers have no trial. Nobody is mailed by the import, readers we know are left as they are, and
    suppressed addresses are refused. The exports of Ghost, Substack, Mailchimp, beehiiv, listmonk and Buttondown are read:
    who left, bounced, complained, was blocked or paused there stays so; a status we do not know confirms nobody. A second run changes nothing. Exit code 7 when a row was refused: the others are taken.
    """
    service = opening.open_issue_service(opening.open_settings(), now=now)
    text = decode(_body(file), encoding)
    moment = service.clock()
    reading = Reading(
        zone=service.settings.EDITION_TZ,
        now=moment,
        columns=column_map(columns),
        consent=consent_of(consent, now=moment) if consent else None,
    )
    with progress.progress(quiet=as_json) as tell:
        report = import_export.import_file(
            service.sessions,
            text,
            settings=service.settings,
            now=moment,
            by="command line",
            reading=reading,
            dry_run=dry_run,
            progress=lambda done, of, what: tell("import", done, of, what),
        )
    click.echo(json.dumps(asdict(report)) if as_json else _said(file, report))
    if report.refused:
        raise click.exceptions.Exit(Refused.exit_code)


@subscribers.command(name="export")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--force", is_flag=True, help="Write over FILE.")
@click.option("--now", help="Set the clock, such as 2025-08-25T20:30Z.")
def hand_out(file: Path, force: bool, now: str | None) -> None:
    """Write all subscribers to FILE as CSV, readable by you alone; - prints them.

    No cell of it is run by a spreadsheet: what looks like a formula gets an apostrophe, which an import takes off again.
    """
    service = opening.open_issue_service(opening.open_settings(), now=now)
    with db.reading(service.sessions) as session:
        pieces = import_export.export_file(session, now=service.clock())
        if str(file) == "-":
            for piece in pieces:
                click.echo(piece, nl=False)
            return
        count = _write(file, pieces, force=force)
    click.echo(f"{file}: {formatting.counted(count, 'subscriber')}.", err=True)


def _body(file: Path) -> bytes:
    if str(file) == "-":
        return sys.stdin.buffer.read()
    try:
        return file.read_bytes()
    except FileNotFoundError:
        raise NotFound(f"There is no file {file}.") from None
    except OSError as error:
        raise FileError(f"{file} cannot be read: {error.strerror}.") from None


def _write(file: Path, pieces: Iterable[str], *, force: bool) -> int:
    """Return whole or not at all; how many subscribers."""
    if file.exists() and not force:
        raise Refused(f"{file} is there already. Use --force to write over it.")
    half = file.with_name(f".{file.name}.{os.getpid()}.half")
    count = 0
    try:
        handle = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        # The mark tells spreadsheets that it is UTF-8.
        with open(handle, "w", encoding="utf-8-sig", newline="") as out:
            for piece in pieces:
                out.write(piece)
                count += 1
        half.replace(file)
    except OSError as error:
        raise FileError(f"{file} cannot be written: {error.strerror}.") from None
    finally:
        half.unlink(missing_ok=True)
    return count - 1  # the last piece is the end


def _said(file: Path, report: ImportReport) -> str:
    verb = "would be imported" if report.dry_run else "imported"
    lines = [f"{file}, line {line}: refused: {reason}." for line, reason in report.refused[:_SHOWN]]
    lines += [f"{file}, line {line}: not confirmed: {reason}." for line, reason in report.unproved[:_SHOWN]]
    hidden = max(0, len(report.refused) - _SHOWN) + max(0, len(report.unproved) - _SHOWN)
    if hidden:
        lines.append(f"… and {hidden:,} more lines with a reason; --json has them all.")
    if report.ignored_columns:
        lines.append(f"Columns not taken: {', '.join(report.ignored_columns)}.")
    if report.stopped:
        said = ", ".join(f"{count:,} {_STOPPED[why]}" for why, count in report.stopped.items())
        lines.append(f"Of those {verb}, these get no mail, as the file says: {said}.")
    lines.append(
        f"{formatting.counted(report.rows, 'row')}: {report.imported:,} {verb}, of them {len(report.unproved):,} not confirmed;"
        f" {report.known:,} known already; {len(report.refused):,} refused."
    )
    return "\n".join(lines)
