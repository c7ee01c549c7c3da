"""What breaks is told without anybody's address, link, cookie or key, and no one writes lines into our log."""

from __future__ import annotations

import json
import logging
import re
from datetime import datetime
from io import StringIO
from typing import Any

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from newsletter import clock, db, log
from newsletter.app import create_app
from newsletter.settings import Settings
from newsletter.subscribers import signin, signup
from newsletter.subscribers.tokens import CHECKOUT, CONFIRM, SIGNIN, UNSUBSCRIBE
from newsletter.subscribers.unsubscribing import unsubscribe as leaving
from newsletter.web.http.bot_timing import page_made
from newsletter.web.http.csrf import form_token
from tests.subscribers.readers import link_for, make_reader

READER = "zelda.quill@mail.example.net"


@pytest.fixture
def links(settings: Settings, sessions: db.Sessions, now: datetime) -> dict[str, str]:
    reader = make_reader(sessions, now, address=READER)
    return {purpose: link_for(reader, purpose, now) for purpose in (CONFIRM, UNSUBSCRIBE, SIGNIN, CHECKOUT)}


def _press_everything(
    settings: Settings, sessions: db.Sessions, now: datetime, links: dict[str, str]
) -> list[int]:
    """Every form that carries something secret or personal; the statuses of the answers."""
    site = create_app(settings, sessions=sessions, clock=clock.fixed(now))
    with site.test_request_context():
        made = page_made()
        forms = {name: form_token(name) for name in ("signup", "signin", "desk-signin", "account")}
    browser = site.test_client()
    for cookie in ("reader", "desk", "meter"):
        browser.set_cookie(cookie, f"{cookie}-c00kie-secret")
    asked = [
        (
            "/signup",
            {"form_token": forms["signup"], "made": made, "address": READER, "hour": "6", "zone": "UTC"},
        ),
        ("/signin", {"form_token": forms["signin"], "made": made, "address": READER}),
        ("/desk/signin", {"form_token": forms["desk-signin"], "address": READER}),
        (f"/confirm/{links[CONFIRM]}", {}),
        (f"/signin/{links[SIGNIN]}", {}),
        (f"/checkout/{links[CHECKOUT]}", {}),
        (f"/unsubscribe/{links[UNSUBSCRIBE]}", {"List-Unsubscribe": "One-Click"}),
        ("/account", {"form_token": forms["account"]}),
    ]
    return [a.status_code for path, form in asked for a in (browser.post(path, data=form), browser.get(path))]


def test_faults_of_ours_and_of_the_database_name_nobody_and_no_secret(
    settings: Settings, engine: Engine, sessions: db.Sessions, now: datetime, links: dict[str, str],
    capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    caplog.set_level(logging.DEBUG)

    def breaks(*given: Any, **named: Any) -> None:
        raise RuntimeError(f"broken at {READER} with {given[1:2]}")

    with monkeypatch.context() as patched:
        for room, name in ((signup, "ask"), (signin, "ask_for_link"), (leaving, "unsubscribe")):
            patched.setattr(room, name, breaks)
        broken = _press_everything(settings, sessions, now, links)
    with engine.begin() as connection:
        for table in ("notice", "sign_in", "used_token"):
            connection.execute(text(f"DROP TABLE {table}"))
    broken += _press_everything(settings, sessions, now, links)
    assert 500 in broken
    assert 503 in broken
    out, err = capfd.readouterr()
    said = out + err + caplog.text
    assert "page.failed" in said
    assert "page.database_failed" in said
    assert "Traceback" in said, "whoever looks after it has the trace"
    assert "zelda" not in said
    secrets = [*links.values(), "c00kie-secret", settings.SECRET_KEY.get_secret_value()]
    assert [s for s in secrets if s in said] == []


def test_a_statement_that_fails_does_not_repeat_its_values(each_engine: Engine) -> None:
    with each_engine.connect() as connection, pytest.raises(DBAPIError) as refused:
        connection.execute(text("INSERT INTO nothing_of_that_name VALUES (:address)"), {"address": READER})
    assert READER not in str(refused.value)


@pytest.mark.parametrize("as_json", [True, False])
def test_nobody_writes_lines_into_the_log(as_json: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    heard = StringIO()
    monkeypatch.setattr("sys.stderr", heard)
    log.configure(json=as_json)
    evil = 'a\n{"event": "approved"}\r\x1b[2Jb\x9b2J\u202ec\u2028d'
    log.get("web").warning(
        "x.happened", reason=evil, nested={evil: [evil, {READER: READER}]}, other=Exception(READER)
    )
    logging.getLogger("stranger").warning("said %s", f"{evil} {READER}")
    said = heard.getvalue()
    lines = said.strip().splitlines()
    assert len(lines) == 2
    assert "zelda" not in said
    # A terminal's own colours are the only control characters.
    assert (
        re.findall(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e]", re.sub(r"\x1b\[[0-9;]*m", "", said)) == []
    )
    if as_json:
        assert [json.loads(line)["event"].split()[0] for line in lines] == ["x.happened", "said"]
