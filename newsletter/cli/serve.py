"""``web``, ``schedule`` and ``work``: the long-running processes; and the site and the scheduler in one process, for ``run``."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from errno import EADDRINUSE
from threading import Thread
from typing import NoReturn

import click
from flask import Flask
from werkzeug.serving import BaseWSGIServer, make_server

from newsletter import db
from newsletter.app import create_app
from newsletter.cli import opening
from newsletter.errors import PortTaken
from newsletter.issues.service import IssueService
from newsletter.jobs import schedule as scheduling
from newsletter.jobs import tick
from newsletter.jobs.pipeline import Parts

HOST = "127.0.0.1"


@click.command()
@click.option(
    "--port", type=click.IntRange(1, 65535), default=8000, show_default=True, help="Where to serve the site."
)
@click.option(
    "--host",
    default=HOST,
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
    require_free(port, host)
    gunicorn(host=host, port=port, workers=workers)


@click.command()
def schedule() -> None:
    """Tick: do each step of the day when it is due. Any number of schedulers may run."""
    stop = opening.stop_on_sigterm()
    service = opening.open_issue_service(opening.open_settings(), stop=stop)
    with _shared_out(opening.open_parts(service)) as parts:
        scheduling.run_forever(lambda now: tick.tick(parts, now), stop=stop, clock=service.clock)


@contextmanager
def _shared_out(parts: Parts) -> Iterator[Parts]:
    """Return Parts whose large Steps are split for workers on PostgreSQL (see ``work``); on SQLite this process does all Steps."""
    if not db.has_server(parts.service.sessions.kw["bind"]):
        yield parts
        return
    from newsletter.jobs import worker

    worker.prepare(parts.service.sessions)
    with worker.deferring(parts) as shared:
        yield shared


def require_free(port: int, host: str = HOST) -> None:
    """Raise :class:`PortTaken` when the port is in use or not allowed, which is better known before the day's Steps than after."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno == EADDRINUSE:
                raise PortTaken(f"Port {port} is taken by another program. Use --port N.") from None
            raise PortTaken(f"Nothing can be served at {host}, port {port}: {error.strerror}.") from None


def site_server(app: Flask, port: int) -> BaseWSGIServer:
    """Return a server on loopback with a thread for each connection, so that a slow client delays nobody else."""
    return make_server(HOST, port, app, threaded=True)


def serve(service: IssueService, parts: Parts, *, port: int) -> None:
    """Serve the site on loopback and run the scheduler until Ctrl-C or SIGTERM."""
    app = create_app(service.settings, sessions=service.sessions, clock=service.clock)
    server = site_server(app, port)
    ticking = scheduling.start(lambda now: tick.tick(parts, now), clock=service.clock)
    Thread(target=server.serve_forever, daemon=True).start()
    click.echo("Serving; the scheduler ticks. Ctrl-C stops both.")
    try:
        while not (service.stop and service.stop.wait(0.5)):
            pass
    except KeyboardInterrupt:
        click.echo("Stopping …")
    finally:
        ticking.shutdown(wait=True)
        server.shutdown()
        service.provider.close()


def gunicorn(*, host: str, port: int, workers: int) -> NoReturn:
    """Replace this process by gunicorn, which then gets the signals and determines the exit code.

    Its threads read requests themselves, so a proxy that buffers requests must be in front of it: otherwise as many slow
    connections as there are threads block everybody else. docs/operations.md has a configuration for nginx.
    """
    command = [
        sys.executable,
        "-m",
        "gunicorn",
        "wsgi:app",
        "--bind",
        f"[{host}]:{port}" if ":" in host else f"{host}:{port}",
        "--workers",
        str(workers),
    ]
    command += [
        "--worker-class",
        "gthread",
        "--threads",
        "8",
        "--timeout",
        "30",
        "--graceful-timeout",
        "20",
        "--no-control-socket",
    ]
    sys.stdout.flush()
    os.execv(sys.executable, command)  # noqa: S606 - fixed words and numbers only  # nosec B606


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
