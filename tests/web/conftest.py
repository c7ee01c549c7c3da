"""The site over a database of the test's own."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from newsletter import clock, db
from newsletter.app import create_app
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
