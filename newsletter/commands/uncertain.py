"""``issue uncertain`` and ``issue decide``: the Deliveries of which we asked and did not hear."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import date

import click

from newsletter import db
from newsletter.commands import opening
from newsletter.commands.issue import BY, Day, issue, json_option, now_option
from newsletter.errors import NotFound
from newsletter.mailroom import ledger
from newsletter.mailroom.states import ACCEPTED, PENDING, WITHDRAWN
from newsletter.pressroom import Pressroom, find_issue

# What an operator may say of an uncertain Delivery, and what the ledger makes of it.
DECISIONS = {"arrived": ACCEPTED, "given-up": WITHDRAWN, "once-more": PENDING}
MOST = 100_000  # looked at by one command


@click.command()
@click.argument("day", metavar="DATE", type=Day())
@json_option
def uncertain(day: date, as_json: bool) -> None:
    """List the copies that were handed over without an answer. Nothing of them is sent again by itself unless it is safe."""
    press = opening.open_press(opening.open_settings())
    ones = _ones(press, day)
    if as_json:
        click.echo(json.dumps([asdict(one) for one in ones], default=str))
        return
    for one in ones:
        at = f"{one.submitted_at:%Y-%m-%d %H:%M} UTC" if one.submitted_at else "never handed over"
        click.echo(f"{one.delivery_id:>9}  subscriber {one.subscriber_id or 'erased'}  {at}  {one.reason}")
    if ones:
        click.echo(
            f"{len(ones)} uncertain. Look at the provider's own log, then: "
            f"python -m newsletter issue decide {day} --id N --as arrived|given-up|once-more --reason WORDS"
        )
    else:
        click.echo(f"Nothing of the issue of {day} is uncertain.")


@click.command()
@click.argument("day", metavar="DATE", type=Day())
@click.option("--id", "numbers", type=int, multiple=True, help="The Delivery's number; may be repeated.")
@click.option("--all", "every", is_flag=True, help="All that are uncertain.")
@click.option("--as", "decision", type=click.Choice(list(DECISIONS)), required=True)
@click.option("--reason", required=True, help="What you looked at; kept in the audit trail.")
@click.option("--by", default=BY, show_default=True, help="Who decides.")
@now_option
def decide(
    day: date, numbers: Sequence[int], every: bool, decision: str, reason: str, by: str, now: str | None
) -> None:
    """Decide what became of uncertain copies: they arrived, they are given up, or they go once more."""
    if bool(numbers) == every:
        raise click.UsageError("Say --id N (as often as needed) or --all.")
    press = opening.open_press(opening.open_settings(), now=now)
    chosen = [u.delivery_id for u in _ones(press, day)] if every else list(numbers)
    moved = press.decide_uncertain(day, chosen, DECISIONS[decision], by=by, reason=reason)
    if not moved:
        raise NotFound(f"None of these is an uncertain copy of the issue of {day}.")
    click.echo(f"{moved} of {len(chosen)} decided: {decision}.")


def _ones(press: Pressroom, day: date) -> list[ledger.UncertainOne]:
    with db.reading(press.sessions) as session:
        return ledger.uncertain_ones(session, find_issue(session, day).id, limit=MOST)


for _command in (uncertain, decide):
    issue.add_command(_command)
