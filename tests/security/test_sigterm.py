"""SIGTERM at any moment to each long-running command: it exits within its grace and leaves no process behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import Engine, select

from newsletter import clock, db
from newsletter.cli.opening import GRACE
from newsletter.db.models import Delivery, Subscriber
from newsletter.delivery import ledger
from newsletter.settings import Settings
from tests.delivery.mailing import frozen_issue
from tests.prove.deployment import _CATALOGUE as NOBODY
from tests.servers.sendgrid_server import KEY, SendGridServer
from tests.shell import Shell

pytestmark = [pytest.mark.slow]
ROOT = Path(__file__).parents[2]
READERS = 60
LATEST = 6.0  # seconds after the start at which it is told; a command that ends by itself is over by then
# Told before its first line ran, Python ends by the signal; after that every command ends by itself.
MEANT = (0, -signal.SIGTERM)
MOMENTS = int(os.environ.get("MOMENTS", "1"))  # for each command; `make prove` asks for more


class Told:
    """Starts commands on one database; a SendGrid that takes its time is at the other end."""

    def __init__(self, folder: Path, engine: Engine, server: SendGridServer, settings: Settings) -> None:
        (folder / "outlets.toml").write_text(NOBODY)
        self.folder, self.engine, self.server = folder, engine, server
        self.sessions = db.make_sessions(engine)
        now = clock.system()
        self.issue_id = frozen_issue(self.sessions, settings, READERS, now=now, due_at=now, on=now.date())
        self.env = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "DATABASE_URL": engine.url.render_as_string(hide_password=False),
            "MAIL_PROVIDER": "sendgrid",
            "MAIL_FROM": "Evenhand <morning@example.com>",
            "SENDGRID_API_KEY": KEY,
            "SENDGRID_HOST": server.url,
            "BATCH_SIZE": "3",
            "EDITION_TZ": "UTC",
            "OUTLETS_FILE": str(folder / "outlets.toml"),
            "OPENBLAS_NUM_THREADS": "1",
        }

    def begin(self, *words: str) -> subprocess.Popen[bytes]:
        with open(self.folder / "said.txt", "ab") as said:
            return subprocess.Popen(
                [sys.executable, "-m", "newsletter", *words],
                cwd=self.folder, env=self.env, stdout=said, stderr=said, start_new_session=True,
            )  # fmt: skip

    def leave(self, process: subprocess.Popen[bytes]) -> int:
        process.send_signal(signal.SIGTERM)
        try:
            code = process.wait(GRACE.total_seconds() + 5)
        finally:
            left = session_of(process.pid)
            for pid in left:
                os.kill(pid, signal.SIGKILL)
        assert left == [], "a process was left behind"
        return code

    def states(self) -> Counter[str]:
        with db.reading(self.sessions) as session:
            assert ledger.sum_up(session, self.issue_id).adds_up
            return Counter(session.scalars(select(Delivery.state)))

    def finish(self, shell: Shell) -> None:
        self.server.fault = lambda number, body: None
        done = shell("step", "dispatch", cwd=self.folder, env=self.env)
        assert done.returncode == 0, done.stderr
        assert self.states() == {"accepted": READERS}
        with db.reading(self.sessions) as session:
            addresses = set(session.scalars(select(Subscriber.address)))
        assert Counter(m["to"] for m in self.server.mails) == dict.fromkeys(addresses, 1)


def session_of(pid: int) -> list[int]:
    """The processes that the one with this number started, and that still live."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == pid and fields[0] != "Z":
            found.append(int(stat.parent.name))
    return found


@pytest.fixture
def server() -> Iterator[SendGridServer]:
    def slowly(number: int, body: object) -> None:
        time.sleep(0.15)

    with SendGridServer(fault=slowly) as made:
        yield made


@pytest.fixture
def told(each_engine: Engine, server: SendGridServer, tmp_path: Path, settings: Settings) -> Told:
    return Told(tmp_path, each_engine, server, settings)


def wait_for(what: Callable[[], object], seconds: float = 30.0) -> None:
    ends = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < ends, "it did not begin"
        time.sleep(0.02)


@pytest.mark.parametrize("words", [("step", "dispatch"), ("schedule",), ("work", "--concurrency", "2")])
@pytest.mark.parametrize("seed", range(MOMENTS))
def test_who_hands_mail_over_ends_with_nothing_in_hand_and_nothing_in_doubt(
    told: Told, shell: Shell, words: tuple[str, ...], seed: int
) -> None:
    on_sqlite = told.engine.dialect.name == "sqlite"
    if on_sqlite is (words[0] == "work") and (on_sqlite or MOMENTS == 1):
        pytest.skip("workers need PostgreSQL; the others go there in make prove")
    if words[0] == "work":
        other = told.begin("schedule")
    chance = Random(f"{words}{seed}")
    process = told.begin(*words)
    if seed % 2 == 0:  # while batches are under way
        wait_for(lambda: len(told.server.bodies) > 1)
        time.sleep(chance.uniform(0, 0.5))
    else:
        time.sleep(chance.uniform(0, LATEST))
    code = told.leave(process)
    if words[0] == "work":
        assert told.leave(other) in MEANT
    assert code in MEANT
    states = told.states()
    assert states["submitting"] == 0
    assert states["uncertain"] == 0
    if seed % 2 == 0:
        assert states["pending"] > 0, "told in the middle"
    told.finish(shell)


@pytest.mark.parametrize("words", [("web",), ("run", "--sample")])
@pytest.mark.parametrize("seed", range(MOMENTS))
def test_who_serves_gives_the_port_back_and_leaves_no_process(
    tmp_path: Path, engine: Engine, words: tuple[str, ...], seed: int
) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    told = Told.__new__(Told)
    told.folder = tmp_path
    told.env = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "DATABASE_URL": str(engine.url),
        "HOME": str(tmp_path),
        "OPENBLAS_NUM_THREADS": "1",
    }
    process = told.begin(*words, "--port", str(port))
    if seed % 2 == 0:
        wait_for(lambda: answers(port), 90.0)
    else:
        time.sleep(Random(f"{words}{seed}").uniform(0, LATEST))
    assert told.leave(process) in MEANT
    with socket.socket() as again:
        again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        again.bind(("127.0.0.1", port))
    assert b"Traceback" not in (tmp_path / "said.txt").read_bytes()
    assert not list(tmp_path.rglob("*.ctl")), "nobody commands gunicorn through a file"


def answers(port: int) -> bool:
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0
