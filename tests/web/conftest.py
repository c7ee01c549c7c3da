"""The site over a database of the test's own."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, select

from newsletter import clock, db
from newsletter.app import create_app
from newsletter.db.models import Issue
from newsletter.settings import Settings


@pytest.fixture
def make_site(settings: Settings, sessions: db.Sessions, now: datetime) -> Callable[..., Flask]:
    """The site; keyword arguments change its Settings."""

    def make(**changes: Any) -> Flask:
        return create_app(settings.model_copy(update=changes), sessions=sessions, clock=clock.fixed(now))

    return make


@pytest.fixture
def site(make_site: Callable[..., Flask]) -> Flask:
    return make_site()


@pytest.fixture
def browser(site: Flask) -> FlaskClient:
    """A client without a browser's manners: no Origin, no Sec-Fetch-Site, cookies kept."""
    return site.test_client()


@pytest.fixture
def published(engine: Engine, sessions: db.Sessions, _published_sqlite: Path) -> Issue:
    """The Issue of the sample edition, published an hour ago, when there was no reader yet."""
    with (
        closing(sqlite3.connect(_published_sqlite)) as made,
        closing(sqlite3.connect(engine.url.database or "")) as own,
    ):
        made.backup(own)
    with db.reading(sessions) as session:
        return session.scalars(select(Issue)).one()
