"""An unsubscribe that the database cannot take is kept in the spool and applied later."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given
from hypothesis import settings as settings_of
from hypothesis import strategies as st
from sqlalchemy import Engine, event, select, text

from newsletter import clock, db
from newsletter.app import create_app
from newsletter.cli import opening
from newsletter.db import locking
from newsletter.db.models import Subscriber
from newsletter.jobs import pipeline
from newsletter.settings import Settings
from newsletter.subscribers.tokens import SIGNIN, UNSUBSCRIBE, subject_of
from newsletter.subscribers.unsubscribing import spool
from tests.conftest import MORNING
from tests.security.test_machine_troubles import OwnServer, own_server  # noqa: F401 - a fixture
from tests.subscribers.readers import link_for, make_reader
from tests.web.sample_site import UNTIL_APPROVED, service_with

ONE_CLICK = {"List-Unsubscribe": "One-Click"}


@pytest.fixture(autouse=True)
def _short_wait_for_locks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locking, "SHORT_LOCK_WAIT", 0.2)


def left_at(sessions: db.Sessions, reader: Subscriber) -> datetime | None:
    with db.reading(sessions) as session:
        return session.scalar(select(Subscriber.unsubscribed_at).where(Subscriber.id == reader.id))


def site(settings: Settings, sessions: db.Sessions, now: datetime) -> FlaskClient:
    return create_app(settings, sessions=sessions, clock=clock.fixed(now)).test_client()


def waits(settings: Settings) -> int:
    return len(list(settings.LEAVING_DIR.glob("*")))


def gone_within(seconds: float, settings: Settings) -> bool:
    deadline = time.monotonic() + seconds
    while waits(settings) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not waits(settings)


@pytest.mark.slow
def test_while_sqlite_is_locked(
    engine: Engine, sessions: db.Sessions, settings: Settings, now: datetime
) -> None:
    ann, bo = make_reader(sessions, now), make_reader(sessions, now, "bo@example.com")
    browser = site(settings, sessions, now)
    engine.dispose()
    other = db.make_engine(str(engine.url))
    with other.begin():  # takes the write lock
        for reader in (ann, bo):
            address = f"/unsubscribe/{link_for(reader, UNSUBSCRIBE, now)}"
            assert browser.get(address).status_code == 200
            for _ in range(2):  # a mail program may press twice
                answer = browser.post(address, data=ONE_CLICK, content_type="multipart/form-data")
                assert answer.status_code == 200
                assert "You are unsubscribed" in answer.text
        assert waits(settings) == 2
        kept = "".join(p.read_text() for p in settings.LEAVING_DIR.iterdir())
        assert "example.com" not in kept
        assert left_at(sessions, ann) is None
    other.dispose()
    assert gone_within(20, settings), "the site retries by itself, without any scheduler"
    assert left_at(sessions, ann) == left_at(sessions, bo) == now


def test_who_meant_to_stop_paying_as_well_finds_the_button_for_it_again(
    engine: Engine, sessions: db.Sessions, settings: Settings, now: datetime
) -> None:
    ann = make_reader(sessions, now)
    browser = site(settings, sessions, now)
    address = f"/unsubscribe/{link_for(ann, UNSUBSCRIBE, now)}"
    engine.dispose()
    other = db.make_engine(str(engine.url))
    with other.begin():
        paying = browser.post(address, data={"payment": "cancel"}).text
        others = browser.post(address).text
    other.dispose()
    assert "You’re still being charged." in paying
    assert f'<form class="panel" method="post" action="{address}">' in paying
    assert "Cancel payment too</button>" in paying
    assert "paying" not in others


@pytest.mark.slow
def test_on_a_full_disk_it_is_kept_or_said_with_a_time_to_come_back(
    engine: Engine, sessions: db.Sessions, settings: Settings, now: datetime
) -> None:
    """SQLite has no page left; then the folder cannot take a file either."""
    reader = make_reader(sessions, now)
    address = f"/unsubscribe/{link_for(reader, UNSUBSCRIBE, now)}"
    full = True

    @event.listens_for(engine, "before_cursor_execute")
    def _refuse(_c: object, _k: object, statement: str, *_: object) -> None:
        if full and statement.startswith("UPDATE"):
            import sqlite3

            raise sqlite3.OperationalError("database or disk is full")

    blocked = settings.model_copy(update={"LEAVING_DIR": settings.OUTBOX_DIR / "a-file" / "below"})
    blocked.OUTBOX_DIR.mkdir()
    (blocked.OUTBOX_DIR / "a-file").write_text("")
    refused = site(blocked, sessions, now).post(address, data=ONE_CLICK)
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "30")
    assert "unsubscribed" not in refused.text
    assert site(settings, sessions, now).post(address, data=ONE_CLICK).status_code == 200
    assert waits(settings) == 1
    full = False
    assert gone_within(20, settings)
    assert left_at(sessions, reader) == now


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("mount"), reason="only root may mount a small disk")
def test_a_folder_on_a_disk_that_is_really_full_keeps_no_half_file(tmp_path: Path, now: datetime) -> None:
    disk = tmp_path / "small"
    disk.mkdir()
    if os.system(f"mount -t tmpfs -o size=4k tmpfs {disk} 2>/dev/null"):
        pytest.skip("nothing may be mounted here")
    try:
        (disk / "fill").write_bytes(b"x" * 4096)
        with pytest.raises(OSError, match="space"):
            spool.store(disk, "7.0123456789abcdef", now=now)
        assert [p.name for p in disk.iterdir()] == ["fill"]
    finally:
        os.system(f"umount {disk}")


@pytest.mark.postgres
@pytest.mark.filterwarnings("ignore")  # of the package that carries the server
def test_while_postgresql_is_away(own_server: OwnServer, settings: Settings, now: datetime) -> None:
    engine = db.make_engine(own_server.uri)
    db.upgrade(engine)
    sessions = db.make_sessions(engine)
    reader = make_reader(sessions, now)
    browser = site(settings, sessions, now)
    address = f"/unsubscribe/{link_for(reader, UNSUBSCRIBE, now)}"
    own_server.stop()
    page = browser.get(address)
    assert page.status_code == 200
    assert f'action="{address}"' in page.text, "the button is there without a database"
    assert browser.post(address, data=ONE_CLICK).status_code == 200
    assert waits(settings) == 1
    own_server.start()
    assert gone_within(30, settings)
    assert left_at(sessions, reader) == now
    engine.dispose()


@pytest.mark.postgres
def test_while_the_readers_row_is_held_in_postgresql(
    postgres_url: str, settings: Settings, now: datetime
) -> None:
    engine = db.make_engine(postgres_url)
    db.upgrade(engine)
    sessions = db.make_sessions(engine)
    reader = make_reader(sessions, now)
    browser = site(settings, sessions, now)
    with engine.begin() as other:
        other.execute(text("SELECT 1 FROM subscriber FOR UPDATE"))
        answer = browser.post(f"/unsubscribe/{link_for(reader, UNSUBSCRIBE, now)}", data=ONE_CLICK)
        assert answer.status_code == 200
        assert waits(settings) == 1
    assert gone_within(20, settings)
    assert left_at(sessions, reader) == now
    engine.dispose()


@pytest.fixture
def locked(engine: Engine) -> Iterator[None]:
    engine.dispose()
    other = db.make_engine(str(engine.url))
    with other.begin():
        yield
    other.dispose()


def test_only_a_link_of_ours_is_kept(
    sessions: db.Sessions, settings: Settings, now: datetime, request: pytest.FixtureRequest
) -> None:
    reader = make_reader(sessions, now)
    request.getfixturevalue("locked")
    browser = site(settings, sessions, now)
    good = link_for(reader, UNSUBSCRIBE, now)
    for token in ("x", good[:-2], good[1:], link_for(reader, SIGNIN, now), "%00", "a" * 600):
        assert browser.post(f"/unsubscribe/{token}", data=ONE_CLICK).status_code in (404, 503)
    assert waits(settings) == 0


def test_a_later_word_of_the_reader_counts(sessions: db.Sessions, settings: Settings, now: datetime) -> None:
    """Undone on the page, confirmed anew, erased, unsubscribed already: what was kept does not come on top."""
    folder = settings.LEAVING_DIR
    undone = make_reader(sessions, now)
    anew = make_reader(sessions, now, "b@example.com", confirmed_at=now + timedelta(minutes=2))
    already = make_reader(sessions, now, "c@example.com", unsubscribed_at=now - timedelta(days=1))
    for reader in (undone, anew, already):
        spool.store(folder, subject_of(reader.id, reader.address_hash), now=now)
    spool.store(folder, "999.0123456789abcdef", now=now)
    (folder / "broken.leaving").write_text("\0")
    browser = create_app(settings, sessions=sessions, clock=clock.fixed(now))
    spool.discard(folder, subject_of(undone.id, undone.address_hash))
    browser.test_client().post(f"/unsubscribe/{link_for(undone, UNSUBSCRIBE, now)}/undo")
    spool.apply_all(sessions, folder)
    assert [left_at(sessions, r) for r in (undone, anew, already)] == [None, None, now - timedelta(days=1)]
    assert sorted(p.suffix for p in folder.iterdir()) == [".unknown", ".unreadable"], "left for people"


def test_a_file_that_cannot_be_read_holds_up_nobody_elses_wish(
    sessions: db.Sessions, settings: Settings, now: datetime
) -> None:
    reader = make_reader(sessions, now)
    (settings.LEAVING_DIR / "a-folder.leaving").mkdir(parents=True)
    spool.store(settings.LEAVING_DIR, subject_of(reader.id, reader.address_hash), now=now)
    assert spool.apply_all(sessions, settings.LEAVING_DIR) == 1
    assert left_at(sessions, reader) == now
    assert [p.name for p in settings.LEAVING_DIR.iterdir()] == ["a-folder.unreadable"]


def die_before(call: str, folder: Path, subject: str) -> None:
    """A process that is killed with SIGKILL when it is about to do that, in the middle of keeping a wish."""
    program = (
        "import os, sys, signal; from pathlib import Path; from datetime import datetime, UTC\n"
        f"os.{call} = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
        "from newsletter.subscribers.unsubscribing import spool\n"
        "spool.store(Path(sys.argv[1]), sys.argv[2], now=datetime.fromisoformat(sys.argv[3]))"
    )
    done = subprocess.run([sys.executable, "-c", program, folder, subject, MORNING.isoformat()], check=False)
    assert done.returncode == -signal.SIGKILL


@pytest.mark.slow
def test_what_a_killed_process_left_half_written_is_taken_up_when_it_is_whole_and_goes_when_not(
    sessions: db.Sessions, settings: Settings, now: datetime
) -> None:
    """Once nobody can be writing at it any more."""
    folder = settings.LEAVING_DIR
    whole, cut = make_reader(sessions, now), make_reader(sessions, now, "bo@example.com")
    die_before("replace", folder, subject_of(whole.id, whole.address_hash))
    die_before("fsync", folder, subject_of(cut.id, cut.address_hash))
    halves = sorted(folder.glob(".*.half"), key=lambda p: p.stat().st_mtime)
    assert len(halves) == 2
    written = halves[1].read_text()
    halves[1].write_text(written[:-7])  # not all of it was on the disk
    (folder / ".list.half").write_text('{"leavers": 1}\n')
    real = datetime.now(UTC)
    assert spool.clean_up(folder, now=real + timedelta(minutes=50)) == 0, "somebody may be writing"
    assert waits(settings) == 3
    assert spool.clean_up(folder, now=real + timedelta(minutes=70)) == 3
    assert [p.suffix for p in folder.iterdir()] == [".leaving"]
    assert spool.apply_all(sessions, folder) == 1
    assert left_at(sessions, whole) == now
    assert left_at(sessions, cut) is None
    assert waits(settings) == 0


@pytest.mark.slow
@pytest.mark.parametrize("step", ["dispatch", "settle"])
def test_each_step_that_mails_takes_up_who_left_first(
    sessions: db.Sessions, settings: Settings, now: datetime, step: str
) -> None:
    """By the tick, by hand or in a worker: whoever waits in the folder gets nothing more."""
    make_reader(sessions, now, "stays@example.com", hour=3)
    reader = make_reader(sessions, now, "goes@example.com", hour=3)
    parts = opening.open_sample(service_with(sessions, settings, clock.fixed(now)))
    for earlier in UNTIL_APPROVED:
        pipeline.run_step(parts, earlier, due_at=now)
    spool.store(settings.LEAVING_DIR, subject_of(reader.id, reader.address_hash), now=now)
    pipeline.run_step(parts, step, due_at=now)
    assert left_at(sessions, reader) == now
    mails = [p.read_text() for p in settings.OUTBOX_DIR.glob("delivery-*.eml")]
    assert not [m for m in mails if "goes@example.com" in m]
    assert (step == "settle") or [m for m in mails if "stays@example.com" in m]


def test_several_processes_that_carry_at_once_do_not_stumble_over_each_other(
    sessions: db.Sessions, settings: Settings, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locking, "SHORT_LOCK_WAIT", 30.0)
    readers = [make_reader(sessions, now, f"r{n}@example.com") for n in range(30)]
    for reader in readers:
        spool.store(settings.LEAVING_DIR, subject_of(reader.id, reader.address_hash), now=now)
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda _: spool.apply_all(sessions, settings.LEAVING_DIR), range(4)))
    assert sum(done) == 30
    assert waits(settings) == 0
    assert all(left_at(sessions, reader) == now for reader in readers)


SUBJECTS = st.from_regex(r"[0-9]{1,18}\.[0-9a-f]{16}", fullmatch=True)


@settings_of(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(subject=SUBJECTS, other=SUBJECTS, seconds=st.integers(0, 10**9))
def test_any_two_readers_are_two_files_and_one_reader_is_one(
    tmp_path_factory: pytest.TempPathFactory, subject: str, other: str, seconds: int
) -> None:
    folder = tmp_path_factory.mktemp("leaving")
    for who in (subject, other, subject):
        spool.store(folder, who, now=MORNING + timedelta(seconds=seconds))
    assert len(list(folder.iterdir())) == len({subject, other})
    said = {tuple(p.read_text().split()) for p in folder.iterdir()}
    assert said == {(who, (MORNING + timedelta(seconds=seconds)).isoformat()) for who in (subject, other)}
