"""The composition root of the commands: opens settings, database, clock and provider."""

from __future__ import annotations

import os
import signal
from datetime import timedelta
from threading import Event, Timer
from typing import Any

from sqlalchemy import Engine

from newsletter import clock as clocks
from newsletter import db
from newsletter import settings as settings_file
from newsletter.delivery import providers
from newsletter.feeds import catalogue, sample
from newsletter.issues.service import IssueService
from newsletter.jobs.pipeline import Parts, Progress, silent
from newsletter.links import Links
from newsletter.settings import Settings
from newsletter.subscribers.tokens import Tokens

GRACE = timedelta(seconds=25)  # seconds from SIGTERM to the exit; supervisors usually kill after 30 s


def open_settings(**overrides: Any) -> Settings:
    """Return the Settings, overridden by options of the command line; None means that an option was not given."""
    return settings_file.load(**{name: value for name, value in overrides.items() if value is not None})


def open_database(settings: Settings, *, migrate: bool = False) -> Engine:
    """Return the database at the newest revision. Raises ``DatabaseError`` when it is older, unless ``migrate``."""
    engine = db.make_engine(settings.DATABASE_URL)
    if migrate:
        db.upgrade(engine)
    else:
        db.require_head(engine)
    return engine


def clock_of(now: str | None) -> clocks.Clock:
    """Return the machine's clock, or one fixed at ``--now``."""
    return clocks.system if now is None else clocks.replay(clocks.parse_moment(now))


def open_issue_service(
    settings: Settings, *, now: str | None = None, migrate: bool = False, stop: Event | None = None
) -> IssueService:
    """Return the service that operates on Issues. ``now`` is ``--now``."""
    sessions = db.make_sessions(open_database(settings, migrate=migrate))
    clock = clock_of(now)
    return IssueService(
        settings=settings,
        sessions=sessions,
        clock=clock,
        links=Links(settings.SITE_URL),
        tokens=Tokens(settings.signing_keys, clock=clock),
        provider=providers.make(settings, now=clock, stop=stop),
        stop=stop,
    )


def open_parts(service: IssueService, *, progress: Progress = silent) -> Parts:
    """Return the Parts for the Steps. A catalogue that is broken now is refused before anything is done; each gathering reads the
    file anew."""
    catalogue.load_catalogue(service.settings.OUTLETS_FILE)
    return Parts(service=service, progress=progress)


def open_sample(service: IssueService, *, progress: Progress = silent) -> Parts:
    """Return the Parts for the sample edition: invented Outlets, no network."""
    return Parts(
        service=service,
        catalogue=sample.catalogue(),
        fetcher=sample.fetcher(service.clock()),
        is_sample=True,
        progress=progress,
    )


def stop_on_sigterm() -> Event:
    """Return an Event that SIGTERM sets, so that the process finishes its work and exits; after ``GRACE`` it exits with code 75.

    Work unfinished then is treated as that of any process that died: its copies are uncertain, and never sent twice.
    """
    stop = Event()

    def on_sigterm(*_: object) -> None:
        stop.set()
        last = Timer(GRACE.total_seconds(), os._exit, (75,))
        last.daemon = True
        last.start()

    signal.signal(signal.SIGTERM, on_sigterm)
    return stop
