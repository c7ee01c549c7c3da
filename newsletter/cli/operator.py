"""``operator``: who may open the desk."""

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
    press = opening.open_press(opening.open_settings(), now=now)
    with press.sessions.begin() as session:
        added = operators.add(session, address, now=press.clock())
        link = operators.signin_link(added, tokens=press.tokens, links=press.links)
    click.echo(link)
