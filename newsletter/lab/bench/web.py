"""bench web: requests the site's pages from gunicorn as in production, at a rate, while an Issue is dispatched.

Anonymous readers read the front page, Issues and Stories; signed-in readers read Stories and their account; people sign up.
Yardstick, during the same dispatch: ``/healthz``, which does nothing, at the same rate.
"""

from __future__ import annotations

import re
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from http.client import HTTPConnection, HTTPException
from itertools import count
from pathlib import Path
from threading import Lock
from typing import Any
from urllib.parse import urlencode

from sqlalchemy import select

from newsletter import clock, db, log
from newsletter.db.models import Issue, Placement, Story, Subscriber
from newsletter.errors import NewsletterError
from newsletter.feeds import sample
from newsletter.jobs import pipeline
from newsletter.lab.bench.databases import bench_database
from newsletter.lab.bench.dispatch import prepare, settings_for
from newsletter.lab.bench.dispatch_process import dispatch_here, dispatch_in, service_for, together
from newsletter.lab.bench.events import form_on, served
from newsletter.lab.bench.loopback_sendgrid import loopback_sendgrid
from newsletter.lab.bench.measuring import Bar, Measured, Progress, percentile
from newsletter.lab.bench.posting import SigningUp, in_lanes
from newsletter.lab.bench.readers import ALL_DUE, COMPOSED
from newsletter.subscribers.tokens import SIGNIN, subject_of

P99_GOAL = 300.0  # ms
LANES = 16  # connections that request at the same time
LATENCY = 0.25  # seconds added to each answer of the loopback SendGrid; a guess of the real one's
STEPS = ("gather", "group", "summarize", "compose", "check", "approve")


@dataclass(frozen=True)
class Ask:
    """One request: the kind that it is counted as, and how it is made."""

    kind: str
    path: str
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None


@dataclass
class Answers:
    """Seconds from the moment each request was due to its complete answer, by kind, and how many were refused."""

    waits: dict[str, list[float]] = field(default_factory=dict)
    wrong: int = 0
    bytes: int = 0
    seconds: float = 0.0

    @property
    def all_waits(self) -> list[float]:
        return [w for waits in self.waits.values() for w in waits]

    def ms(self, share: int, kind: str = "") -> float:
        """Return the percentile ``share`` in milliseconds, of all or of one kind."""
        return round(percentile(self.waits[kind] if kind else self.all_waits, share / 100) * 1000, 1)


def bench_web(
    *,
    rate: float,
    seconds: float,
    workers: int,
    readers: int = 250_000,
    database: str = "sqlite",
    progress: Progress,
) -> Measured:
    """Make ``rate`` requests a second for ``seconds`` while ``readers`` are mailed; a wait counts from the moment a request was due."""
    found = Measured("web")
    many = int(rate * seconds)
    with (
        tempfile.TemporaryDirectory(prefix="newsletter-bench-") as folder,
        bench_database(database, Path(folder)) as engine,
        loopback_sendgrid(latency=LATENCY) as far_side,
    ):
        values = settings_for(engine.url.render_as_string(hide_password=False), Path(folder))
        values |= {"MAIL_PROVIDER": "sendgrid", "SENDGRID_API_KEY": "SG.bench", "SENDGRID_HOST": far_side.url}
        values |= {"TRUSTED_PROXIES": 1, "LLM_DIR": f"{folder}/llm"}
        prepare(values, readers, found, progress=progress)
        progress("sample edition", 0, 1, "")
        _make_the_day(values)
        progress("freezing", 0, 1, "")
        dispatch_here(values, COMPOSED, limit=0)
        with served(values, "newsletter", workers) as port, ThreadPoolExecutor(1) as beside:
            asks = _mix(values, port)
            time.sleep(SigningUp.READING)
            _ask(
                port, [next(asks) for _ in range(200)], rate=200.0
            )  # so that templates are compiled and every worker has started
            going = beside.submit(dispatch_in, values, COMPOSED + ALL_DUE, progress=lambda *_: None)
            progress("asking", 0, 2, f"{rate:g}/s")
            pages = _ask(port, [next(asks) for _ in range(many)], rate=rate)
            still = not going.done()
            progress("asking", 1, 2, "healthz")
            plain = _ask(port, [Ask("healthz", "/healthz")] * many, rate=rate)
            still_then = not going.done()
            dispatched = together(going.result())
            progress("asking", 2, 2, "done")
    found.values |= {
        "database": engine.dialect.name,
        "gunicorn_workers": workers,
        "rate": rate,
        "requests": many,
        "not_200": pages.wrong,
        "reached_per_second": round(many / pages.seconds, 1),
        "mailed_meanwhile": dispatched["accepted"],
        "dispatch_seconds": round(dispatched["seconds"], 1),
        "dispatching_all_the_time_of_the_pages": still,
        "kilobytes_an_answer": round(pages.bytes / max(1, many) / 1024, 1),
    }
    found.yardsticks["dispatching_all_the_time_of_healthz"] = still_then
    _report(found, pages, plain)
    return found


def _report(found: Measured, pages: Answers, plain: Answers) -> None:
    """Write the waits for ``pages`` into ``found`` beside those for ``plain``, the yardstick, in milliseconds."""
    found.values |= {f"p{p}_ms": pages.ms(p) for p in (50, 99)}
    found.values |= {f"{kind}_p99_ms": pages.ms(99, kind) for kind in sorted(pages.waits)}
    found.yardsticks |= {f"healthz_p{p}_ms": plain.ms(p) for p in (50, 99)}
    for p in (50, 99):
        bare = max(found.yardsticks[f"healthz_p{p}_ms"], 0.1)
        found.ratios[f"p{p}_to_healthz"] = round(found.values[f"p{p}_ms"] / bare, 2)
    if found.values["requests"] >= 500:
        found.bars.append(Bar("answered (p99)", found.values["p99_ms"], P99_GOAL, "ms"))
    else:
        found.notes.append("too few requests to judge times")


def _make_the_day(values: dict[str, Any]) -> None:
    """Make the sample edition, approved and not mailed, so that there are Stories to read."""
    log.configure(json=True, level=40)  # errors only
    now = clock.system()
    service = service_for({**values, "MAIL_PROVIDER": "outbox"}, now)
    parts = pipeline.Parts(service, sample.catalogue(), sample.fetcher(now), is_sample=True)
    for after, step in enumerate(STEPS):
        pipeline.run_step(parts, step, due_at=now - timedelta(minutes=1) + timedelta(seconds=after))
    service.sessions.kw["bind"].dispose()


def _mix(values: dict[str, Any], port: int) -> Any:
    """Yield requests without end: of twenty, fourteen anonymous, five by signed-in readers, and one sign-up."""
    service = service_for(values, clock.system())
    with db.reading(service.sessions) as session:
        day = session.scalar(select(Issue.issued_on).order_by(Issue.issued_on.desc()).limit(1))
        slugs = session.scalars(
            select(Story.slug).join(Placement, Placement.story_id == Story.id).order_by(Placement.rank)
        ).all()
        readers = session.scalars(select(Subscriber).order_by(Subscriber.id).limit(10)).all()
        tokens = [service.tokens.make(SIGNIN, f"{subject_of(r.id, r.address_hash)}.{r.id}") for r in readers]
    service.sessions.kw["bind"].dispose()
    if not slugs:
        raise NewsletterError("The sample edition of the bench has no stories.")
    cookies = [_signed_in(port, token) for token in tokens]
    form = form_on(port)
    zipped = {"Accept-Encoding": "gzip"}

    def sign_up(n: int) -> Ask:
        said = {**form, "address": f"new.{n}@example.com", "zone": "Europe/Berlin", "hour": "6"}
        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            "X-Forwarded-For": f"{20 + n // 62_500}.{n // 250 % 250}.{n % 250}.9",  # each from a network of its own
        }
        return Ask("sign_up", "/signup", headers, urlencode(said).encode())

    def reader(n: int) -> dict[str, str]:
        return {**zipped, "Cookie": cookies[n % len(cookies)]}

    makers: list[Callable[[int], Ask]] = [
        *[lambda n: Ask("landing", "/", zipped)] * 5,
        *[lambda n: Ask("story", f"/stories/{slugs[n % len(slugs)]}", zipped)] * 4,
        *[lambda n: Ask("story_signed_in", f"/stories/{slugs[n % len(slugs)]}", reader(n))] * 3,
        *[lambda n: Ask("issue", f"/issues/{day}", zipped)] * 2,
        *[lambda n: Ask("account", "/account", reader(n))] * 2,
        lambda n: Ask("archive", "/issues", zipped),
        lambda n: Ask("form", "/signup", zipped),
        lambda n: Ask("about", "/about", zipped),
        sign_up,
    ]
    return (
        makers[n * 7 % len(makers)](n) for n in count()
    )  # 7 and 20 share no factor, so the kinds are mixed


def _signed_in(port: int, token: str) -> str:
    """Return the cookie of a reader who followed their sign-in link and pressed the button."""
    form = form_on(port, f"/signin/{token}")
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    connection.request("POST", f"/signin/{token}", urlencode(form), headers)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    found = re.match(r"[^;]+", answer.getheader("Set-Cookie", ""))
    if answer.status != 303 or not found:
        raise NewsletterError(f"A reader of the bench could not sign in: {answer.status}.")
    return found[0]


def _ask(port: int, asks: Sequence[Ask], *, rate: float) -> Answers:
    """Make these requests at this rate over :data:`LANES` connections, whether or not the site keeps up."""
    done, lock = Answers(), Lock()
    began = time.monotonic()

    def lane(own: Iterator[tuple[int, Ask]]) -> None:
        connection = HTTPConnection("127.0.0.1", port, timeout=60)
        for place, ask in own:
            due = began + place / rate
            time.sleep(max(0.0, due - time.monotonic()))
            status, size = _made(connection, ask)
            with lock:
                done.waits.setdefault(ask.kind, []).append(time.monotonic() - due)
                done.wrong += status != 200
                done.bytes += size
        connection.close()

    in_lanes(enumerate(asks), lane, lanes=LANES)
    done.seconds = time.monotonic() - began
    return done


def _made(connection: HTTPConnection, ask: Ask) -> tuple[int, int]:
    try:
        connection.request("GET" if ask.body is None else "POST", ask.path, ask.body, ask.headers)
        answer = connection.getresponse()
        return answer.status, len(answer.read())
    except (OSError, HTTPException):
        connection.close()
        return 0, 0
