"""``work``: one more pair of hands, on this machine or another, for what the schedulers defer."""

from __future__ import annotations

import click

from newsletter.cli import opening


@click.command()
@click.option(
    "--concurrency",
    type=click.IntRange(1, 32),
    default=2,
    show_default=True,
    help="Parts of steps done at the same time.",
)
def work(concurrency: int) -> None:
    """Do parts of the steps that schedulers defer: feeds, stories, batches. Needs PostgreSQL; run as many as you like."""
    settings = opening.open_settings()
    from newsletter.jobs import worker

    worker.conninfo(settings.DATABASE_URL)
    service = opening.open_issue_service(settings, stop=opening.stop_on_sigterm())
    worker.prepare(service.sessions)
    worker.work(opening.open_parts(service), concurrency=concurrency)
