"""``replay``: many days of news and simulated readers at full speed, and totals that must balance at the end."""

from __future__ import annotations

import json
import logging
import resource
import sys
import tempfile
from dataclasses import asdict, replace
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import click
from sqlalchemy import func, select

from newsletter import clock as clocks
from newsletter import db, log
from newsletter.app import create_app
from newsletter.cli import opening, progress
from newsletter.clock import ManualClock
from newsletter.db.models import Issue, Subscriber
from newsletter.errors import Refused, SettingsError
from newsletter.feeds import catalogue, sample
from newsletter.feeds.fetcher import PoliteFetcher
from newsletter.issues.service import IssueService
from newsletter.jobs.pipeline import Parts
from newsletter.lab.packages import require_packages
from newsletter.lab.simulate import balance
from newsletter.lab.simulate.browser import Browser
from newsletter.lab.simulate.mailboxes import Mailboxes
from newsletter.lab.simulate.newsstand import Newsstand, Reissued
from newsletter.lab.simulate.run import BEFORE, Scenario, Simulation, SimulationResult, days_between, kinds_of
from newsletter.subscribers.tokens import Tokens

HOUR = timedelta(hours=1)


@click.command()
@click.option(
    "--outlets",
    "outlets_file",
    type=click.Path(path_type=Path),
    help="A catalogue whose feeds hold the days to replay. Without it the sample edition is written anew each day.",
)
@click.option("--from", "start", required=True, help="The first moment, such as 2025-08-19T08:00Z.")
@click.option("--to", "end", required=True, help="The last moment.")
@click.option(
    "--again-after",
    type=click.IntRange(5, 366),
    help="Days after which the same news is told anew, later and as new: for periods longer than the feeds.",
)
@click.option(
    "--readers", type=click.IntRange(1, 100_000), default=200, show_default=True, help="How many are made up."
)
@click.option("--seed", type=int, default=1, show_default=True, help="Draws the readers and their luck.")
@click.option("--database", help="Address of an empty database; a new SQLite file in --out when not given.")
@click.option("--out", type=click.Path(path_type=Path), help="Folder to keep everything in; else temporary.")
@click.option("--json", "as_json", is_flag=True, help="Report as JSON.")
def replay(out: Path | None, as_json: bool, **options: Any) -> None:
    """Replay days of news with made-up readers: sign-ups, trials, payments, bounces, unsubscribes. Nothing is mailed to anybody."""
    require_packages()
    scenario = _scenario(**options)
    log.configure(level=logging.ERROR)
    with tempfile.TemporaryDirectory(prefix="newsletter-replay-") as temporary:
        report = _replay(scenario, out or Path(temporary), quiet=as_json)
    click.echo(json.dumps(report, indent=1) if as_json else _in_words(report))
    if not report["balances"]:
        raise Refused("The books do not balance.")


def _scenario(*, start: str, end: str, again_after: int | None, **options: Any) -> Scenario:
    """Return the Scenario of the command's options. Raises ``SettingsError`` for moments that cannot be used."""
    first, last = clocks.parse_moment(start, "--from"), clocks.parse_moment(end, "--to")
    if not first < last:
        raise SettingsError("--to must lie after --from.")
    again = timedelta(days=again_after) if again_after else None
    return Scenario(first=first, last=last, again_after=again, **options)


def _replay(scenario: Scenario, folder: Path, *, quiet: bool) -> dict[str, Any]:
    folder.mkdir(parents=True, exist_ok=True)
    clock = ManualClock(scenario.first - BEFORE)
    mailboxes = Mailboxes(clock, Random(scenario.seed + 1))  # noqa: S311 - luck that can be repeated, no secret
    service = _service(scenario, folder, clock, mailboxes)
    app = create_app(service.settings, sessions=service.sessions, clock=clock)

    def browser(network: str) -> Browser:
        return Browser(app.test_client(), site_url=service.settings.SITE_URL, network=network)

    simulation = Simulation(
        _parts(scenario, service, clock),
        clock,
        mailboxes,
        browser,
        scenario,
    )
    begins = clock()
    hours = int((scenario.last - begins) / HOUR)
    with progress.progress(quiet=quiet) as show:
        result = simulation.run(
            lambda now: show("replay", int((now - begins) / HOUR), hours, f"{now:%d %b %H:%M}")
        )
    return _report(scenario, service, result, mailboxes)


def _service(scenario: Scenario, folder: Path, clock: ManualClock, mailboxes: Mailboxes) -> IssueService:
    """Return a service whose files all lie in ``folder``, so that no production data is touched. Raises ``Refused`` for a used database."""
    settings = opening.open_settings(
        DATABASE_URL=scenario.database or f"sqlite:///{folder.resolve()}/replay.db",
        OUTBOX_DIR=folder / "outbox",
        FENCE_DIR=folder / "fence",
        LEAVING_DIR=folder / "leaving",
        MAIL_PROVIDER="outbox",
        STRIPE_API_KEY="",
        ENVIRONMENT="development",
    )
    service = opening.open_issue_service(settings, migrate=True)
    with db.reading(service.sessions) as session:
        if session.scalar(select(func.count(Issue.id))) or session.scalar(select(func.count(Subscriber.id))):
            raise Refused("A replay needs a database of its own, and this one has issues or readers already.")
    tokens = Tokens(settings.signing_keys, clock=clock)
    return replace(service, clock=clock, tokens=tokens, provider=mailboxes)


def _parts(scenario: Scenario, service: IssueService, clock: ManualClock) -> Parts:
    if scenario.outlets_file is None:
        edition = Reissued(sample.fetcher, clock)
        return Parts(service=service, catalogue=sample.catalogue(), fetcher=edition, is_sample=True)
    stand = Newsstand(
        PoliteFetcher(service.settings), clock, since=scenario.first, again_after=scenario.again_after
    )
    return Parts(service=service, catalogue=catalogue.load_catalogue(scenario.outlets_file), fetcher=stand)


def _report(
    scenario: Scenario, service: IssueService, result: SimulationResult, mailboxes: Mailboxes
) -> dict[str, Any]:
    entries = balance.balance(service.sessions, service.settings, result, mailboxes)
    issues = balance.issue_lines(service.sessions)
    kilobytes = 1024 if sys.platform == "darwin" else 1  # macOS counts bytes where Linux counts kilobytes
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // (1024 * kilobytes)
    return {
        "days": round(days_between(scenario.first, scenario.last), 1),
        "seconds": round(result.seconds, 1),
        "ticks": result.ticks,
        "acts": result.acts,
        "readers": dict(kinds_of(result.readers)),
        "mails": len(mailboxes.letters),
        "peak_rss_mb": peak,
        "issues": [asdict(i) for i in issues],
        "books": [asdict(e) | {"balances": e.balances} for e in entries],
        "lost": result.lost[:20],
        "balances": all(e.balances for e in entries) and all(i.adds_up for i in issues),
    }


def _in_words(report: dict[str, Any]) -> str:
    lines = [
        f"{i['issued_on']}  {i['state']:<11} {i['stories']} stories  {i['in_words']}; {i['full']} full"
        for i in report["issues"]
    ]
    lines.append("")
    for e in report["books"]:
        word = "balances" if e["balances"] else "DOES NOT"
        lines.append(f"{word}  {e['found']:>7} of {e['expected']:<7} {e['what']}")
    lines += [f"lost: {words}" for words in report["lost"]]
    readers = sum(report["readers"].values())
    lines.append(
        f"\n{report['days']} days, {readers} readers, {report['acts']} acts, {report['mails']} mails, {report['ticks']} ticks"
        f" in {report['seconds']} s; {report['peak_rss_mb']} MB at most."
    )
    return "\n".join(lines)
