"""``issue correct``: put an Issue right for those who got the wrong words."""

from __future__ import annotations

from datetime import date
from typing import TextIO

import click

from newsletter.cli import opening
from newsletter.cli.issue import Day, by_option, now_option
from newsletter.cli.uncertain import issue
from newsletter.errors import Refused


@click.command()
@click.argument("day", metavar="DATE", type=Day())
@click.option(
    "--text",
    "words",
    type=click.File("r", encoding="utf-8"),
    required=True,
    help="File with what was wrong and what is right, in paragraphs; - for standard input.",
)
@click.option(
    "--rendition",
    type=click.Choice(["full", "metered"]),
    help="The edition that was wrong; both when not said.",
)
@click.option(
    "--dry-run", is_flag=True, help="Show the mail and how many readers it would go to; send nothing."
)
@click.option("--yes", is_flag=True, help="Do not ask before it is owed to them.")
@by_option
@now_option
def correct(
    day: date,
    words: TextIO,
    rendition: str | None,
    dry_run: bool,
    yes: bool,
    by: str,
    now: str | None,
) -> None:
    """Mail a correction, once, to those who got this issue or may have got it. Nobody else gets it."""
    service = opening.open_issue_service(opening.open_settings(), now=now)
    try:
        text = words.read()
    except UnicodeDecodeError:
        raise Refused("Nothing was done: the text of the correction is not in UTF-8.") from None
    mail, readers = service.correction(day, text, rendition)
    click.echo(f"Subject: {mail.subject}\n\n{mail.text}")
    said = f"{readers:,} reader{'' if readers == 1 else 's'} got this issue or may have got it."
    if dry_run:
        click.echo(f"{said} Nothing was sent.")
        return
    if not yes:
        click.confirm(f"{said} Send it to them?", abort=True)
    made = service.correct(day, text, kind=rendition, by=by, seen=mail.content_hash)
    click.echo(f"Correction {made.id} is owed to {made.owed:,}; it goes with the next settle step.")


@click.command("withdraw-correction")
@click.argument("number", type=click.IntRange(1, 2**31 - 1))
@click.option("--reason", required=True, help="Kept in the audit trail.")
@by_option
@now_option
def withdraw_correction(number: int, reason: str, by: str, now: str | None) -> None:
    """Stop a correction: what is still pending of it never goes."""
    service = opening.open_issue_service(opening.open_settings(), now=now)
    left = service.withdraw_correction(number, by=by, reason=reason)
    were = "1 copy was" if left == 1 else f"{left:,} copies were"
    click.echo(f"Correction {number} is withdrawn; {were} still pending.")


for _command in (correct, withdraw_correction):
    issue.add_command(_command)
