"""``web`` and ``schedule``: the two long-running halves, for production."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import click

from newsletter import db
from newsletter.cli import opening, serving
from newsletter.jobs import schedule as scheduling
from newsletter.jobs import tick
from newsletter.jobs.pipeline import Parts


@click.command()
@click.option(
    "--port", type=click.IntRange(1, 65535), default=8000, show_default=True, help="Where to serve the site."
)
@click.option(
    "--host",
    default=serving.HOST,
    show_default=True,
    help="The address to listen at; the proxy's side of it.",
)
@click.option(
    "--workers",
    type=click.IntRange(1, 64),
    default=2,
    show_default=True,
    help="Processes, of 8 threads each.",
)
def web(port: int, host: str, workers: int) -> None:
    """Serve the site with gunicorn."""
    settings = opening.open_settings()
    opening.open_database(settings).dispose()
    serving.require_free(port, host)
    serving.gunicorn(host=host, port=port, workers=workers)


@click.command()
def schedule() -> None:
    """Tick: do each step of the day when it is due. Any number of schedulers may run."""
    stop = opening.stop_on_sigterm()
    service = opening.open_issue_service(opening.open_settings(), stop=stop)
    with _shared_out(opening.open_parts(service)) as parts:
        scheduling.run_forever(lambda now: tick.tick(parts, now), stop=stop, clock=service.clock)


@contextmanager
def _shared_out(parts: Parts) -> Iterator[Parts]:
    """On PostgreSQL large steps are cut up for workers while any live (see ``work``); on SQLite this process does them all."""
    if not db.has_server(parts.service.sessions.kw["bind"]):
        yield parts
        return
    from newsletter.jobs import worker

    worker.prepare(parts.service.sessions)
    with worker.deferring(parts) as shared:
        yield shared
