"""``bench``: measures speed, beside yardsticks of the same run."""

from __future__ import annotations

import json
import logging
import math
from typing import Any

import click
from click.core import ParameterSource

from newsletter import log
from newsletter.cli import progress as showing
from newsletter.errors import SettingsError
from newsletter.lab.bench.measuring import Measured
from newsletter.lab.packages import require_packages


class Between(click.FloatRange):
    """A number in a range. Click's own type accepts "nan", which is in no range."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        found = super().convert(value, param, ctx)
        return self.fail(f"{value} is no number.", param, ctx) if math.isnan(found) else found


# The options that each provider of ``dispatch`` does not use.
_MEANS_NOTHING = {
    "sendgrid": ("connections",),
    "smtp": ("workers", "batch", "latency"),
    "outbox": ("workers", "batch", "latency", "connections"),
}
# Options that several benches share.
AS_JSON = click.option("--json", "as_json", is_flag=True, help="Report as JSON.")
DATABASE = click.option(
    "--database",
    default="sqlite",
    show_default=True,
    help="sqlite, postgresql, or the address of an empty database.",
)
GUNICORNS = click.option(
    "--workers", type=click.IntRange(1, 16), default=2, show_default=True, help="gunicorn's workers."
)


@click.group()
def bench() -> None:
    """Measure speed, beside yardsticks of the same run.

    ``table`` measures every part of the day at three sizes.
    """
    require_packages()
    log.configure(level=logging.ERROR)


def report(found: Measured, *, as_json: bool) -> None:
    """Print the measurements."""
    click.echo(json.dumps(found.as_json(), default=str) if as_json else found.in_words())


@bench.command()
@click.option(
    "--recipients",
    type=click.IntRange(1, 5_000_000),
    help="Readers; by default 1,000,000, for smtp 20,000, for outbox 10,000.",
)
@DATABASE
@click.option(
    "--provider",
    type=click.Choice(["sendgrid", "smtp", "outbox"]),
    default="sendgrid",
    show_default=True,
    help="Who takes the mail.",
)
@click.option(
    "--workers",
    type=click.IntRange(1, 16),
    default=1,
    show_default=True,
    help="Dispatching processes at once; sendgrid.",
)
@click.option(
    "--batch", type=click.IntRange(1, 1000), default=500, show_default=True, help="BATCH_SIZE; sendgrid."
)
@click.option(
    "--latency", type=Between(0, 5000), default=0.0, help="Milliseconds added to each answer; sendgrid."
)
@click.option(
    "--connections", type=click.IntRange(1, 50), default=4, show_default=True, help="To the relay; smtp."
)
@AS_JSON
def dispatch(
    recipients: int | None,
    database: str,
    provider: str,
    workers: int,
    batch: int,
    latency: float,
    connections: int,
    as_json: bool,
) -> None:
    """Freeze and hand over an issue to a server on loopback (or to the Outbox), the ledger on."""
    from newsletter.lab.bench import dispatch as dispatching
    from newsletter.lab.bench import outbox, relay

    given = click.get_current_context().get_parameter_source
    for name in _MEANS_NOTHING[provider]:
        if given(name) is ParameterSource.COMMANDLINE:
            raise click.UsageError(f"--{name} does not go with --provider {provider}.")
    with showing.progress(quiet=as_json) as progress:
        if provider == "smtp":
            found = relay.bench_relay(
                readers=recipients or relay.READERS,
                database=database,
                connections=connections,
                progress=progress,
            )
        elif provider == "outbox":
            found = outbox.bench_outbox(
                readers=recipients or outbox.READERS, database=database, progress=progress
            )
        else:
            found = dispatching.bench_dispatch(
                readers=recipients or dispatching.READERS,
                database=database,
                workers=workers,
                batch=batch,
                latency=latency / 1000,
                progress=progress,
            )
    report(found, as_json=as_json)


@bench.command()
@click.option(
    "--events",
    type=click.IntRange(1, 2_000_000),
    default=60_000,
    show_default=True,
    help="Posted at --rate, and as many again as fast as they are taken.",
)
@click.option(
    "--recipients",
    type=click.IntRange(1, 5_000_000),
    default=200_000,
    show_default=True,
    help="Readers; most of them are mailed meanwhile.",
)
@click.option(
    "--rate", type=click.IntRange(1, 100_000), default=3_000, show_default=True, help="Events a second."
)
@DATABASE
@GUNICORNS
@AS_JSON
def events(events: int, recipients: int, rate: int, database: str, workers: int, as_json: bool) -> None:
    """Take a flood of SendGrid's signed events while an issue is dispatched and people sign up."""
    from newsletter.lab.bench.events import bench_events

    with showing.progress(quiet=as_json) as progress:
        found = bench_events(
            events=events,
            readers=recipients,
            database=database,
            workers=workers,
            rate=rate,
            progress=progress,
        )
    report(found, as_json=as_json)


@bench.command()
@click.option(
    "--rate", type=click.IntRange(1, 2_000), default=200, show_default=True, help="Sign-ups a second."
)
@click.option(
    "--seconds", type=click.IntRange(1, 120), default=12, show_default=True, help="How long they come."
)
@DATABASE
@GUNICORNS
@AS_JSON
def signups(rate: int, seconds: int, database: str, workers: int, as_json: bool) -> None:
    """Take a rush of sign-ups, and see whether the time of an answer tells who is a reader."""
    from newsletter.lab.bench.signups import bench_signups

    with showing.progress(quiet=as_json) as progress:
        found = bench_signups(
            rate=rate, seconds=seconds, database=database, workers=workers, progress=progress
        )
    report(found, as_json=as_json)


@bench.command()
@click.option(
    "--feeds", type=click.IntRange(1, 10_000), default=500, show_default=True, help="How many, of 20 entries."
)
@DATABASE
@AS_JSON
def gather(feeds: int, database: str, as_json: bool) -> None:
    """Read feeds of a server on loopback into a fresh database."""
    from newsletter.lab.bench.gather import bench_gather

    with showing.progress(quiet=as_json) as progress:
        found = bench_gather(feeds=feeds, database=database, progress=progress)
    report(found, as_json=as_json)


@bench.command()
@click.option("--rate", type=Between(1, 10_000), default=100, show_default=True, help="Requests a second.")
@click.option("--seconds", type=Between(0.1, 600), default=20, show_default=True, help="How long they come.")
@click.option(
    "--recipients",
    type=click.IntRange(1, 10_000_000),
    default=250_000,
    show_default=True,
    help="Mailed meanwhile.",
)
@DATABASE
@GUNICORNS
@AS_JSON
def web(rate: float, seconds: float, recipients: int, database: str, workers: int, as_json: bool) -> None:
    """Ask the site for pages at a steady rate while an issue is dispatched; p50 and p99."""
    from newsletter.lab.bench.web import bench_web

    with showing.progress(quiet=as_json) as progress:
        found = bench_web(
            rate=rate,
            seconds=seconds,
            readers=recipients,
            database=database,
            workers=workers,
            progress=progress,
        )
    report(found, as_json=as_json)


@bench.command()
@click.option(
    "--articles",
    type=click.IntRange(100, 1_000_000),
    multiple=True,
    help="How many; may be repeated. By default 13,000, 25,000, 50,000 and 100,000.",
)
@AS_JSON
def group(articles: tuple[int, ...], as_json: bool) -> None:
    """Group made-up articles, a week's worth and many weeks' worth, and say the time and memory it took."""
    from newsletter.lab.bench.group import SIZES, bench_group

    with showing.progress(quiet=as_json) as progress:
        found = bench_group(sizes=articles or SIZES, progress=progress)
    report(found, as_json=as_json)


@bench.command()
@click.option("--stories", type=click.IntRange(1, 100_000), default=200, show_default=True, help="How many.")
@AS_JSON
def summarize(stories: int, as_json: bool) -> None:
    """Tell made-up stories without a model."""
    from newsletter.lab.bench.summarize import bench_summarize

    with showing.progress(quiet=as_json) as progress:
        found = bench_summarize(stories=stories, progress=progress)
    report(found, as_json=as_json)


@bench.command()
@click.option(
    "--readers", type=click.IntRange(1, 5_000_000), default=10_000, show_default=True, help="How many."
)
@AS_JSON
def render(readers: int, as_json: bool) -> None:
    """Render the sample issue, and fill its links in for so many readers."""
    from newsletter.lab.bench.render import bench_render

    with showing.progress(quiet=as_json) as progress:
        found = bench_render(readers=readers, progress=progress)
    report(found, as_json=as_json)


@bench.command()
@click.option(
    "--scale",
    type=click.IntRange(1, 1_000),
    default=1,
    show_default=True,
    help="Divides all sizes, for a quick look.",
)
@click.option("--only", help="Only the parts whose name holds this.")
@AS_JSON
def table(scale: int, only: str | None, as_json: bool) -> None:
    """Every part of the day at three sizes, each beside its yardstick, in one table."""
    from newsletter.lab.bench.table import as_words, measure, parts

    chosen = [part for part in parts(scale) if not only or only in part.name]
    if not chosen:
        raise SettingsError(f"--only: no part of the table has '{only}' in its name.")
    with showing.progress(quiet=as_json) as progress:
        lines = measure(chosen, progress)
    click.echo(json.dumps([line.as_json() for line in lines]) if as_json else as_words(lines))
