"""Schemathesis against every operation of ``/openapi.json``, on a site with something at its addresses: never a 5xx.

Hypothesis makes up paths, queries, headers and forms from the description and against it. Every second form carries the
token of its page, so that what lies behind the wall is reached as well.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, Phase, given
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import content_type_conformance, status_code_conformance
from sqlalchemy import select

from newsletter import clock, db
from newsletter.app import create_app
from newsletter.db.models import Issue, Story
from newsletter.settings import Settings
from newsletter.subscribers.tokens import CHECKOUT, CONFIRM, UNSUBSCRIBE
from newsletter.web.http.csrf import form_token
from tests.conftest import MORNING
from tests.servers.event_signing import Signer
from tests.subscribers.readers import KEY, link_for, make_reader

CHECKS = (not_a_server_error, status_code_conformance, content_type_conformance)
EXAMPLES = int(os.environ.get("OPENAPI_EXAMPLES", "6"))  # of each operation; `make prove` asks for many
FORMS = {"/signup": "signup", "/signin": "signin", "/checkout/done": "checkout-done",
         "/stories/{slug}": "read", "/stories/{slug}/report": "report"}  # fmt: skip
LEFT_OUT = ("/desk", "/static")


@pytest.fixture(scope="module")
def site(_published_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    folder = tmp_path_factory.mktemp("openapi")
    shutil.copy(_published_sqlite, folder / "newsletter.db")
    settings = Settings(
        _env_file=None,
        DATABASE_URL=f"sqlite:///{folder}/newsletter.db",
        OUTBOX_DIR=folder / "outbox",
        SECRET_KEY=KEY,
        SENDGRID_WEBHOOK_KEY=Signer().public,
    )  # type: ignore[call-arg]
    engine = db.make_engine(settings.DATABASE_URL)
    yield create_app(settings, sessions=db.make_sessions(engine), clock=clock.fixed(MORNING))
    engine.dispose()


@pytest.fixture(scope="module")
def real(site: Flask) -> dict[str, list[str]]:
    """What is really there, by the name of the variable."""
    sessions = site.extensions["newsletter"].sessions
    reader = make_reader(sessions, MORNING)
    with db.reading(sessions) as session:
        return {
            "slug": list(session.scalars(select(Story.slug).limit(3))),
            "day": [d.isoformat() for d in session.scalars(select(Issue.issued_on))],
            "token": [link_for(reader, purpose, MORNING) for purpose in (CONFIRM, UNSUBSCRIBE, CHECKOUT)],
        }


def described(site: Flask) -> Any:
    return schemathesis.openapi.from_wsgi("/openapi.json", site)


def test_every_public_address_is_described(site: Flask) -> None:
    told = site.test_client().get("/openapi.json").json["paths"]
    there = {
        (re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule), method.lower())
        for rule in site.url_map.iter_rules()
        if not rule.rule.startswith(LEFT_OUT)
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert {(path, method) for path, methods in told.items() for method in methods} == there
    assert len(there) > 40
    assert all(o["summary"] for methods in told.values() for o in methods.values())


def attack(operation: Any, site: Flask, real: dict[str, list[str]], reached: dict[str, set[int]]) -> None:
    """Requests made up for one operation; the statuses they met with go into ``reached``."""
    form = FORMS.get(operation.path) if operation.method == "post" else None

    @hypothesis.settings(
        max_examples=EXAMPLES,
        deadline=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(), chosen=st.data())
    def ask(case: Any, chosen: Any) -> None:
        for name in case.path_parameters:
            if name in real and chosen.draw(st.booleans()):
                case.path_parameters[name] = chosen.draw(st.sampled_from(real[name]))
        if form and isinstance(case.body, dict) and chosen.draw(st.booleans()):
            with site.test_request_context():
                case.body["form_token"] = form_token(form)
        answer = case.call()
        case.validate_response(answer, checks=CHECKS)
        reached.setdefault(f"{case.method} {operation.path}", set()).add(answer.status_code)

    ask()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of the tool's own
def test_no_request_made_up_from_the_description_breaks_anything(
    site: Flask, real: dict[str, list[str]]
) -> None:
    reached: dict[str, set[int]] = {}
    for found in described(site).get_all_operations():
        attack(found.ok(), site, real, reached)
    assert not any(status >= 500 for statuses in reached.values() for status in statuses)
    # That it goes behind the doors: pages that are there were found, and forms got past their tokens.
    assert 200 in reached["GET /stories/{slug}"]
    assert {200, 422} & reached["POST /signup"]


@pytest.mark.parametrize("path", ["/stories/%00", "/issues/%ff", "/static/..%2f..%2fsettings.py", "/%0d%0aX: 1", "//evil.example/",
                                  "/confirm/" + "a" * 8_000, "/issues/9999999-01-01", "/stories/" + "%F0%9F%92%A9" * 500])  # fmt: skip
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PROPFIND"])
def test_odd_paths_and_methods_are_refused_politely(site: Flask, path: str, method: str) -> None:
    answer = site.test_client().open(path, method=method)
    assert answer.status_code < 500
    assert "X" not in answer.headers
    assert "evil.example" not in answer.headers.get("Location", "")
