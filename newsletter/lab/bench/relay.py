"""bench dispatch --provider smtp: N copies to Postfix's smtp-sink, beside what its smtp-source reaches with the same size and connections."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from threading import Thread
from time import monotonic, sleep
from typing import Any

from newsletter import db
from newsletter.delivery import ledger
from newsletter.delivery.mail import headers
from newsletter.delivery.mail.messages import Message
from newsletter.errors import SettingsError
from newsletter.lab.bench.databases import bench_database
from newsletter.lab.bench.dispatch import freeze, hand_over, judge, prepare, settings_for
from newsletter.lab.bench.dispatch_process import service_for
from newsletter.lab.bench.measuring import Bar, Measured, Progress, timed
from newsletter.lab.bench.readers import ALL_DUE, COMPOSED

READERS = 20_000
CONNECTIONS = 4
SHARE_GOAL = 0.5  # of what smtp-source reaches


def bench_relay(
    *, readers: int, database: str, connections: int = CONNECTIONS, progress: Progress
) -> Measured:
    """Freeze, then hand over by SMTP. Raises :class:`SettingsError` when Postfix's two test programs are not installed."""
    found = Measured("dispatch")
    sink, generator = _program("smtp-sink"), _program("smtp-source")
    with (
        tempfile.TemporaryDirectory(prefix="newsletter-bench-") as folder,
        bench_database(database, Path(folder)) as engine,
        _running(sink) as relay,
    ):
        values = settings_for(engine.url.render_as_string(hide_password=False), Path(folder))
        url = f"smtp://127.0.0.1:{relay.port}?starttls=never&connections={connections}"
        values |= {"MAIL_PROVIDER": "smtp", "SMTP_URL": url}
        issue_id = prepare(values, readers, found, metered_kilobytes=60, progress=progress)
        found.values |= {"database": engine.dialect.name, "provider": "smtp", "connections": connections}
        freeze(values, found, progress=progress)
        hand_over(values, found, workers=1, progress=progress)
        judge(values, issue_id, found, relay.taken(at_least=readers), None)
        size = _size_of_one(values, issue_id)
        progress("yardsticks", 0, 1, "smtp-source")
        with timed() as watch:
            subprocess.run(  # noqa: S603 - a program of Debian's, with numbers of ours
                [
                    generator, "-d", "-s", str(connections), "-m", str(readers), "-l", str(size),
                    "-f", "morning@news.example.com", "-t", "reader@example.com", f"127.0.0.1:{relay.port}",
                ],
                check=True,
                capture_output=True,
            )  # fmt: skip
        progress("yardsticks", 1, 1, "done")
    found.yardsticks |= {"smtp_source_seconds": round(watch.seconds, 2), "message_bytes": size}
    found.yardsticks["smtp_source_per_second"] = round(readers / watch.seconds)
    share = watch.seconds / found.values["hand_over_seconds"]
    found.ratios["share_of_smtp_source"] = round(share, 3)
    found.bars.append(Bar("share of smtp-source", round(share, 3), SHARE_GOAL, "", at_most=False))
    return found


def _program(name: str) -> str:
    path = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")
    if path is None:
        raise SettingsError(
            f"{name} is missing: it comes with Postfix. On Debian run: apt-get install --no-install-recommends postfix"
        )
    return path


class _Relay:
    """A running smtp-sink; its own counter says how many mails it took."""

    def __init__(self, program: str) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        lower = ["-u", "nobody"] if os.geteuid() == 0 else []  # it insists
        command = [program, *lower, "-c", f"127.0.0.1:{self.port}", "256"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)  # noqa: S603
        self._mails = 0
        self._reader = Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        text = ""
        while said := self.process.stdout.read1(4096):  # type: ignore[attr-defined]
            text = text[-200:] + said.decode("ascii", "replace")
            # "sess=4 quit=0 mesg=200", written over and over on one line.
            if counts := re.findall(r"mesg=(\d+)\s", text):
                self._mails = max(self._mails, int(counts[-1]))

    def taken(self, *, at_least: int) -> int:
        """How many mails it took; its counter is waited for, for a moment."""
        ends = monotonic() + 5.0
        while self._mails < at_least and monotonic() < ends:
            sleep(0.05)
        return self._mails


@contextmanager
def _running(program: str) -> Iterator[_Relay]:
    relay = _Relay(program)
    try:
        ends = monotonic() + 10.0
        while monotonic() < ends:
            try:
                socket.create_connection(("127.0.0.1", relay.port), timeout=1.0).close()
                break
            except OSError:
                sleep(0.05)
        yield relay
    finally:
        relay.process.terminate()
        relay.process.wait()


def _size_of_one(values: dict[str, Any], issue_id: int) -> int:
    """Bytes of one copy as it is written; both Renditions are of one size here."""
    service = service_for(values, COMPOSED + ALL_DUE)
    with db.reading(service.sessions) as session:
        template = ledger.stored_templates(session, issue_id)["full"]
    service.sessions.kw["bind"].dispose()
    address = "reader.1@example.com"
    copy = Message("delivery:1", address, template, service.reader_slots(date(2025, 8, 25), 1, address))
    return len(headers.mime(copy, sender=service.settings.MAIL_FROM, date=COMPOSED))
