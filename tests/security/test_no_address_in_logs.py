"""No reader's and no operator's address is ever written to standard output, standard error or a log: a whole day and its site, looked through."""

from __future__ import annotations

import logging
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from newsletter import clock, db
from newsletter.app import create_app
from newsletter.cli import invented_readers, opening
from newsletter.db.models import Subscriber
from newsletter.delivery import providers
from newsletter.issues.service import IssueService
from newsletter.jobs import pipeline
from newsletter.links import Links
from newsletter.subscribers import pending_requests
from newsletter.subscribers.tokens import CONFIRM, UNSUBSCRIBE, Tokens, subject_of
from newsletter.web.http import bot_timing

ROOT = Path(__file__).parents[2]
OPERATOR = "chief.editor@desk.example.org"
READER = "zelda.quill@mail.example.net"
NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
KNOWN = (OPERATOR, READER, *invented_readers.READERS)
# In whatever dress: the part before the @ is enough to know somebody.
THEIRS = re.compile("|".join(re.escape(a.split("@")[0]) for a in KNOWN), re.IGNORECASE)


@pytest.mark.slow
def test_a_whole_day_by_the_command_line(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "newsletter", "run", "--once", "--sample", "--now", NOW.isoformat()],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "OPERATORS": OPERATOR},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    mails = list((tmp_path / "var" / "outbox").rglob("*.eml"))
    assert any(THEIRS.search(m.read_text()) for m in mails), "the day did mail these readers"
    assert "dispatch" in done.stdout
    assert "step.finished" in done.stderr
    assert THEIRS.search(done.stdout + done.stderr) is None
    for file in tmp_path.rglob("*.log"):
        assert THEIRS.search(file.read_text()) is None


@pytest.mark.slow
def test_signing_up_and_leaving_on_the_site(
    settings,
    sessions,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    caplog.set_level(logging.DEBUG)
    settings = settings.model_copy(update={"OPERATORS": OPERATOR})
    fixed = clock.fixed(NOW)
    links, tokens = Links(settings.SITE_URL), Tokens(settings.SECRET_KEY.get_secret_value(), clock=fixed)
    browser = create_app(settings, sessions=sessions, clock=fixed).test_client()
    form = browser.get("/signup").get_data(as_text=True)
    given = dict(re.findall(r'<input[^>]*type="hidden"[^>]*name="([^"]+)"[^>]*value="([^"]*)"', form))
    monkeypatch.setattr(bot_timing, "SHORTEST_FILL", timedelta(0))  # this clock stands still
    for address in (READER, READER, READER.upper(), f"{READER}\r\nBcc: {OPERATOR}", f"<{READER}"):
        browser.post("/signup", data={**given, "address": address, "hour": "6", "zone": settings.EDITION_TZ})
    pending_requests.run(sessions, settings, clock=fixed)
    with db.reading(sessions) as session:
        reader = session.query(Subscriber).filter_by(address=READER).one()
    subject = subject_of(reader.id, reader.address_hash)
    assert browser.post(f"/confirm/{tokens.make(CONFIRM, subject)}").status_code == 200
    leave = f"/unsubscribe/{tokens.make(UNSUBSCRIBE, subject)}"
    assert browser.get(leave).status_code == 200
    assert browser.post(leave).status_code == 200
    assert browser.get(f"/unsubscribe/{READER}").status_code == 404
    service = IssueService(settings, sessions, fixed, links, tokens, providers.make(settings, now=fixed))
    for step, later in (("settle", 0), ("lapse", 0), ("settle", 1)):
        pipeline.run_step(opening.open_sample(service), step, due_at=NOW + timedelta(minutes=later))
    assert any(READER in m.read_text() for m in settings.OUTBOX_DIR.rglob("*.eml")), "it was mailed"
    out, err = capfd.readouterr()
    assert "signup.confirmed" in err, "what is looked through is the log"
    assert THEIRS.search(out + err + caplog.text) is None
