"""The site over a database of the test's own."""

from __future__ import annotations

import shutil
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
from newsletter.models import Issue
from newsletter.settings import Settings
from tests.conftest import MORNING
from tests.web.sample_site import publish_sample


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


@pytest.fixture(scope="session")
def _published_sqlite(_migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file to copy in which the sample edition is published: made once per process instead of once per test."""
    folder = tmp_path_factory.mktemp("published")
    shutil.copy(_migrated_sqlite, folder / "published.db")
    settings = Settings(
        _env_file=None,
        DATABASE_URL=f"sqlite:///{folder}/published.db",
        OUTBOX_DIR=folder / "outbox",
        FENCE_DIR=folder / "fence",
        LEAVING_DIR=folder / "leaving",
        SECRET_KEY="a-key-for-the-tests-of-32-letters-or-more",
    )  # type: ignore[call-arg]
    engine = db.make_engine(settings.DATABASE_URL)
    publish_sample(db.make_sessions(engine), settings, MORNING)
    engine.dispose()
    return folder / "published.db"


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
