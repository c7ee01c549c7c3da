"""Steps shared out over workers by Procrastinate, on a real PostgreSQL: every part once, and without workers the scheduler does it all."""

from __future__ import annotations

import http.server
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func, select, text

from newsletter import clock, db
from newsletter.db.models import Article, Delivery, Feed, Issue, Notice, Run
from newsletter.delivery.providers.protocol import Outcome, Receipt
from newsletter.errors import DatabaseError, NothingToRead
from newsletter.feeds.catalogue import parse_catalogue
from newsletter.issues.service import IssueService
from newsletter.jobs import pipeline, worker
from newsletter.jobs.pipeline import Parts
from newsletter.links import Links
from newsletter.subscribers.tokens import Tokens
from tests.clocks import Hands
from tests.delivery.mailing import MORNING, Postbox, frozen_issue

CATALOGUE = parse_catalogue(
    """
[[outlet]]
name = "The Lantern"
homepage = "https://lantern.example"
lean = "center"
lean_basis = "invented"
feeds = ["https://lantern.example/feed"]
""",
    "tiny",
)
pytestmark = pytest.mark.postgres


@pytest.fixture
def make_parts(postgres_url, make_settings):
    engine = db.make_engine(postgres_url)
    db.upgrade(engine)
    sessions = db.make_sessions(engine)
    worker.prepare(sessions)

    def make(provider=None, **changes) -> Parts:
        settings = make_settings(DATABASE_URL=postgres_url, BATCH_SIZE=10, **changes)
        links = Links(settings.SITE_URL)
        now = clock.fixed(MORNING)
        tokens = Tokens(settings.SECRET_KEY.get_secret_value(), clock=now)
        service = IssueService(
            settings, sessions, now, links, tokens, provider or Postbox(), threading.Event()
        )
        return Parts(service, catalogue=CATALOGUE)

    yield make
    engine.dispose()


@contextmanager
def working(parts: Parts, count: int = 1) -> Iterator[None]:
    """So many workers in threads of this process."""
    threads = [
        threading.Thread(target=worker.work, args=(parts,), kwargs={"concurrency": 2}) for _ in range(count)
    ]
    for thread in threads:
        thread.start()
    _until(lambda: worker.living_workers(parts.service.sessions) == count)
    try:
        yield
    finally:
        parts.service.stop.set()
        for thread in threads:
            thread.join(30)
        assert not any(t.is_alive() for t in threads)


def _until(true, seconds: float = 30.0) -> None:
    ends = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < ends, "it did not come about in time"
        time.sleep(0.05)


def _states(sessions) -> Counter[str]:
    with db.reading(sessions) as session:
        return Counter(session.scalars(select(Delivery.state)))


def test_on_sqlite_the_refusal_says_what_to_do(sessions) -> None:
    with pytest.raises(DatabaseError, match="python -m newsletter schedule"):
        worker.prepare(sessions)


def test_the_command_refuses_sqlite_in_one_sentence(settings, engine, shell) -> None:
    done = shell("work", env={"DATABASE_URL": settings.DATABASE_URL, "PATH": "/usr/bin:/bin"})
    assert (done.returncode, done.stdout) == (4, "")
    assert done.stderr.startswith("Several machines need one PostgreSQL")
    assert len(done.stderr.strip().splitlines()) == 1


def test_the_tables_are_made_once_whoever_comes_first(make_parts) -> None:
    sessions = make_parts().service.sessions
    with sessions.begin() as session:
        for table in ("jobs", "events", "workers", "periodic_defers"):
            session.execute(text(f"DROP TABLE IF EXISTS procrastinate_{table} CASCADE"))
        session.execute(text("DROP SCHEMA public CASCADE; CREATE SCHEMA public"))
    db.upgrade(sessions.kw["bind"])
    failed = []

    def prepare() -> None:
        try:
            worker.prepare(sessions)
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=prepare) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert worker.living_workers(sessions) == 0


def test_workers_hand_over_what_a_scheduler_defers_each_copy_once(make_parts) -> None:
    box = Postbox()
    parts = make_parts(box)
    frozen_issue(parts.service.sessions, parts.service.settings, 605)
    with working(parts, 2), worker.deferring(parts) as shared:
        assert shared.instead["dispatch"](parts) == {"issues": 1, "deferred": 13}
        assert shared.instead["dispatch"](parts)["deferred"] <= 13  # a second scheduler at the same moment
        _until(lambda: _states(parts.service.sessions)["accepted"] == 605)
    assert set(box.taken.values()) == {1}
    assert len(box.taken) == 605
    with db.reading(parts.service.sessions) as session:
        assert session.get_one(Issue, 1).state == "dispatched"


def test_without_a_living_worker_the_scheduler_does_it_itself(make_parts) -> None:
    box = Postbox()
    parts = make_parts(box)
    frozen_issue(parts.service.sessions, parts.service.settings, 25)
    with worker.deferring(parts) as shared:
        assert shared.instead["dispatch"](parts)["accepted"] == 25
    assert len(box.taken) == 25


def test_what_a_dead_worker_left_in_the_queue_costs_nothing(make_parts) -> None:
    """Deferred, then every worker dies: the next one to tick finds no heart beating and hands over itself."""
    box = Postbox()
    parts = make_parts(box)
    frozen_issue(parts.service.sessions, parts.service.settings, 25)
    sessions = parts.service.sessions
    with worker.deferring(parts) as shared:
        with sessions.begin() as session:
            session.execute(text("INSERT INTO procrastinate_workers DEFAULT VALUES"))
        assert shared.instead["dispatch"](parts)["deferred"] == 1
        with sessions.begin() as session:
            session.execute(
                text("UPDATE procrastinate_workers SET last_heartbeat = now() - interval '1 hour'")
            )
        assert shared.instead["dispatch"](parts)["accepted"] == 25
        with working(parts):  # a late worker finds the old part and nothing to do
            _until(lambda: not worker._unfinished(sessions, [1]))
    assert set(box.taken.values()) == {1}


def test_what_ended_in_the_queue_goes_after_a_week_and_what_waits_stays(make_parts) -> None:
    parts = make_parts()
    sessions = parts.service.sessions
    put = text(
        "INSERT INTO procrastinate_jobs (queue_name, task_name) VALUES ('newsletter', 'newsletter:gather') RETURNING id"
    )
    end = text(
        "UPDATE procrastinate_jobs SET status = CAST(:status AS procrastinate_job_status) WHERE id = :number"
    )
    when = text("UPDATE procrastinate_events SET at = :at WHERE job_id = :number")
    with sessions.begin() as session:
        for status in ("todo", "doing", "failed", "cancelled", "aborted", "succeeded"):
            for days in (6, 8):
                number = session.scalar(put)
                session.execute(end, {"number": number, "status": status})
                session.execute(when, {"number": number, "at": MORNING - timedelta(days=days)})

    def left() -> list[tuple[str, int]]:
        with db.reading(sessions) as session:
            rows = session.execute(text("SELECT status::text, count(*) FROM procrastinate_jobs GROUP BY 1"))
            return sorted((status, count) for status, count in rows)

    assert left() == [(s, 2) for s in ("aborted", "cancelled", "doing", "failed", "succeeded", "todo")]
    assert pipeline.run_step(parts, "lapse", due_at=MORNING).detail["queued_parts_deleted"] == 5
    assert left() == [(s, 1) for s in ("aborted", "cancelled", "doing", "failed", "succeeded")] + [
        ("todo", 2)
    ]
    assert pipeline.lapse_step(parts)["queued_parts_deleted"] == 0
    with db.reading(sessions) as session:
        astray = "SELECT count(*) FROM procrastinate_events WHERE job_id NOT IN (SELECT id FROM procrastinate_jobs)"
        assert session.scalar(text(astray)) == 0


def test_a_worker_whose_queue_is_gone_says_so_and_does_not_leave_as_if_all_were_well(make_parts) -> None:
    parts = make_parts()
    with parts.service.sessions.begin() as session:
        session.execute(text("DROP TABLE procrastinate_jobs CASCADE"))
    # In a thread of its own: a browser's loop may run in this one.
    with ThreadPoolExecutor(1) as aside, pytest.raises(DatabaseError, match="queue in the database"):
        aside.submit(worker.work, parts, concurrency=1).result()


def test_a_part_that_finds_the_issue_held_tells_the_operators(make_parts) -> None:
    box = Postbox()
    parts = make_parts(box, OPERATORS="desk@example.com", STALE_AFTER=1)
    sessions = parts.service.sessions
    frozen_issue(sessions, parts.service.settings, 25, now=MORNING.replace(hour=1))
    with working(parts), worker.deferring(parts) as shared:
        shared.instead["dispatch"](parts)

        def told() -> bool:
            with db.reading(sessions) as session:
                return session.scalar(select(func.count()).select_from(Notice)) == 1

        _until(told)
    assert box.calls == 0


def test_a_provider_that_takes_nothing_from_the_workers_for_long_is_told_of(make_parts) -> None:
    """Each time it asks for a minute only, and no single refusal is worth a mail."""
    hands = Hands(MORNING)
    box = Postbox(lambda m: Receipt(m.reference, Outcome.RETRY, reason="450 try later"))
    parts = make_parts(box, OPERATORS="desk@example.com")
    parts = replace(parts, service=replace(parts.service, clock=hands))
    sessions = parts.service.sessions
    frozen_issue(sessions, parts.service.settings, 10)

    def refused() -> int:
        with db.reading(sessions) as session:
            runs = session.scalars(select(Run.detail).where(Run.step == "dispatch"))
            return sum(detail.get("paused_because") == "450 try later" for detail in runs)

    told = []
    with working(parts), worker.deferring(parts) as shared:
        for round in range(1, 6):
            pipeline.run_step(shared, "dispatch", due_at=hands.at - timedelta(seconds=1))
            _until(lambda: refused() == round)  # noqa: B023 - asked within this round
            _until(lambda: not worker._unfinished(sessions, list(range(99))))
            with db.reading(sessions) as session:
                told.append([n.values["what"] for n in session.scalars(select(Notice))])
            hands.at += timedelta(minutes=2)
    assert told[:4] == [[], [], [], []]
    assert told[4] == [
        "The issue of Monday, 2 March 2026 does not go out: 450 try later. It is tried again by itself."
    ]


RSS = """<?xml version="1.0"?><rss version="2.0"><channel><title>T</title>
<item><title>Harbour dredging begins at {n}</title><link>http://{host}/a{n}</link>
<pubDate>Mon, 02 Mar 2026 08:00:00 GMT</pubDate><description>Work began at pier {n} of the old harbour.</description></item>
</channel></rss>"""


@pytest.fixture
def feeds() -> Iterator[tuple[int, Counter[str]]]:
    asked: Counter[str] = Counter()

    class Handler(http.server.BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

        def do_GET(self) -> None:
            asked[f"{self.headers['Host']}{self.path}"] += 1
            raw = RSS.format(n=self.path.strip("/f"), host=self.headers["Host"]).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/rss+xml")
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server.server_port, asked
    server.shutdown()
    thread.join()
    server.server_close()


def _catalogue(port: int, count: int):
    blocks = [
        f'[[outlet]]\nname = "Outlet {n}"\nhomepage = "http://{host}:{port}/{n}"\nlean = "center"\nlean_basis = "invented for this test"\n'
        f'feeds = ["http://{host}:{port}/f{n}"]\n'
        for n in range(count)
        for host in (["127.0.0.1", "localhost"][n % 2],)
    ]
    return parse_catalogue("\n".join(blocks), "test.toml")


def test_feeds_are_shared_out_over_workers_each_visited_once(make_parts, feeds) -> None:
    port, asked = feeds
    parts = make_parts(FETCH_ALLOW_PRIVATE=f"127.0.0.1:{port},localhost:{port}")
    parts = replace(parts, catalogue=_catalogue(port, 16))
    with working(parts, 2), worker.deferring(parts) as shared:
        report = shared.instead["gather"](parts)
    assert (report["feeds"], report["reached"], report["left_by_workers"]) == (16, 16, 0)
    assert report["parts"] == 2  # one for each host
    visited = {k: v for k, v in asked.items() if "robots" not in k}
    assert set(visited.values()) == {1}
    with db.reading(parts.service.sessions) as session:
        assert session.scalar(select(func.count()).select_from(Article)) == 16
        assert session.scalar(select(func.count()).select_from(Feed).where(Feed.checked_at == MORNING)) == 16


def test_feeds_that_all_fail_are_said_to_fail(make_parts) -> None:
    parts = replace(make_parts(), catalogue=_catalogue(9, 4))  # port 9: nobody, and not allowed either
    with (
        working(parts),
        worker.deferring(parts) as shared,
        pytest.raises(NothingToRead, match="None of the 4"),
    ):
        shared.instead["gather"](parts)
