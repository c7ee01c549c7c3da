"""``operator``: adds people who may open the desk."""

from __future__ import annotations

import click

from newsletter.cli import opening
from newsletter.subscribers import operators


@click.group()
def operator() -> None:
    """Who may open the desk."""


@operator.command()
@click.argument("address")
@click.option("--now", help="Set the clock, such as 2025-08-25T20:30Z.")
def add(address: str, now: str | None) -> None:
    """Let ADDRESS in and print a sign-in link. Adding twice prints a new link."""
    service = opening.open_issue_service(opening.open_settings(), now=now)
    with service.sessions.begin() as session:
        added = operators.add(session, address, now=service.clock())
        link = operators.signin_link(added, tokens=service.tokens, links=service.links)
    click.echo(link)
