"""bench gather: reads feeds on loopback into a new database. Yardstick: the same addresses only fetched."""

from __future__ import annotations

import multiprocessing
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from email.utils import format_datetime
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

from newsletter import db
from newsletter.feeds import gather
from newsletter.feeds.catalogue import Catalogue, OutletEntry
from newsletter.feeds.leans import Lean
from newsletter.lab.bench.child_processes import accept_interrupts, interrupts_deferred
from newsletter.lab.bench.databases import bench_database
from newsletter.lab.bench.dispatch import settings_for
from newsletter.lab.bench.measuring import Measured, Progress, timed
from newsletter.lab.bench.readers import COMPOSED
from newsletter.settings import Settings

HOSTS = 60  # loopback addresses, so that the pauses between requests to one host delay no other Outlet
ENTRIES = 20  # Entries in each feed
LANES = 16  # connections of the bare fetch
_START = multiprocessing.get_context("spawn")


def bench_gather(*, feeds: int, database: str, progress: Progress) -> Measured:
    """Read each feed once."""
    found = Measured("gather")
    with (
        tempfile.TemporaryDirectory(prefix="newsletter-bench-") as folder,
        bench_database(database, Path(folder)) as engine,
        _feed_server() as port,
    ):
        urls = [f"http://127.0.0.{2 + n % HOSTS}:{port}/feed/{n}" for n in range(feeds)]
        values = settings_for(engine.url.render_as_string(hide_password=False), Path(folder))
        values["FETCH_ALLOW_PRIVATE"] = ",".join(sorted({urlsplit(url).netloc for url in urls}))
        settings = Settings(_env_file=None, **values)
        sessions = db.make_sessions(engine)
        with sessions.begin() as session:
            gather.sync_catalogue(session, _catalogue(urls))

        def show(done: int, of: int, _: str) -> None:
            progress("gather", done, of, "feeds")

        with timed() as watch:
            report = gather.run(sessions, settings, now=COMPOSED, progress=show)
        with timed() as bare, ThreadPoolExecutor(LANES) as lanes:
            sizes = list(lanes.map(_fetch, urls))
    found.values |= {"database": engine.dialect.name, "feeds": feeds, "reached": report.reached}
    found.values |= {"new_articles": report.new_articles, "seconds": round(watch.seconds, 2)}
    found.values["feeds_per_second"] = round(feeds / watch.seconds)
    found.yardsticks |= {"bare_fetch_seconds": round(bare.seconds, 2), "bytes": sum(sizes)}
    found.ratios["gather_to_bare_fetch"] = round(watch.seconds / max(bare.seconds, 0.001), 2)
    return found


def _catalogue(urls: list[str]) -> Catalogue:
    hosts: dict[str, list[str]] = {}
    for url in urls:
        hosts.setdefault(urlsplit(url).netloc, []).append(url)
    leans = list(Lean)
    return Catalogue(
        tuple(
            OutletEntry(
                name=f"Outlet {n}",
                homepage=f"https://outlet-{n}.example.com",
                lean=leans[n % len(leans)],
                lean_basis="invented",
                feeds=tuple(own),
                enabled=True,
                disputed=False,
                policy="",
                line=n,
            )
            for n, own in enumerate(hosts.values(), start=1)
        )
    )


def _fetch(url: str) -> int:
    parts = urlsplit(url)
    connection = HTTPConnection(parts.netloc, timeout=30)
    connection.request("GET", parts.path)
    size = len(connection.getresponse().read())
    connection.close()
    return size


@contextmanager
def _feed_server() -> Iterator[int]:
    """Serve feeds from another process while the block runs. Gives the port, the same on each address."""
    here, there = _START.Pipe()
    server = _START.Process(target=_serve, args=(there,), daemon=True)
    with interrupts_deferred():
        server.start()
    try:
        if not here.poll(60):
            raise OSError("the feed server did not start")
        yield here.recv()
    finally:
        server.terminate()
        server.join()


def _serve(there: Any) -> None:
    accept_interrupts()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

        def do_GET(self) -> None:
            raw = _feed(self.path.rpartition("/")[2]).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/rss+xml; charset=utf-8")
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

    port = 0
    with ExitStack() as open_ones:
        for n in range(HOSTS):
            server = open_ones.enter_context(ThreadingHTTPServer((f"127.0.0.{2 + n}", port), Handler))
            port = port or server.server_address[1]
            Thread(target=server.serve_forever, daemon=True).start()
        there.send(port)
        there.poll(None)  # until the bench ends this process


def _feed(number: str) -> str:
    items = "".join(
        f"<item><title>Council {number} votes on measure {n}</title><link>https://outlet-{number}.example.com/{n}</link>"
        f"<guid>{number}-{n}</guid><pubDate>{format_datetime(COMPOSED - timedelta(minutes=30 * n))}</pubDate>"
        f"<description>The council of district {number} voted on measure {n} after a long debate; both sides spoke.</description></item>"
        for n in range(ENTRIES)
    )
    return f'<?xml version="1.0"?><rss version="2.0"><channel><title>Feed {number}</title>{items}</channel></rss>'
