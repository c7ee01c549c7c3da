"""``issue uncertain`` and ``issue decide``: the Deliveries of which we asked and did not hear."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import date

import click

from newsletter import db
from newsletter.cli import opening
from newsletter.cli.issue import Day, by_option, issue, json_option, now_option
from newsletter.delivery import ledger, ledger_queries
from newsletter.delivery.states import ACCEPTED, PENDING, WITHDRAWN
from newsletter.errors import NotFound
from newsletter.issues.service import IssueService, find_issue

# What an operator may say of an uncertain Delivery, and what the ledger makes of it.
DECISIONS = {"arrived": ACCEPTED, "given-up": WITHDRAWN, "once-more": PENDING}
NUMBER = click.IntRange(1, 2**63 - 1)  # as large as a database counts
MOST = 2_000_000  # looked at by one command
MOST_SHOWN = 200  # lines; a whole batch in doubt is not read line by line


@click.command()
@click.argument("day", metavar="DATE", type=Day())
@json_option
def uncertain(day: date, as_json: bool) -> None:
    """List the copies that were handed over without an answer. Nothing of them is sent again by itself unless it is safe."""
    service = opening.open_issue_service(opening.open_settings())
    ones = _ones(service, day)
    with db.reading(service.sessions) as session:
        batches = ledger_queries.uncertain_batches(session, find_issue(session, day).id)
    if as_json:
        click.echo(json.dumps([asdict(one) for one in ones], default=str))
        return
    for one in ones[:MOST_SHOWN]:
        at = f"{one.submitted_at:%Y-%m-%d %H:%M} UTC" if one.submitted_at else "never handed over"
        click.echo(f"{one.delivery_id:>9}  subscriber {one.subscriber_id or 'erased'}  {at}  {one.reason}")
    if len(ones) > MOST_SHOWN:
        click.echo(f"… and {len(ones) - MOST_SHOWN:,} more; --json lists them all.")
    for batch in batches:
        what = "1 copy" if batch.copies == 1 else f"{batch.copies:,} copies"
        whom = batch.provider or "an unnamed provider"
        click.echo(f"batch of {batch.first}: {what} handed over to {whom} together")
    if ones:
        click.echo(
            f"{len(ones):,} uncertain. Look at the provider's own log, then: "
            f"python -m newsletter issue decide {day} --id N | --batch-of N | --all --as arrived|given-up|once-more --reason WORDS"
        )
    else:
        click.echo(f"Nothing of the issue of {day} is uncertain.")


@click.command()
@click.argument("day", metavar="DATE", type=Day())
@click.option("--id", "numbers", type=NUMBER, multiple=True, help="The Delivery's number; may be repeated.")
@click.option(
    "--batch-of",
    "batches",
    type=NUMBER,
    multiple=True,
    help="All that were handed over together with this Delivery.",
)
@click.option("--all", "every", is_flag=True, help="All that are uncertain.")
@click.option(
    "--as",
    "decision",
    type=click.Choice(list(DECISIONS)),
    required=True,
    help="The reader has it, it never goes, or it goes again (and may come twice).",
)
@click.option("--reason", required=True, help="What you looked at; kept in the audit trail.")
@by_option
@now_option
def decide(
    day: date,
    numbers: Sequence[int],
    batches: Sequence[int],
    every: bool,
    decision: str,
    reason: str,
    by: str,
    now: str | None,
) -> None:
    """Decide what became of uncertain copies: they arrived, they are given up, or they go once more."""
    if bool(numbers or batches) == every:
        raise click.UsageError("Say --id N or --batch-of N (as often as needed), or --all.")
    service = opening.open_issue_service(opening.open_settings(), now=now)
    chosen = [u.delivery_id for u in _ones(service, day)] if every else list(numbers)
    with db.reading(service.sessions) as session:
        of_day = find_issue(session, day).id
        chosen += [
            n for number in batches for n in ledger_queries.uncertain_in_batch_of(session, of_day, number)
        ]
    moved = service.decide_uncertain(day, chosen, DECISIONS[decision], by=by, reason=reason)
    if not moved:
        raise NotFound(f"None of these is an uncertain copy of the issue of {day}.")
    click.echo(f"{moved} of {len(chosen)} decided: {decision}.")


def _ones(service: IssueService, day: date) -> list[ledger.UncertainDelivery]:
    with db.reading(service.sessions) as session:
        return ledger.uncertain_deliveries(session, find_issue(session, day).id, limit=MOST)


for _command in (uncertain, decide):
    issue.add_command(_command)
