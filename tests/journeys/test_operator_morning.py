"""An operator's morning: the link from the command line, a look, a doubt, an approval, the copies on their way."""

from __future__ import annotations

import re
from html import unescape

import pytest
from click.testing import CliRunner
from flask.testing import FlaskClient

from newsletter import clock, db
from newsletter.app import create_app
from newsletter.cli import invented_readers
from newsletter.cli.main import cli
from newsletter.feeds import sample
from newsletter.jobs import pipeline
from newsletter.links import Links
from newsletter.settings import Settings
from newsletter.web.services import KEY
from tests.conftest import MORNING

HOME = "/desk/issues/2026-03-02"


def _press(browser: FlaskClient, page: str, action: str, **values: str) -> int:
    """Press the button of the form for ``action`` that stands on ``page``."""
    forms = re.findall(r"<form\b.*?</form>", browser.get(page).text, re.S)
    form = next(f for f in forms if f'action="{action}"' in f)
    hidden = re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', form)
    fields = {name: unescape(value) for name, value in hidden}
    return browser.post(action, data={**fields, **values}).status_code


@pytest.mark.slow
def test_from_the_printed_link_to_the_last_copy(
    settings: Settings, sessions: db.Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = create_app(settings, sessions=sessions, clock=clock.fixed(MORNING))
    service = app.extensions[KEY].issues
    invented_readers.add_readers(sessions, settings, now=MORNING)
    parts = pipeline.Parts(service, sample.catalogue(), sample.fetcher(MORNING), is_sample=True)
    for step in ("gather", "group", "summarize", "compose", "check"):
        pipeline.run_step(parts, step, due_at=MORNING)

    for name in ("DATABASE_URL", "OUTBOX_DIR", "SITE_URL"):
        monkeypatch.setenv(name, str(getattr(settings, name)))
    monkeypatch.setenv("SECRET_KEY", settings.SECRET_KEY.get_secret_value())
    said = CliRunner().invoke(cli, ["operator", "add", "ed@example.com", "--now", MORNING.isoformat()])
    assert said.exit_code == 0, said.output
    link = next(w for w in said.output.split() if w.startswith(Links(settings.SITE_URL).desk_signin("")))

    browser = app.test_client()
    assert browser.get("/desk/").headers["Location"] == "/desk/signin"
    path = link.removeprefix(settings.SITE_URL)
    assert _press(browser, path, path) == 303
    assert browser.get("/desk/").status_code == 200

    assert _press(browser, HOME, f"{HOME}/hold", reason="A name looks wrong.") == 303
    pipeline.run_step(parts, "dispatch", due_at=MORNING)
    assert "Nothing was mailed yet." in browser.get("/desk/outbox").text

    assert _press(browser, HOME, f"{HOME}/resume") == 303
    assert _press(browser, HOME, f"{HOME}/approve") == 303
    service.dispatch(MORNING.date())
    assert "It adds up: 2 = 0 pending" in browser.get(f"{HOME}/dispatch").text
    assert browser.get("/desk/outbox").text.count("delivery-") >= 2

    trail = re.findall(r"<b>ed@example.com</b> ([\w ]+?) ?[<(]", browser.get("/desk/audit").text)
    assert [act.strip() for act in trail] == ["approved", "resumed", "held", "signed in"]
    assert _press(browser, "/desk/", "/desk/signout") == 303
    assert browser.get(HOME).status_code == 303
