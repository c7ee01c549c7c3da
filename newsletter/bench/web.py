"""bench web: the site's pages asked for so many times a second from gunicorn as in production, beside its /healthz at the same rate."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path
from threading import Lock
from typing import Any

from sqlalchemy import select

from newsletter import db
from newsletter.bench.dispatch import settings_for
from newsletter.bench.events import served
from newsletter.bench.measuring import Measured, Progress, percentile, timed
from newsletter.errors import NewsletterError
from newsletter.models import Issue, Placement, Story

LANES = 8  # connections that ask at once
_ROOT = Path(__file__).parent.parent.parent


def bench_web(*, rate: float, seconds: float, workers: int, progress: Progress) -> Measured:
    """Ask at ``rate`` a second for ``seconds``; a wait counts from the moment a request was due, whether the site keeps up or not."""
    found = Measured("web")
    found.values |= {"rate": rate, "workers": workers}
    with tempfile.TemporaryDirectory(prefix="newsletter-bench-") as folder:
        values = settings_for(f"sqlite:///{folder}/bench.db", Path(folder))
        values |= {"OUTBOX_DIR": f"{folder}/outbox", "LLM_DIR": f"{folder}/llm"}
        progress("sample edition", 0, 1, "")
        _make_the_day(values, folder)
        progress("sample edition", 1, 1, "")
        paths = _paths(values["DATABASE_URL"])
        with served(values, "newsletter", workers) as port:
            _ask(port, paths * 4, rate=1000.0)  # warm: templates compiled, every worker awake
            count = int(rate * seconds)
            progress("asking", 0, 2, "pages")
            with timed() as watch:
                waits, wrong = _ask(port, [paths[n % len(paths)] for n in range(count)], rate=rate)
            progress("asking", 1, 2, "healthz")
            plain, _ = _ask(port, ["/healthz"] * count, rate=rate)
            progress("asking", 2, 2, "done")
    found.values |= {
        "requests": count,
        "not_200": wrong,
        "reached_per_second": round(count / watch.seconds, 1),
    }
    found.values |= {f"p{p}_ms": _ms(waits, p) for p in (50, 99)}
    found.yardsticks |= {f"healthz_p{p}_ms": _ms(plain, p) for p in (50, 99)}
    for p in (50, 99):
        bare = max(found.yardsticks[f"healthz_p{p}_ms"], 0.1)
        found.ratios[f"p{p}_to_healthz"] = round(found.values[f"p{p}_ms"] / bare, 2)
    return found


def _ms(waits: list[float], share: int) -> float:
    return round(percentile(waits, share / 100) * 1000, 1)


def _make_the_day(values: dict[str, Any], folder: str) -> None:
    """The sample edition, so that there are stories to read."""
    environment = {"PATH": os.defpath, "PYTHONPATH": str(_ROOT), **{n: str(v) for n, v in values.items()}}
    done = subprocess.run(
        [sys.executable, "-m", "newsletter", "run", "--once", "--sample"],
        env=environment, cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise NewsletterError(f"The sample edition could not be made: {done.stderr.strip()[-300:]}")


def _paths(url: str) -> list[str]:
    """The landing page, sign-up, the issues, the latest one, and a story page of it."""
    engine = db.make_engine(url)
    with db.reading(db.make_sessions(engine)) as session:
        day = session.scalar(select(Issue.issued_on).order_by(Issue.issued_on.desc()).limit(1))
        slug = session.scalar(select(Story.slug).join(Placement, Placement.story_id == Story.id).limit(1))
    engine.dispose()
    return ["/", "/signup", "/issues", f"/issues/{day}", f"/stories/{slug}"]


def _ask(port: int, paths: Sequence[str], *, rate: float) -> tuple[list[float], int]:
    """Seconds that each answer took from the moment it was due, and how many were not 200."""
    waits: list[float] = []
    wrong = 0
    lock = Lock()
    waiting = iter(enumerate(paths))
    began = time.monotonic()

    def lane() -> None:
        nonlocal wrong
        connection = HTTPConnection("127.0.0.1", port, timeout=60)
        while True:
            with lock:
                place, path = next(waiting, (0, ""))
            if not path:
                break
            due = began + place / rate
            time.sleep(max(0.0, due - time.monotonic()))
            connection.request("GET", path)
            answer = connection.getresponse()
            answer.read()
            with lock:
                waits.append(time.monotonic() - due)
                wrong += answer.status != 200
        connection.close()

    with ThreadPoolExecutor(LANES) as lanes:
        for done in [lanes.submit(lane) for _ in range(LANES)]:
            done.result()
    return waits, wrong
