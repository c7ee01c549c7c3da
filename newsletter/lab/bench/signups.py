"""bench signups: many sign-ups at gunicorn as in production. It compares what was stored and mailed with what was posted, and tests
whether the time of an answer shows if an address is a reader's.

Yardstick: ``/healthz`` at the same rate over the same connections.
"""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Iterator
from datetime import timedelta
from http.client import HTTPConnection
from pathlib import Path
from threading import Lock
from typing import Any
from urllib.parse import urlencode

from scipy.stats import mannwhitneyu
from sqlalchemy import func, select

from newsletter import clock, db
from newsletter.db.models import Notice, PendingRequest, Subscriber
from newsletter.errors import NewsletterError
from newsletter.lab.bench.databases import bench_database
from newsletter.lab.bench.dispatch import settings_for
from newsletter.lab.bench.events import form_on, served
from newsletter.lab.bench.measuring import Bar, Measured, Progress, percentile, timed
from newsletter.lab.bench.posting import Posted, SigningUp, in_lanes, post_all
from newsletter.lab.bench.sendgrid_events import Post
from newsletter.settings import Settings
from newsletter.subscribers import pending_requests, rate_limits, signup
from newsletter.subscribers.addresses import address_hash, person_hash

P99_GOAL = 0.5  # seconds
LANES = 32  # connections that post at once
BOMBS = 0.1  # share of sign-ups from one network
PAIRS = 400  # known and unknown addresses that are posted, each
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def bench_signups(*, rate: int, seconds: int, database: str, workers: int, progress: Progress) -> Measured:
    """Post ``rate`` sign-ups a second for ``seconds``, then ask ``PAIRS`` times about a reader and about nobody."""
    found = Measured("signups")
    with (
        tempfile.TemporaryDirectory(prefix="newsletter-bench-") as folder,
        bench_database(database, Path(folder)) as engine,
    ):
        values = settings_for(engine.url.render_as_string(hide_password=False), Path(folder))
        values |= {"TRUSTED_PROXIES": 1}
        settings = Settings(_env_file=None, **values)
        sessions = db.make_sessions(engine)
        found.values |= {"database": engine.dialect.name, "gunicorn_workers": workers}
        with served(values, "newsletter", workers) as port:
            form = form_on(port)
            time.sleep(SigningUp.READING)
            progress("yardstick", 0, 3, "healthz")
            bare = _get_all("/healthz", rate * min(seconds, 5), port=port, rate=rate)
            progress("signing up", 1, 3, f"{rate}/s")
            posts = _rush(rate * seconds, form)
            done = post_all(posts, port=port, path="/signup", rate=rate, lanes=LANES)
            kept = _count(sessions, PendingRequest)
            progress("granting", 2, 3, f"{kept:,}")
            with timed() as granting:
                granted = 0
                while now_granted := pending_requests.run(sessions, settings, clock=clock.system):
                    granted += now_granted
            _report(found, sessions, done, bare, kept, granted, granting.seconds)
            progress("asking twice", 3, 3, "known or not")
            for path in ("/signup", "/signin"):
                _tell_apart(found, sessions, settings, path, port)
    found.bars += [
        Bar("answered (p99)", round(done.p99, 3), P99_GOAL, "s"),
        Bar("lost", len(posts) - kept - done.refused, 0, "sign-ups"),
        Bar("kept of one network", kept - _of_many(len(posts)), pending_requests.MOST_OF_NETWORK, "sign-ups"),
        Bar("confirmations", found.values["confirmations"], _allowed(len(posts)), "mails"),
    ]
    return found


def _rush(many: int, form: dict[str, str]) -> list[Post]:
    """Return sign-ups of different people, most from networks of their own and some from one network."""
    posts = []
    for n in range(many):
        bomb = n % int(1 / BOMBS) == 0
        network = "203.0.113.7" if bomb else f"{20 + n // 62_500}.{n // 250 % 250}.{n % 250}.9"
        said = {**form, "address": f"new.{n}@example.com", "zone": "Europe/Berlin", "hour": "6"}
        posts.append(Post(urlencode(said).encode(), {**FORM, "X-Forwarded-For": network}, 1))
    return posts


def _allowed(many: int) -> int:
    """Return how many confirmations the rate limits allow within the first hour for :func:`_rush`."""
    of_one = many - _of_many(many)
    return min(
        signup.MAILS_AN_HOUR, _of_many(many) + min(of_one, rate_limits.LIMITS[rate_limits.SIGNUP].most)
    )


def _of_many(many: int) -> int:
    """Return how many of them come from networks of their own."""
    return many - -(-many // int(1 / BOMBS))


def _get_all(path: str, many: int, *, port: int, rate: float) -> Posted:
    """Make GET requests at this rate over :data:`LANES` connections; waits count from the moment each was due."""
    done, lock = Posted(), Lock()
    began = time.monotonic()

    def lane(own: Iterator[int]) -> None:
        connection = HTTPConnection("127.0.0.1", port, timeout=60)
        for number in own:
            due = began + number / rate
            time.sleep(max(0.0, due - time.monotonic()))
            connection.request("GET", path)
            answer = connection.getresponse()
            answer.read()
            with lock:
                done.waits.append(time.monotonic() - due)
                done.events += 1
                done.refused += answer.status != 200
        connection.close()

    in_lanes(range(many), lane, lanes=LANES)
    done.seconds = time.monotonic() - began
    return done


def _report(
    found: Measured,
    sessions: db.Sessions,
    done: Posted,
    bare: Posted,
    kept: int,
    granted: int,
    seconds: float,
) -> None:
    with db.reading(sessions) as session:
        confirmations = (
            session.scalar(
                select(func.count()).where(Notice.kind == "confirm", Notice.due_at <= clock.system())
            )
            or 0
        )
    found.values |= {
        "sign_ups": done.events,
        "taken_a_second": round(done.per_second),
        "refused": done.refused,
        "kept": kept,
        "p50_seconds": round(percentile(done.waits, 0.5), 4),
        "p99_seconds": round(done.p99, 4),
        "longest_seconds": round(max(done.waits), 4),
        "granted": granted,
        "granted_a_second": round(granted / seconds) if seconds else 0,
        "confirmations": confirmations,
        "readers_kept": _count(sessions, Subscriber),
    }
    found.yardsticks |= {
        "healthz_p50_seconds": round(percentile(bare.waits, 0.5), 4),
        "healthz_p99_seconds": round(bare.p99, 4),
    }
    found.ratios |= {
        "p50_to_healthz": round(percentile(done.waits, 0.5) / percentile(bare.waits, 0.5), 2),
        "p99_to_healthz": round(done.p99 / bare.p99, 2),
    }


def _tell_apart(found: Measured, sessions: db.Sessions, settings: Settings, path: str, port: int) -> None:
    """Sign up readers and unknown addresses in random order; test whether the seconds differ (Mann and Whitney's U, two-sided)."""
    name = path.strip("/")
    known = [f"known.{name}.{n}@example.com" for n in range(PAIRS)]
    _add_readers(sessions, settings, known)
    asked = [(address, True) for address in known]
    asked += [(address.replace("known", "other"), False) for address in known]
    random.Random(11).shuffle(asked)  # noqa: S311 - an order, not a secret
    form = form_on(port, path)
    time.sleep(SigningUp.READING)
    took: dict[bool, list[float]] = {True: [], False: []}
    pages: dict[bool, set[bytes]] = {True: set(), False: set()}
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    for n, (address, is_known) in enumerate(asked):
        headers = {**FORM, "X-Forwarded-For": f"9.{n // 62_500}.{n // 250 % 250}.{n % 250}"}
        body = urlencode({**form, "address": address}).encode()
        began = time.perf_counter()
        connection.request("POST", path, body, headers)
        page = connection.getresponse().read()
        took[is_known].append(time.perf_counter() - began)
        pages[is_known].add(page)
    connection.close()
    if not pages[True] == pages[False] or len(pages[True]) != 1:
        raise NewsletterError(f"The answers of {path} tell who is a reader.")
    median = {is_known: percentile(times, 0.5) for is_known, times in took.items()}
    found.values |= {
        f"{name}_known_median_ms": round(median[True] * 1000, 3),
        f"{name}_unknown_median_ms": round(median[False] * 1000, 3),
        f"{name}_mann_whitney_p": round(float(mannwhitneyu(took[True], took[False]).pvalue), 3),
    }


def _add_readers(sessions: db.Sessions, settings: Settings, addresses: list[str]) -> None:
    key = settings.hash_key
    then = clock.system() - timedelta(days=30)
    rows: list[dict[str, Any]] = [
        {
            "address": address,
            "address_hash": address_hash(key, address),
            "person_hash": person_hash(key, address),
            "asked_at": then,
            "confirmed_at": then,
            "consent_from": "bench",
            "consent_words": "",
            "consent_version": "",
            "hour": 6,
            "zone": settings.EDITION_TZ,
            "cadence": "daily",
            "imported": False,
        }
        for address in addresses
    ]
    with sessions.begin() as session:
        db.insert_new(session, Subscriber, rows)


def _count(sessions: db.Sessions, table: Any) -> int:
    with db.reading(sessions) as session:
        return session.scalar(select(func.count()).select_from(table)) or 0
