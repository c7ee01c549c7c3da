"""``why``: says in one line what became of one reader's mail, and why."""

from __future__ import annotations

import json
from dataclasses import asdict

import click

from newsletter import db
from newsletter.cli import opening
from newsletter.subscribers import why as reasons
from newsletter.subscribers.addresses import AddressError


@click.command()
@click.argument("address")
@click.option("--json", "as_json", is_flag=True, help="Report as JSON.")
@click.option("--now", help="Set the clock, such as 2025-08-25T20:30Z.")
def why(address: str, as_json: bool, now: str | None) -> None:
    """Why ADDRESS got the latest issue, or did not."""
    service = opening.open_issue_service(opening.open_settings(), now=now)
    with db.reading(service.sessions) as session:
        try:
            answer = reasons.why(session, address, settings=service.settings, now=service.clock())
        except AddressError as error:
            raise click.BadParameter(str(error), param_hint="ADDRESS") from None
    click.echo(json.dumps(asdict(answer), default=str) if as_json else answer.sentence)
