"""A desk with the sample edition of the morning on it: composed, rendered and checked, not approved."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from html import unescape
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update
from werkzeug.serving import make_server
from werkzeug.test import TestResponse

from newsletter import clock, db
from newsletter.cli import invented_readers
from newsletter.db.models import Article, Placement, StoryRevision
from newsletter.delivery import providers
from newsletter.feeds import sample
from newsletter.issues.service import IssueService
from newsletter.jobs import pipeline
from newsletter.links import Links
from newsletter.settings import Settings
from newsletter.subscribers import operators
from newsletter.subscribers.tokens import Tokens
from newsletter.summaries.extractive.reading import split
from newsletter.summaries.story_text import Citation, Sentence, from_json, to_json
from tests.browsing import follow
from tests.conftest import MORNING
from tests.web.conftest import browser, make_site, published, site  # noqa: F401 - the desk stands on the site

DAY = "2026-03-02"
SETTINGS = {"SECRET_KEY": "a-key-for-the-tests-of-32-letters-or-more", "SITE_URL": "http://127.0.0.1:8000"}


@pytest.fixture(scope="session")
def _migrated_sqlite(_migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The migrated file with the sample day in it, made once."""
    folder = tmp_path_factory.mktemp("sample-day")
    path = folder / "sample.db"
    shutil.copy(_migrated_sqlite, path)
    settings = Settings(
        _env_file=None,
        DATABASE_URL=f"sqlite:///{path}",
        OUTBOX_DIR=folder / "outbox",
        APPROVAL="manual",
        **SETTINGS,
    )  # type: ignore[call-arg]
    engine = db.make_engine(settings.DATABASE_URL)
    service = make_service(settings, db.make_sessions(engine), MORNING)
    invented_readers.add_readers(service.sessions, settings, now=MORNING)
    parts = pipeline.Parts(service, sample.catalogue(), sample.fetcher(MORNING), is_sample=True)
    for step in ("gather", "group", "summarize", "compose", "check"):
        pipeline.run_step(parts, step, due_at=MORNING)
    with engine.connect() as connection:  # one file to copy
        connection.exec_driver_sql("COMMIT")
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    engine.dispose()
    return path


def make_service(settings: Settings, sessions: db.Sessions, now: datetime) -> IssueService:
    fixed = clock.fixed(now)
    return IssueService(
        settings=settings,
        sessions=sessions,
        clock=fixed,
        links=Links(settings.SITE_URL),
        tokens=Tokens(settings.SECRET_KEY.get_secret_value(), clock=fixed),
        provider=providers.make(settings, now=fixed),
    )


LOADED = (
    "The law caps rent rises at 4 percent a year for 1.9 million homes, and tenants’ groups call it the biggest victory for "
    "renters in a generation."
)


def take_out_loaded(sessions: db.Sessions) -> None:
    """Take out again what :func:`plant_loaded` put in."""
    with sessions.begin() as session:
        for revision in session.scalars(select(StoryRevision)):
            text = from_json(revision.words)
            kept = tuple(s for s in text.overview if s.text != LOADED)
            if kept != text.overview:
                session.execute(
                    update(StoryRevision)
                    .where(StoryRevision.id == revision.id)
                    .values(words=to_json(replace(text, overview=kept)))
                )


def plant_false(sessions: db.Sessions) -> None:
    """Put a sentence with a number that no article has into the Overview of the Issue's first Story."""
    with sessions.begin() as session:
        placed = session.scalars(select(Placement).order_by(Placement.rank)).first()
        assert placed is not None
        before = from_json(placed.story_revision.words)
        false = replace(before.lede[0], text="The Assembly met for 9,412 hours in all.")
        after = replace(before, overview=(*before.overview, false))
        session.execute(
            update(StoryRevision)
            .where(StoryRevision.id == placed.story_revision_id)
            .values(words=to_json(after))
        )


def plant_loaded(sessions: db.Sessions) -> None:
    """Put a loaded sentence of an article into the Overview of the Issue's Story that has the article."""
    with sessions.begin() as session:
        article = session.scalars(select(Article).where(Article.excerpt.contains("biggest victory"))).one()
        passage = next(x for x in split(article.excerpt) if "biggest victory" in x)
        placed = session.scalars(select(Placement).where(Placement.story_id == article.story_id)).one()
        before = from_json(placed.story_revision.words)
        loaded = Sentence(LOADED, (Citation(article.id, passage),))
        after = replace(before, overview=(*before.overview, loaded))
        session.execute(
            update(StoryRevision)
            .where(StoryRevision.id == placed.story_revision_id)
            .values(words=to_json(after))
        )


@pytest.fixture
def service(settings: Settings, sessions: db.Sessions, now: datetime) -> IssueService:
    return make_service(settings, sessions, now)


@dataclass
class Desk:
    """One operator's browser on the desk."""

    client: FlaskClient
    service: IssueService
    address: str
    operator_id: int = 0
    headers: dict[str, str] = field(default_factory=lambda: {"Sec-Fetch-Site": "same-origin"})

    def sign_in(self, duty: str = "manager") -> Desk:
        with self.service.sessions.begin() as session:
            operator = operators.add(session, self.address, now=self.service.clock())
            operator.duty = duty
            self.operator_id = operator.id
            link = operators.signin_link(operator, tokens=self.service.tokens, links=self.service.links)
        path = link.removeprefix(self.service.settings.SITE_URL)
        answer = self.submit(path, path)
        assert answer.status_code == 303, answer.text
        return self

    def get(self, path: str = "") -> TestResponse:
        return self.client.get(path if path.startswith("/") else f"/desk/{path}")

    def page(self, path: str = "") -> str:
        answer = self.get(path)
        assert answer.status_code == 200, answer.text
        return answer.text

    def fields(self, path: str, action: str = "") -> dict[str, str]:
        """The hidden fields of the form on ``path`` that leads to ``action``."""
        for form in re.findall(r"<form\b.*?</form>", self.page(path), re.S):
            if f'action="{action}"' in form:
                return {
                    name: unescape(value)
                    for name, value in re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', form)
                }
        raise AssertionError(f"{path} has no form for {action}")

    def submit(self, action: str, on: str, **values: str) -> TestResponse:
        """Press the button of the form for ``action`` on the page ``on``."""
        action = action if action.startswith("/") else f"/desk/{action}"
        return self.post(action, **{**self.fields(on, action), **values})

    def post(self, action: str, **values: str) -> TestResponse:
        action = action if action.startswith("/") else f"/desk/{action}"
        return self.client.post(action, data=values, headers=self.headers)


@pytest.fixture
def make_desk(make_site: Callable[..., Flask], service: IssueService) -> Callable[..., Desk]:
    """A browser on the desk, not signed in; keyword arguments change the Settings."""

    def make(address: str = "ed@example.com", **changes: Any) -> Desk:
        return Desk(make_site(**changes).test_client(), service, address)

    return make


@pytest.fixture
def desk(make_desk: Callable[..., Desk]) -> Desk:
    return make_desk().sign_in()


@pytest.fixture
def served(site: Flask) -> Iterator[str]:
    """The site on a port of its own, for a real browser."""
    server = make_server("127.0.0.1", 0, site, threaded=True)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def link(service: IssueService, served: str) -> str:
    with service.sessions.begin() as session:
        operator = operators.add(session, "ed@example.com", now=MORNING)
        made = operators.signin_link(operator, tokens=service.tokens, links=service.links)
    return made.replace(service.settings.SITE_URL, served)


@pytest.fixture
def page(chromium: Any, link: str) -> Iterator[Any]:
    """A signed-in browser."""
    context = chromium.new_context(java_script_enabled=True)
    one = context.new_page()
    one.goto(link)
    follow(one, one.get_by_role("button", name="Sign me in"))
    assert one.url.endswith("/desk/")
    yield one
    context.close()
