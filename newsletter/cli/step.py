"""``step``: does one Step of the day by hand."""

from __future__ import annotations

import json

import click

from newsletter.cli import opening
from newsletter.cli import progress as showing
from newsletter.jobs import pipeline
from newsletter.jobs.pipeline import AlreadyDone


@click.command()
@click.argument("name", type=click.Choice(list(pipeline.STEPS)))
@click.option("--now", help="Set the clock, such as 2025-08-25T20:30Z.")
@click.option("--sample", "use_sample", is_flag=True, help="Use the sample edition's outlets.")
@click.option("--json", "as_json", is_flag=True, help="Report as JSON.")
def step(name: str, now: str | None, use_sample: bool, as_json: bool) -> None:
    """Do one step of the day: gather, group, read, summarize, compose, check, approve, dispatch, settle or lapse."""
    service = opening.open_issue_service(opening.open_settings(), now=now, stop=opening.stop_on_sigterm())
    with showing.progress(quiet=as_json) as progress:
        open_parts = opening.open_sample if use_sample else opening.open_parts
        parts = open_parts(service, progress=progress)
        try:
            detail = pipeline.run_step(parts, name, due_at=parts.now).detail
        except AlreadyDone:
            detail = {"already": "done for this moment, or being done by another process"}
    if as_json:
        click.echo(json.dumps({"step": name, **detail}, default=str))
    else:
        click.echo(f"{name}: " + ", ".join(f"{k.replace('_', ' ')} {v}" for k, v in detail.items()))
