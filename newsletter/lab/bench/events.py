"""bench events: SendGrid's signed events posted to gunicorn as in production, while a dispatch runs and people sign up.

Beside it, in the same run: the same rows inserted bare, and an endpoint that only checks the signature.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from sqlalchemy import Column, Engine, MetaData, Table, func, select

from newsletter import clock, db
from newsletter.db.models import Delivery, DeliveryEvent, Suppression
from newsletter.errors import NewsletterError
from newsletter.lab.bench.databases import bench_database
from newsletter.lab.bench.dispatch import prepare, settings_for
from newsletter.lab.bench.dispatch_process import dispatch_here, dispatch_in, together
from newsletter.lab.bench.loopback_sendgrid import loopback_sendgrid
from newsletter.lab.bench.measuring import Bar, Measured, Progress, timed
from newsletter.lab.bench.posting import Posted, SigningUp, post_all
from newsletter.lab.bench.readers import ALL_DUE, COMPOSED
from newsletter.lab.bench.sendgrid_events import LARGE, Words, events_about, new_key

RATE = 3_000  # events a second; the goal
P99_GOAL = 2.0  # seconds
EVENTS_A_MAIL = 2.1  # about
LATENCY = 0.1  # seconds added to each answer of the loopback SendGrid, so that the dispatch lasts as long as the posts
LANES = 8  # connections that post at once
_ROOT = Path(__file__).parents[3]
_START_UP = 30.0  # seconds for gunicorn


def bench_events(
    *, events: int, readers: int, database: str, workers: int, rate: float = RATE, progress: Progress
) -> Measured:
    """Post ``events`` at ``rate``, then as many again as fast as they are taken, while the rest of ``readers`` are mailed."""
    found = Measured("events")
    half = max(1, int(events / EVENTS_A_MAIL))  # mails with events in each of the two halves
    with (
        tempfile.TemporaryDirectory(prefix="newsletter-bench-") as folder,
        bench_database(database, Path(folder)) as engine,
        loopback_sendgrid(latency=LATENCY) as far_side,
    ):
        key, public = new_key()
        values = settings_for(engine.url.render_as_string(hide_password=False), Path(folder))
        values |= {"MAIL_PROVIDER": "sendgrid", "SENDGRID_API_KEY": "SG.bench", "SENDGRID_HOST": far_side.url}
        values |= {"SENDGRID_WEBHOOK_KEY": public, "TRUSTED_PROXIES": 1}
        prepare(values, max(readers, 2 * half), found, progress=progress)
        progress("mailing those heard of", 0, 1, "")
        dispatch_here(values, COMPOSED, limit=0)
        first = dispatch_here(values, COMPOSED + ALL_DUE, limit=2 * half)
        sessions = db.make_sessions(engine)
        paced, flood = _event_halves(sessions, key, half)
        found.values |= {
            "database": engine.dialect.name,
            "gunicorn_workers": workers,
            "mailed_before": first,
        }
        with served(values, "newsletter", workers) as port:
            at_rate, at_most = _post_while_dispatching(
                found, values, port, (paced, flood), rate=rate, progress=progress
            )
        _judge(sessions, found, paced, flood)
        progress("yardsticks", 0, 2, "insert")
        found.yardsticks["bare_insert_rows_a_second"] = _insert_bare(engine, paced)
        progress("yardsticks", 1, 2, "verify")
        with served(values, "only_verifies", workers) as port:
            bare = post_all(paced.posts, port=port, lanes=LANES)
        found.yardsticks["only_verifying_events_a_second"] = round(bare.per_second)
        progress("yardsticks", 2, 2, "done")
    found.ratios["taken_to_bare_insert"] = round(
        at_most.per_second / found.yardsticks["bare_insert_rows_a_second"], 3
    )
    found.ratios["taken_to_only_verifying"] = round(at_most.per_second / max(1.0, bare.per_second), 3)
    if events < 20_000:
        found.notes.append("too few events to judge times")
    else:
        taken, goal = round(at_rate.per_second), round(0.98 * rate)
        found.bars.append(Bar("taken while dispatching", taken, goal, "events/s", at_most=False))
        found.bars.append(Bar("acknowledged (p99)", round(at_rate.p99, 3), P99_GOAL, "s"))
    return found


def _post_while_dispatching(
    found: Measured,
    values: dict[str, Any],
    port: int,
    words: tuple[Words, Words],
    *,
    rate: float,
    progress: Progress,
) -> tuple[Posted, Posted]:
    """Post the first ``words`` at ``rate`` events a second and the second as fast as they are taken.

    Meanwhile another process dispatches and people sign up. Returns what each of the two came to.
    """
    paced, flood = words
    form = form_on(port)
    time.sleep(SigningUp.READING)
    progress("posting", 0, 2, f"at {rate:,.0f}/s")
    with ThreadPoolExecutor(1) as beside:
        with timed() as whole, SigningUp(port, form) as people:
            going = beside.submit(dispatch_in, values, COMPOSED + ALL_DUE, progress=lambda *_: None)
            at_rate = post_all(paced.posts, port=port, rate=rate, lanes=LANES)
            still = not going.done()
            progress("posting", 1, 2, "as fast as they are taken")
            at_most = post_all(flood.posts, port=port, lanes=LANES)
        dispatched = together(going.result())
    _report(found, at_rate, at_most, people.posted)
    found.values |= {
        "mailed_meanwhile": dispatched["accepted"],
        "dispatching_all_the_time_of_the_paced_posts": still,
        "dispatch_seconds": round(dispatched["seconds"], 1),
        "posting_seconds": round(whole.seconds, 1),
    }
    return at_rate, at_most


def _event_halves(sessions: db.Sessions, key: Any, half: int) -> tuple[Words, Words]:
    """Return the events about each half of the accepted mails, which their event ids distinguish."""
    with db.reading(sessions) as session:
        numbers = session.scalars(
            select(Delivery.id).where(Delivery.state == "accepted").order_by(Delivery.id).limit(2 * half)
        ).all()
    now = clock.system()
    middle = len(numbers) // 2
    return events_about(numbers[:middle], key, at=now, seed=1), events_about(
        numbers[middle:], key, at=now, seed=2
    )


def _report(found: Measured, at_rate: Posted, at_most: Posted, people: Posted) -> None:
    found.values |= {
        "events_at_rate": at_rate.events,
        "taken_a_second_at_rate": round(at_rate.per_second),
        "p50_seconds_at_rate": round(sorted(at_rate.waits)[len(at_rate.waits) // 2], 3),
        "p99_seconds_at_rate": round(at_rate.p99, 3),
        "longest_seconds_at_rate": round(max(at_rate.waits), 3),
        "taken_a_second_at_most": round(at_most.per_second),
        "p99_seconds_at_most": round(at_most.p99, 3),
        "refused": at_rate.refused + at_most.refused,
        "sign_ups": len(people.waits),
        "sign_ups_refused": people.refused,
        "sign_up_p99_seconds": round(people.p99, 3),
        "sign_up_longest_seconds": round(max(people.waits, default=0.0), 3),
    }


def _judge(sessions: db.Sessions, found: Measured, *words: Words) -> None:
    """Compare the events in the database with those that were posted."""
    with db.reading(sessions) as session:
        kept = session.scalar(select(func.count()).select_from(DeliveryEvent)) or 0
        suppressed = session.scalar(select(func.count()).select_from(Suppression)) or 0
    found.values |= {
        "events_kept": kept,
        "events_due": sum(w.kept for w in words),
        "suppressed": suppressed,
        "suppressions_due": sum(w.suppressed for w in words),
    }
    if (kept, suppressed) != (found.values["events_due"], found.values["suppressions_due"]):
        raise NewsletterError(f"The database does not hold what was said: {found.values}.")


def _insert_bare(engine: Engine, words: Words) -> int:
    """Insert as many rows as there were events into a table without constraints and indexes, one post's events in a transaction."""
    sessions = db.make_sessions(engine)
    bare = Table("bare_event", MetaData(), *(Column(n, DeliveryEvent.__table__.c[n].type) for n in _ROW))
    bare.create(engine)
    row = ("sendgrid", "x" * 40, 1, "delivered", None, COMPOSED, COMPOSED, "250 2.0.0 OK 1762930000 queued")
    with timed() as watch:
        for _ in range(0, words.events, LARGE):
            with sessions.begin() as session:
                db.insert_many(session, bare, _ROW, [row] * LARGE)
    return round(-(-words.events // LARGE) * LARGE / watch.seconds)


_ROW = (
    "provider",
    "provider_event_id",
    "delivery_id",
    "kind",
    "bounce",
    "happened_at",
    "received_at",
    "reason",
)


@contextmanager
def served(values: dict[str, Any], what: str, workers: int) -> Iterator[int]:
    """Run gunicorn as ``web`` starts it, with the site or the yardstick, while the block runs. Gives the port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    command = [sys.executable, "-m", "newsletter", "web", "--port", str(port), "--workers", str(workers)]
    if what != "newsletter":
        command = [
            sys.executable,
            "-m",
            "gunicorn",
            f"newsletter.lab.bench.{what}:app",
            "--bind",
            f"127.0.0.1:{port}",
        ]
        command += ["--workers", str(workers), "--worker-class", "gthread", "--threads", "8"]
    # Without this machine's settings: neither its environment nor a .env beside the program.
    environment = {"PATH": os.defpath, "PYTHONPATH": str(_ROOT), **{n: str(v) for n, v in values.items()}}
    with tempfile.TemporaryDirectory(prefix="newsletter-bench-") as folder:
        server = subprocess.Popen(  # noqa: S603 - fixed words and numbers only
            command, env=environment, cwd=folder, stderr=subprocess.DEVNULL, start_new_session=True
        )
        try:
            _wait_for(port)
            yield port
        finally:
            os.killpg(server.pid, signal.SIGTERM)
            server.wait()


def _wait_for(port: int) -> None:
    ends = time.monotonic() + _START_UP
    while time.monotonic() < ends:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise NewsletterError("The server of the bench did not start.")


def form_on(port: int, path: str = "/signup") -> dict[str, str]:
    """Return the hidden fields of the form on this page."""
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", path)
    page = connection.getresponse().read().decode()
    connection.close()
    fields = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page))
    if "form_token" not in fields:
        raise NewsletterError(f"The page {path} shows no form.")
    return fields
