"""``web`` and ``schedule``: the two long-running halves, for production."""

from __future__ import annotations

import click

from newsletter import schedule as scheduling
from newsletter import tick
from newsletter.commands import opening, serving


@click.command()
@click.option("--port", type=click.IntRange(1, 65535), default=8000, show_default=True)
@click.option("--host", default=serving.HOST, show_default=True)
@click.option("--workers", type=click.IntRange(1, 64), default=2, show_default=True)
def web(port: int, host: str, workers: int) -> None:
    """Serve the site with gunicorn."""
    settings = opening.open_settings()
    opening.open_database(settings).dispose()
    serving.require_free(port, host)
    serving.gunicorn(settings, host=host, port=port, workers=workers)


@click.command()
def schedule() -> None:
    """Tick: do each step of the day when it is due. Any number of schedulers may run."""
    stop = opening.stop_on_sigterm()
    press = opening.open_press(opening.open_settings(), stop=stop)
    parts = opening.open_parts(press)
    scheduling.run_forever(lambda now: tick.tick(parts, now), stop=stop, clock=press.clock)
