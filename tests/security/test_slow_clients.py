"""A real gunicorn under a hundred slow connections of each kind: a fast reader is served all the same."""

from __future__ import annotations

import contextlib
import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

from newsletter.cli.serving import WORKER

ROOT = Path(__file__).parents[2]
MANY = 100
HASTY = "tests.security.hasty_worker.HastyWorker"
THEIR_OWN = "gthread"
HEAD = b"GET /healthz HTTP/1.1\r\nHost: a.example\r\n"
POST = b"POST /signup HTTP/1.1\r\nHost: a.example\r\nContent-Type: application/x-www-form-urlencoded\r\n"
KINDS = {
    "silent": b"",
    "half a head": HEAD + b"X-A: ",
    "half a body": POST + b"Content-Length: 9000\r\n\r\naddress=",
    "endless chunks": POST + b"Transfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n",
    "a chunk that ends like the last": POST + b"Transfer-Encoding: chunked\r\n\r\nff\r\n0\r\n\r\n",
    "waiting for leave": POST + b"Content-Length: 9000\r\nExpect: 100-continue\r\n\r\n",
    "a second half request": HEAD + b"\r\n" + HEAD,
    "reading nothing": HEAD.replace(b"/healthz", b"/about") + b"\r\n",
}


@pytest.fixture(scope="module")
def gunicorn(
    _migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str], int]]:
    """The site under a worker class, started when it is first asked for; gives the port."""
    folder = tmp_path_factory.mktemp("site")
    shutil.copy(_migrated_sqlite, folder / "newsletter.db")
    given = {"DATABASE_URL": f"sqlite:///{folder}/newsletter.db", "OUTBOX_DIR": str(folder / "outbox")}
    given["SITE_URL"] = "http://127.0.0.1:8000"
    started: list[subprocess.Popen[bytes]] = []

    @cache
    def start(worker: str) -> int:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port: int = probe.getsockname()[1]
        words = ["--bind", f"127.0.0.1:{port}", "--worker-class", worker, "--threads", "8", "--timeout", "30"]
        env = {**os.environ, **given, "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-m", "gunicorn", "wsgi:app", *words]
        started.append(subprocess.Popen(command, cwd=ROOT, env=env, stderr=subprocess.PIPE))
        for _ in range(300):
            if answers(port):
                return port
            time.sleep(0.1)
        raise AssertionError("gunicorn does not answer")

    yield start
    for process in started:
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=30)
        assert b"Traceback" not in said, said.decode()


def answers(port: int, path: str = "/healthz", *, within: float = 2.0) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=within)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


@pytest.fixture
def held() -> Iterator[list[socket.socket]]:
    """Sockets to close at the end."""
    held: list[socket.socket] = []
    yield held
    for one in held:
        one.close()


def slow(port: int, first: bytes, held: list[socket.socket]) -> list[socket.socket]:
    made = [socket.create_connection(("127.0.0.1", port)) for _ in range(MANY)]
    held += made
    for one in made:
        with contextlib.suppress(OSError):
            one.sendall(first)
    return made


def dropped(one: socket.socket) -> bool:
    """Whether the other side has closed, whatever it said before."""
    one.settimeout(0.2)
    try:
        while one.recv(65_536):
            pass
    except TimeoutError:
        return False
    except OSError:
        pass
    return True


def test_a_hundred_slow_connections_of_each_kind_keep_nobody_out(
    gunicorn: Callable[[str], int], held: list[socket.socket]
) -> None:
    """Answered long before any of them is dropped: their patience is ten seconds and more."""
    port = gunicorn(WORKER)
    slow_ones = {kind: slow(port, first, held) for kind, first in KINDS.items()}
    for _ in range(10):
        assert answers(port, within=8)
        for connections in slow_ones.values():  # and they drip on
            with contextlib.suppress(OSError):
                connections[0].sendall(b"a")
    assert answers(port, "/about", within=8)


def test_whoever_never_ends_is_dropped(gunicorn: Callable[[str], int], held: list[socket.socket]) -> None:
    port = gunicorn(HASTY)
    slow_ones = {kind: slow(port, first, held)[:2] for kind, first in KINDS.items()}
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and not all(dropped(c[1]) for c in slow_ones.values()):
        time.sleep(0.3)
    assert [kind for kind, c in slow_ones.items() if not dropped(c[1])] == []
    assert answers(port, within=8)


def test_the_judge_sees_what_their_own_worker_suffers(
    gunicorn: Callable[[str], int], held: list[socket.socket]
) -> None:
    port = gunicorn(THEIR_OWN)
    slow(port, KINDS["half a head"], held)
    assert not answers(port)


def test_what_arrives_in_pieces_is_understood_as_if_it_came_at_once(gunicorn: Callable[[str], int]) -> None:
    port = gunicorn(HASTY)
    body = b"address=nobody&pad=" + b"x" * 30_000
    requests = [
        (HEAD + b"\r\n", b"HTTP/1.1 200"),
        (POST + b"Content-Length: %d\r\n\r\n" % len(body) + body, b"HTTP/1.1 400"),  # the form token is missing
        (POST + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n" % len(body) + body + b"\r\n0\r\n\r\n", b"HTTP/1.1 400"),
        (POST + b"Content-Length: 900000000\r\n\r\n" + body, b"HTTP/1.1 413"),
        (HEAD + b"X: " + b"y" * 40_000, b""),  # no head is that long
    ]  # fmt: skip
    for request, status in requests:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            for place in range(0, len(request), 9_000):
                with contextlib.suppress(OSError):
                    connection.sendall(request[place : place + 9_000])
                time.sleep(0.02)
            try:
                said = connection.recv(12)
            except ConnectionError:
                said = b""
            assert said == status


def test_a_connection_kept_alive_serves_many_and_leave_to_send_is_given(
    gunicorn: Callable[[str], int],
) -> None:
    port = gunicorn(HASTY)
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    for _ in range(5):
        connection.request("GET", "/healthz")
        assert connection.getresponse().read()
    connection.close()
    with socket.create_connection(("127.0.0.1", port), timeout=5) as waiting:
        waiting.sendall(POST + b"Content-Length: 9\r\nExpect: 100-continue\r\n\r\n")
        assert waiting.recv(64).startswith(b"HTTP/1.1 100 Continue\r\n\r\n")
        waiting.sendall(b"address=a")
        assert b"HTTP/1.1 400" in waiting.recv(4_000) + waiting.recv(4_000)
