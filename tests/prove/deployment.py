"""One database with its settings, a running site, the two servers of providers, and the commands that run on it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from sqlalchemy import select

from newsletter import db
from newsletter.db.models import Delivery, Issue
from tests.prove.child import Orders, run
from tests.prove.clockwork import Clockwork

ROOT = Path(__file__).parents[2]
SECRET = "a-key-for-the-proof-of-32-letters-or-more"
BATCH = 4  # Deliveries; several such are under way at once
_CATALOGUE = """[[outlet]]
name = "Nobody's Gazette"
homepage = "http://127.0.0.1:9/"
lean = "center"
lean_basis = "invented for the proof; nothing listens there"
feeds = ["http://127.0.0.1:9/feed"]
"""

_UPGRADING = threading.Lock()  # Alembic keeps one context for the whole process
_forks = get_context("forkserver")
_forks.set_forkserver_preload(["tests.prove.child"])


class Helper:
    """A process that is never killed and does what one line of JSON asks."""

    def __init__(self, module: str, *words: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, *words],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.port = int(self._hear()["port"])

    def ask(self, do: str, **more: Any) -> Any:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"do": do, **more}) + "\n")
        self._process.stdin.flush()
        return self._hear()

    def _hear(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("a far side ended by itself")
        return json.loads(line)

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(20)
        self._process.stdout.close()


@dataclass
class Child:
    """A command that was forked. ``begun`` hears when its dispatch stands before the first claim."""

    process: BaseProcess
    begun: Any

    @property
    def pid(self) -> int:
        assert self.process.pid is not None
        return self.process.pid

    def wait(self, seconds: float = 90.0) -> int:
        """Its exit code; negative: the signal it died of."""
        self.process.join(seconds)
        if self.process.exitcode is None:
            self.kill()
            raise RuntimeError("a command did not end in time")
        self.begun.close()
        return self.process.exitcode

    def kill(self, how: int = signal.SIGKILL) -> None:
        with suppress(ProcessLookupError):
            os.kill(self.pid, how)

    def wait_begun(self, seconds: float = 30.0) -> bool:
        """False when it ended without beginning."""
        try:
            return bool(self.begun.poll(seconds) and self.begun.recv_bytes())
        except (EOFError, OSError):
            return False

    def wait_frozen(self, seconds: float = 30.0) -> bool:
        """Until it is stopped; False when it ended instead."""
        ends = time.monotonic() + seconds
        while time.monotonic() < ends and self.process.exitcode is None:
            with suppress(OSError):
                if Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T":
                    return True
            time.sleep(0.002)
        return False


@dataclass
class Deployment:
    folder: Path
    url: str
    seed: str
    start: datetime
    mutant: str = ""
    pg_bin: str = ""
    logs: Path = field(init=False)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.logs = self.folder / "log.txt"
        self.clock = Clockwork(self.folder / "clock", self.start)
        (self.folder / "outlets.toml").write_text(_CATALOGUE)
        engine = db.make_engine(self.url)
        with _UPGRADING:
            db.upgrade(engine)
        self.sessions = db.make_sessions(engine)
        self.sendgrid = Helper("tests.prove.sendgrid_process", str(self.folder / "sendgrid.jsonl"), self.seed)
        self.smtp = Helper("tests.prove.smtp_process", str(self.folder / "smtp.jsonl"), self.seed)
        self._key = self.sendgrid.ask("key")
        self._site: subprocess.Popen[bytes] | None = None
        self.site = ""
        self._said = 0
        self._children: list[Child] = []

    # --- what runs ---

    def open_site(self) -> None:
        """The site itself, under gunicorn, so that events reach us as they do in production."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.site = f"http://127.0.0.1:{port}"
        with open(self.folder / "site.txt", "ab") as log:
            self._site = subprocess.Popen(
                [sys.executable, "-m", "newsletter", "web", "--port", str(port), "--workers", "1"],
                cwd=self.folder,
                env={**self.env("sendgrid"), "PYTHONPATH": str(ROOT)},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        ends = time.monotonic() + 60
        while time.monotonic() < ends:
            with suppress(OSError), urllib.request.urlopen(f"{self.site}/healthz", timeout=5):
                self.sendgrid.ask("site", url=self.site)
                return
            time.sleep(0.1)
        raise RuntimeError("the site did not come up")

    def close(self) -> None:
        for child in self._children:  # none is left behind when the proof itself is interrupted
            if child.process.exitcode is None:
                child.kill()
                child.process.join(10)
        if self._site is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._site.pid, signal.SIGTERM)
            self._site.wait(40)
        self.sendgrid.close()
        self.smtp.close()
        self.sessions.kw["bind"].dispose()

    def env(self, provider: str) -> dict[str, str]:
        path = os.environ.get("PATH", "/usr/bin:/bin")
        return {
            "PATH": f"{self.pg_bin}:{path}" if self.pg_bin else path,
            "DATABASE_URL": self.url,
            "SECRET_KEY": SECRET,
            "MAIL_PROVIDER": provider,
            "MAIL_FROM": "Evenhand <morning@example.com>",
            "SENDGRID_API_KEY": "SG.prove.{order}",
            "SENDGRID_HOST": f"http://127.0.0.1:{self.sendgrid.port}",
            "SENDGRID_WEBHOOK_KEY": self._key,
            "SMTP_URL": f"smtp://prove.{{order}}:prove@127.0.0.1:{self.smtp.port}?starttls=never&connections=3",
            "BATCH_SIZE": str(BATCH),
            "OUTLETS_FILE": str(self.folder / "outlets.toml"),
            "FENCE_DIR": str(self.folder / "fence"),
            "LEAVING_DIR": str(self.folder / "leaving"),
            "OUTBOX_DIR": str(self.folder / "outbox"),
            "SITE_URL": self.site or "http://127.0.0.1:8000",
        }

    def fork(self, *argv: str, provider: str = "sendgrid", **orders: Any) -> Child:
        """Begin a command in a fork of the warm parent."""
        here, there = _forks.Pipe(duplex=False)
        told = Orders(
            argv=argv,
            env=self.env(provider),
            folder=str(self.folder),
            log=str(self.logs),
            clock=str(self.folder / "clock"),
            **{"mutant": self.mutant, **orders},
        )
        process = _forks.Process(target=run, args=(told, there))
        process.start()
        there.close()
        child = Child(process, here)
        self._children = [*(c for c in self._children if c.process.exitcode is None), child]
        return child

    def do(self, *argv: str, provider: str = "sendgrid", **orders: Any) -> tuple[int, str]:
        """Do a command to its end: exit code and what it printed."""
        self._said += 1
        out = self.folder / f"said-{self._said}.txt"
        code = self.fork(*argv, provider=provider, out=str(out), **orders).wait()
        said = out.read_text() if out.exists() else ""
        out.unlink(missing_ok=True)
        return code, said

    def cold(self, order: str, *argv: str) -> subprocess.Popen[bytes]:
        """The command as an operator starts it: a new interpreter, nothing of ours in it; only its clock is set by ``--now``."""
        words = [sys.executable, "-m", "newsletter", *argv, "--now", self.clock.now().isoformat()]
        env = {**self.env("sendgrid"), "PYTHONPATH": str(ROOT), "ORDER": order}
        name = "SENDGRID_API_KEY=SG.prove.$$.$ORDER; export SENDGRID_API_KEY; exec "
        with open(self.logs, "ab") as log:
            return subprocess.Popen(
                ["/bin/sh", "-c", name + '"$@"', "sh", *words],
                cwd=self.folder,
                env=env,
                stdout=log,
                stderr=log,
            )

    # --- what is looked at ---

    def state(self, day: str) -> str:
        with db.reading(self.sessions) as session:
            return session.scalars(select(Issue.state).where(Issue.issued_on == _day(day))).one()

    def open_lines(self, day: str) -> tuple[int, int, datetime | None, datetime | None]:
        """Pending and due, in somebody's hands, when the next pending one is due, when the last lease ends."""
        now = self.clock.now()
        with db.reading(self.sessions) as session:
            rows = session.execute(
                select(Delivery.state, Delivery.due_at, Delivery.lease_until)
                .join(Issue)
                .where(Issue.issued_on == _day(day), Delivery.state.in_(("pending", "submitting")))
            ).all()
        pending = [due for state, due, _ in rows if state == "pending"]
        leases = [until for state, _, until in rows if state == "submitting"]
        return (
            sum(due <= now for due in pending),
            len(leases),
            min(pending, default=None),
            max(leases, default=None),
        )

    def claims(self) -> set[str]:
        """The tokens of all claims that lie in somebody's hands, living or dead."""
        with db.reading(self.sessions) as session:
            found = select(Delivery.claim).where(Delivery.state == "submitting").distinct()
            return {token for token in session.scalars(found) if token}

    def taken(self) -> list[Mapping[str, Any]]:
        """The far sides' own logs: every mail that was ever taken."""
        rows: list[Mapping[str, Any]] = []
        for name in ("sendgrid.jsonl", "smtp.jsonl"):
            path = self.folder / name
            rows += [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
        return rows

    def flush(self, *, late: bool = False) -> None:
        """Until the site has heard what the provider has to say."""
        if self._site is not None and (left := self.sendgrid.ask("flush", late=late)):
            raise RuntimeError(f"{left} events could not be posted to the site")

    def later(self, seconds: float) -> None:
        """Time passes; what the provider reported meanwhile was heard."""
        self.flush()
        self.clock.ahead(seconds)

    def faults(self, share: float, *, delay: float = 0.0, kinds: Sequence[str] = ()) -> None:
        """``share`` of the calls go wrong (in one of ``kinds``, if given); each takes ``delay`` seconds."""
        for side in (self.sendgrid, self.smtp):
            side.ask("faults", share=share, delay=delay, kinds=list(kinds))

    def webhook(self, on: bool) -> None:
        """Whether the provider reports anything of what it takes from now on."""
        if self.site:
            self.flush(late=True)
            self.sendgrid.ask("site", url=self.site if on else "")


def _day(day: str) -> Any:
    return datetime.fromisoformat(day).date()


def numbers(words: Sequence[int]) -> list[str]:
    """``--id`` for each."""
    return [part for n in words for part in ("--id", str(n))]
