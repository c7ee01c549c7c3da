"""bench dispatch: freezes N readers into the ledger and submits their copies. Yardsticks: the same rows inserted and the same bodies
posted without a ledger."""

from __future__ import annotations

import tempfile
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import Column, MetaData, Table, text

from newsletter import db
from newsletter.db.models import Delivery, Issue
from newsletter.delivery import ledger
from newsletter.lab.bench.databases import bench_database
from newsletter.lab.bench.dispatch_process import dispatch_in, service_for, together
from newsletter.lab.bench.loopback_sendgrid import LoopbackSendGrid, loopback_sendgrid
from newsletter.lab.bench.measuring import Bar, Measured, Progress, timed
from newsletter.lab.bench.readers import ALL_DUE, AT_ONCE, COMPOSED, add_issue, add_readers

READERS = 1_000_000
FREEZE_GOAL = 15.0  # seconds for a million
HAND_OVER_GOAL = 90.0  # seconds for a million
MEMORY_GOAL = 300.0  # MB
CONNECTIONS = 4  # share of the speed of the bare posts


def bench_dispatch(
    *,
    readers: int,
    database: str,
    workers: int = 1,
    batch: int = 500,
    latency: float = 0.0,
    progress: Progress,
) -> Measured:
    """Freeze, and submit to a loopback SendGrid. ``latency`` (seconds) is added to each of its answers."""
    found = Measured("dispatch")
    with (
        tempfile.TemporaryDirectory(prefix="newsletter-bench-") as folder,
        bench_database(database, Path(folder)) as engine,
        loopback_sendgrid(latency=latency) as far_side,
    ):
        values = settings_for(engine.url.render_as_string(hide_password=False), Path(folder))
        values |= {"MAIL_PROVIDER": "sendgrid", "SENDGRID_API_KEY": "SG.bench", "SENDGRID_HOST": far_side.url}
        values["BATCH_SIZE"] = batch
        issue_id = prepare(values, readers, found, progress=progress)
        found.values |= {
            "database": engine.dialect.name,
            "provider": "sendgrid",
            "workers": workers,
            "batch_size": batch,
        }
        freeze(values, found, progress=progress)
        hand_over(values, found, workers=workers, progress=progress)
        counts = far_side.counts(reset=True)
        judge(values, issue_id, found, counts["readers"], counts["twice"])
        found.values |= {"calls": counts["calls"], "connections": counts["connections"]}
        progress("yardsticks", 0, 2, "insert")
        _insert_bare(engine, found)
        progress("yardsticks", 1, 2, "post")
        _post_bare(far_side, readers, found)
        progress("yardsticks", 2, 2, "done")
    set_goals(found, FREEZE_GOAL, HAND_OVER_GOAL)
    return found


def settings_for(url: str, folder: Path) -> dict[str, Any]:
    """Return Settings as plain values that can be sent to another process."""
    return {
        "DATABASE_URL": url,
        "FENCE_DIR": folder / "fence",
        "LEAVING_DIR": folder / "leaving",
        "SECRET_KEY": "a-key-for-benches-of-32-letters-or-more",
        "SITE_URL": "https://news.example.com",
        "MAIL_FROM": "Evenhand <morning@news.example.com>",
    }


def prepare(
    values: dict[str, Any], readers: int, found: Measured, *, progress: Progress, metered_kilobytes: int = 20
) -> int:
    """Add readers and an approved Issue. Returns the Issue's id."""
    service = service_for(values, COMPOSED)
    with timed() as watch:
        found.values["readers"] = readers
        found.values["subscribers"] = add_readers(
            service.sessions, service.settings, readers, progress=progress
        )
        issue_id = add_issue(service.sessions, service.settings, metered_kilobytes=metered_kilobytes)
        with service.sessions.kw["bind"].connect() as connection:
            # A database in use has statistics of its tables; one that was just filled has none.
            connection.execute(text("ANALYZE"))
            connection.commit()
    found.values["preparing_seconds"] = round(watch.seconds, 1)
    service.sessions.kw["bind"].dispose()
    return issue_id


def freeze(values: dict[str, Any], found: Measured, *, progress: Progress) -> None:
    """Open the ledger in a process of its own."""
    progress("freezing", 0, 1, "")
    done = together(dispatch_in(values, COMPOSED, limit=0, progress=progress))
    progress("freezing", 1, 1, "")
    found.values["freeze_seconds"] = round(done["seconds"], 2)
    found.values["freeze_cpu_seconds"] = round(done["cpu_seconds"], 2)
    found.values["freeze_peak_mb"] = done["peak_mb"]


def hand_over(values: dict[str, Any], found: Measured, *, workers: int, progress: Progress) -> None:
    """Submit all copies, which are due, in so many processes."""
    done = together(dispatch_in(values, COMPOSED + ALL_DUE, workers=workers, progress=progress))
    found.values["hand_over_seconds"] = round(done["seconds"], 2)
    found.values["hand_over_cpu_seconds"] = round(done["cpu_seconds"], 2)
    found.values["readers_per_second"] = round(done["accepted"] / done["seconds"])
    found.values["peak_mb"] = done["peak_mb"]
    found.values["accepted"] = done["accepted"]


def judge(values: dict[str, Any], issue_id: int, found: Measured, arrived: int, twice: int | None) -> None:
    """Compare what the server took with what the ledger says."""
    service = service_for(values, COMPOSED)
    with timed() as watch, db.reading(service.sessions) as session:
        sums = ledger.sum_up(session, issue_id)
        state = session.get_one(Issue, issue_id).state
    service.sessions.kw["bind"].dispose()
    found.values |= {"arrived": arrived, "arrived_twice": twice, "ledger": sums.in_words, "state": state}
    found.values["sum_seconds"] = round(watch.seconds, 3)


def set_goals(found: Measured, freeze_goal: float, hand_over_goal: float) -> None:
    """Set the goals for a million in proportion to the readers; below 100,000 readers the start-up time is too large a part."""
    share = found.values["readers"] / READERS
    if share < 0.1:
        found.notes.append("too few readers to judge times")
        return
    found.bars += [
        Bar("frozen", found.values["freeze_seconds"], round(freeze_goal * share, 2), "s"),
        Bar("handed over", found.values["hand_over_seconds"], round(hand_over_goal * share, 2), "s"),
        Bar("peak memory", max(found.values["peak_mb"], found.values["freeze_peak_mb"]), MEMORY_GOAL, "MB"),
    ]


def _insert_bare(engine: Any, found: Measured) -> None:
    """Insert the same rows into a table without constraints and indexes, and without selecting an Audience."""
    sessions = db.make_sessions(engine)
    bare = Table("bare_line", MetaData(), *(Column(n, Delivery.__table__.c[n].type) for n in _LINE))
    bare.create(engine)
    line = (1, 1, "0" * 64, "full", "0" * 64, COMPOSED, "pending", 0)
    left = found.values["readers"]
    with timed() as watch, sessions.begin() as session:
        for start in range(0, left, AT_ONCE):
            rows = [(1, n, *line[2:]) for n in range(start, min(left, start + AT_ONCE))]
            db.insert_many(session, bare, _LINE, rows)
    found.yardsticks["bare_insert_seconds"] = round(watch.seconds, 2)
    found.ratios["freeze_to_bare_insert"] = round(found.values["freeze_seconds"] / watch.seconds, 2)


_LINE = (
    "issue_id",
    "subscriber_id",
    "address_hash",
    "rendition",
    "content_hash",
    "due_at",
    "state",
    "attempts",
)


def _post_bare(far_side: LoopbackSendGrid, readers: int, found: Measured) -> None:
    """Post the largest body of the dispatch once for each of its readers, over connections kept open, without a ledger."""
    raw, each = far_side.largest_body()
    times = max(1, round(readers / max(1, each)))

    def lane(count: int) -> None:
        connection = HTTPConnection(urlsplit(far_side.url).netloc, timeout=60)
        for _ in range(count):
            connection.request("POST", "/v3/mail/send", raw, {"Content-Type": "application/json"})
            connection.getresponse().read()
        connection.close()

    shares = [times // CONNECTIONS + (n < times % CONNECTIONS) for n in range(CONNECTIONS)]
    with timed() as watch, ThreadPoolExecutor(CONNECTIONS) as lanes:
        list(lanes.map(lane, shares))
    found.yardsticks["bare_post_seconds"] = round(watch.seconds * readers / max(1, times * each), 2)
    found.yardsticks["body_bytes"] = len(raw)
    found.ratios["hand_over_to_bare_post"] = round(
        found.values["hand_over_seconds"] / max(0.001, found.yardsticks["bare_post_seconds"]), 2
    )
