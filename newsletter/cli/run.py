"""``run``: makes today's Issue from Feeds to Outbox, then serves the site and runs the scheduler."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
from sqlalchemy import select

from newsletter import db
from newsletter.cli import invented_readers, opening, serve
from newsletter.cli import progress as showing
from newsletter.clock import day_in
from newsletter.db.models import Issue
from newsletter.errors import NewsletterError, NothingToRead, SettingsError
from newsletter.issues.service import IssueService
from newsletter.jobs import pipeline
from newsletter.jobs.pipeline import AlreadyDone, Parts
from newsletter.settings import Settings
from newsletter.subscribers import operators

_MAKING = ("gather", "group", "read", "summarize", "compose")
_SENDING = ("check", "approve", "dispatch", "settle", "lapse")


@dataclass
class Day:
    """The result of all Steps of one day, for the person who started them."""

    issued_on: str
    state: str = "none"
    is_sample: bool = False
    did_nothing: bool = False
    steps: dict[str, dict[str, Any]] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)


@click.command()
@click.option("--once", is_flag=True, help="Make today's issue and stop; serve nothing.")
@click.option(
    "--sample", "use_sample", is_flag=True, help="Use the sample edition: invented outlets, no network."
)
@click.option(
    "--outlets", "outlets_file", type=click.Path(path_type=Path), help="Another catalogue than OUTLETS_FILE."
)
@click.option("--now", help="Set the clock, such as 2025-08-25T20:30Z.")
@click.option(
    "--port", type=click.IntRange(1, 65535), default=8000, show_default=True, help="Where to serve the site."
)
@click.option("--json", "as_json", is_flag=True, help="Report as JSON.")
def run(
    once: bool, use_sample: bool, outlets_file: Path | None, now: str | None, port: int, as_json: bool
) -> None:
    """Gather, group, summarize, compose, check, approve and dispatch today's issue; then serve the site and tick."""
    settings = opening.open_settings(OUTLETS_FILE=outlets_file, SITE_URL=None if once else _site_url(port))
    if not once:
        serve.require_free(port)
    service = opening.open_issue_service(settings, now=now, migrate=True, stop=opening.stop_on_sigterm())
    if use_sample and settings.in_production:
        raise SettingsError("--sample is refused in production: the sample edition is invented.")
    invented_readers.add_readers(service.sessions, settings, now=service.clock())
    try:
        day = _make_the_day(service, use_sample=use_sample, may_sample=outlets_file is None, quiet=as_json)
    except NewsletterError as error:
        if once:
            raise
        click.echo(f"\n{error}\nThe site is served all the same, and the scheduler will try again.", err=True)
    else:
        click.echo(json.dumps(day.__dict__, default=str) if as_json else _in_words(day))
    if once:
        return
    click.echo(_where_to_look(service, settings))
    # With --sample the scheduler uses the sample as well; after a day without feeds it tries the real ones again.
    parts = opening.open_sample(service) if use_sample else opening.open_parts(service)
    serve.serve(service, parts, port=port)


def _site_url(port: int) -> str | None:
    """Return the address of the site: on another port than the default, links must lead there. A configured SITE_URL wins."""
    said = opening.open_settings().SITE_URL
    return f"http://127.0.0.1:{port}" if said == Settings.model_fields["SITE_URL"].default else None


def _make_the_day(service: IssueService, *, use_sample: bool, may_sample: bool, quiet: bool) -> Day:
    with showing.progress(quiet=quiet) as progress:
        if use_sample:
            return make_day(opening.open_sample(service, progress=progress))
        parts = opening.open_parts(service, progress=progress)
        try:
            return make_day(parts)
        except NothingToRead as error:
            if service.settings.in_production or not may_sample:
                raise
            click.echo(
                f"{error} Showing the sample edition instead: invented outlets and events, labelled as such.",
                err=True,
            )
            return make_day(opening.open_sample(service, progress=progress))


def make_day(parts: Parts) -> Day:
    """Do the Steps of the day that are not done yet."""
    day = Day(issued_on=parts.today().isoformat())
    before = _issue_of(parts)
    began = parts.now
    steps = [
        *(_MAKING if before is None else ()),
        *(_SENDING if before is None or before.state == "draft" else ()),
    ]
    if before is not None and before.state in ("approved", "dispatching"):
        steps = ["dispatch", "settle"]
    for step in steps:
        at = time.perf_counter()
        try:
            day.steps[step] = dict(pipeline.run_step(parts, step, due_at=began).detail)
        except AlreadyDone:
            day.steps[step] = {"already": "done, or being done by another process"}
        day.seconds[step] = round(time.perf_counter() - at, 2)
    after = _issue_of(parts)
    if after is not None:
        day.state, day.is_sample = after.state, after.is_sample
    handed_over = day.steps.get("dispatch", {}).get("accepted", 0)
    day.did_nothing = before is not None and before.state == day.state and not handed_over
    return day


def _issue_of(parts: Parts) -> Issue | None:
    with db.reading(parts.service.sessions) as session:
        return session.scalars(select(Issue).where(Issue.issued_on == parts.today())).one_or_none()


def _in_words(day: Day) -> str:
    if day.did_nothing:
        return f"Nothing to do: the issue of {day.issued_on} is {day.state} already."
    lines = []
    for step, detail in day.steps.items():
        said = ", ".join(
            f"{name.replace('_', ' ')} {value}" for name, value in detail.items() if value not in (0, None)
        )
        lines.append(f"{step:<10} {day.seconds[step]:6.2f} s  {said}")
    kind = " (sample edition: invented outlets and events)" if day.is_sample else ""
    lines.append(
        f"The issue of {day.issued_on} is {day.state}{kind}. {sum(day.seconds.values()):.1f} s in all."
    )
    return "\n".join(lines)


def _where_to_look(service: IssueService, settings: Settings) -> str:
    address = settings.operators[0] if settings.operators else "editor@example.com"
    with service.sessions.begin() as session:
        operator = operators.add(session, address, now=service.clock())
        link = operators.signin_link(operator, tokens=service.tokens, links=service.links)
    day = day_in(settings.EDITION_TZ, service.clock())
    return "\n".join(
        [
            "",
            f"Landing page   {service.links.home()}",
            f"Today's issue  {service.links.issue(day)}",
            f"The desk       {link}",
            f"Outbox         {settings.OUTBOX_DIR.resolve()}/",
            "",
        ]
    )
