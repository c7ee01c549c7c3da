"""Posts to a loopback server, at a rate or as fast as it answers, and measures the time to each answer."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from itertools import accumulate, islice
from threading import Event, Lock, Thread
from typing import TypeVar
from urllib.parse import urlencode

from newsletter.lab.bench.measuring import percentile
from newsletter.lab.bench.sendgrid_events import Post

Item = TypeVar("Item")


@dataclass
class Posted:
    """The answers. ``waits`` are the seconds from the moment a post was due (or made) to its complete answer."""

    events: int = 0
    seconds: float = 0.0
    waits: list[float] = field(default_factory=list)
    refused: int = 0

    @property
    def per_second(self) -> float:
        return self.events / self.seconds if self.seconds else 0.0

    @property
    def p99(self) -> float:
        return percentile(self.waits, 0.99)


def in_lanes(items: Iterable[Item], work: Callable[[Iterator[Item]], None], *, lanes: int) -> None:
    """Let ``lanes`` threads take items from one queue until it is empty. At an error or Ctrl-C each finishes its present item."""
    line, turn, stop = iter(items), Lock(), Event()

    def own() -> Iterator[Item]:
        while not stop.is_set():
            with turn:
                taken = list(islice(line, 1))
            if not taken:
                return
            yield taken[0]

    with ThreadPoolExecutor(lanes) as pool:
        going = [pool.submit(work, own()) for _ in range(lanes)]
        try:
            for each in going:
                each.result()
        finally:
            stop.set()


def post_all(
    posts: Sequence[Post],
    *,
    port: int,
    path: str = "/webhooks/sendgrid",
    rate: float | None = None,
    lanes: int = 8,
) -> Posted:
    """Post in order over connections kept open. With ``rate`` (events a second) each post has a moment at which it is due, whether or not
    the server keeps up, and its wait counts from that moment; without ``rate`` posts are made as fast as the answers come."""
    done, lock = Posted(), Lock()
    waiting = zip(posts, accumulate((p.events for p in posts), initial=0), strict=False)
    began = time.monotonic()

    def lane(own: Iterator[tuple[Post, int]]) -> None:
        connection = HTTPConnection("127.0.0.1", port, timeout=120)
        for post, before in own:
            due = began + before / rate if rate else time.monotonic()
            time.sleep(max(0.0, due - time.monotonic()))
            status = _post(connection, path, post)
            with lock:
                done.waits.append(time.monotonic() - due)
                done.events += post.events
                done.refused += status not in (200, 204)
        connection.close()

    in_lanes(waiting, lane, lanes=lanes)
    done.seconds = time.monotonic() - began
    return done


def _post(connection: HTTPConnection, path: str, post: Post) -> int:
    try:
        connection.request("POST", path, post.body, post.headers)
        answer = connection.getresponse()
        answer.read()
        return answer.status
    except (OSError, HTTPException):
        connection.close()
        return 0


class SigningUp:
    """Signs up again and again while the block runs. ``posted.waits`` are the seconds that each sign-up took."""

    PAUSE = 0.1  # seconds between two sign-ups
    READING = 2.0  # seconds from loading the form to sending it, above the limit of bot_timing

    def __init__(self, port: int, form: dict[str, str]) -> None:
        self._port, self._form = port, form
        self._stop = Event()
        self._thread = Thread(target=self._run, daemon=True)
        self.posted = Posted()

    def __enter__(self) -> SigningUp:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        connection = HTTPConnection("127.0.0.1", self._port, timeout=120)
        n = 0
        while not self._stop.wait(self.PAUSE):
            n += 1
            said = {**self._form, "address": f"new.{n}@example.com", "zone": "Europe/Berlin"}
            headers = {
                "Content-Type": "application/x-www-form-urlencoded",
                "X-Forwarded-For": f"198.51.{n // 250}.{n % 250}",  # each from a network of its own
            }
            began = time.monotonic()
            status = _post(connection, "/signup", Post(urlencode(said).encode(), headers, 0))
            self.posted.waits.append(time.monotonic() - began)
            self.posted.refused += status != 200
        connection.close()
