"""A hundred slow connections of each kind, before `make run`'s server and before production as documented: nginx and gunicorn."""

from __future__ import annotations

import contextlib
import http.client
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest

from newsletter import db
from newsletter.app import create_app
from newsletter.cli.serve import site_server
from newsletter.settings import Settings

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
MANY = 100
HEAD = b"GET /healthz HTTP/1.1\r\nHost: news.example.com\r\n"
POST = (
    b"POST /signup HTTP/1.1\r\nHost: news.example.com\r\nContent-Type: application/x-www-form-urlencoded\r\n"
)
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
NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
needs_nginx = pytest.mark.skipif(NGINX is None, reason="nginx is not installed: make judges")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(port: int) -> None:
    for _ in range(300):
        if answers(port):
            return
        time.sleep(0.1)
    raise AssertionError("the site does not answer")


@pytest.fixture(scope="module")
def gunicorn(_migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of the site as ``web`` serves it, with a single worker process."""
    folder, port = tmp_path_factory.mktemp("site"), free_port()
    shutil.copy(_migrated_sqlite, folder / "newsletter.db")
    given = {"DATABASE_URL": f"sqlite:///{folder}/newsletter.db", "OUTBOX_DIR": str(folder / "outbox")}
    env = {**os.environ, **given, "SITE_URL": "http://127.0.0.1:8000"}
    command = [sys.executable, "-m", "newsletter", "web", "--port", str(port), "--workers", "1"]
    server = subprocess.Popen(command, cwd=ROOT, env=env, stderr=subprocess.PIPE)
    wait_for(port)
    yield port
    server.terminate()
    _, said = server.communicate(timeout=30)
    assert b"Traceback" not in said, said.decode()


def documented_server(port: int, gunicorn_port: int) -> str:
    """The site's server block of docs/operations.md, without TLS."""
    text = (ROOT / "docs" / "operations.md").read_text()
    block = re.findall(r"```nginx\n(.*?)```", text, re.DOTALL)[0]
    server = block[block.rindex("server {") :]
    server = re.sub(r"listen 443[^;]*;", f"listen 127.0.0.1:{port};", server)
    server = re.sub(r" *ssl_certificate.*\n", "", server)
    assert "http://127.0.0.1:8000" in server
    return server.replace("127.0.0.1:8000", f"127.0.0.1:{gunicorn_port}")


@pytest.fixture(scope="module")
def nginx(gunicorn: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of a real nginx before gunicorn, configured as documented."""
    assert NGINX
    folder, port = tmp_path_factory.mktemp("nginx"), free_port()
    paths = "".join(
        f"{kind}_temp_path {folder}/{kind};\n"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (folder / "nginx.conf").write_text(
        f"{'user root;' if os.geteuid() == 0 else ''} daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log;\n"
        f"events {{ worker_connections 4096; }}\n"
        f"http {{ access_log off;\n{paths}{documented_server(port, gunicorn)} }}\n"
    )
    server = subprocess.Popen(
        [NGINX, "-p", str(folder), "-e", f"{folder}/error.log", "-c", f"{folder}/nginx.conf"]
    )
    wait_for(port)
    yield port
    server.terminate()
    server.wait(timeout=30)


@pytest.fixture
def run_server(settings: Settings, sessions: db.Sessions) -> Iterator[int]:
    """The port of the server that ``run`` puts before the site."""
    port = free_port()
    server = site_server(create_app(settings, sessions=sessions), port)
    Thread(target=server.serve_forever, daemon=True).start()
    yield port
    server.shutdown()


def answers(port: int, path: str = "/healthz", *, within: float = 2.0) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=within)
    try:
        connection.request("GET", path, headers={"Host": "news.example.com"})
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


def keeps_nobody_out(port: int, held: list[socket.socket]) -> None:
    """A fast reader is answered while a hundred slow connections of each kind are open."""
    slow_ones = {kind: slow(port, first, held) for kind, first in KINDS.items()}
    for _ in range(10):
        assert answers(port, within=8)
        for connections in slow_ones.values():  # and they drip on
            with contextlib.suppress(OSError):
                connections[0].sendall(b"a")
    assert answers(port, "/about", within=8)


@needs_nginx
def test_slow_connections_keep_nobody_out_in_production(nginx: int, held: list[socket.socket]) -> None:
    keeps_nobody_out(nginx, held)


def test_slow_connections_keep_nobody_out_of_make_run(run_server: int, held: list[socket.socket]) -> None:
    keeps_nobody_out(run_server, held)


@needs_nginx
def test_a_connection_that_never_ends_is_dropped(nginx: int, held: list[socket.socket]) -> None:
    """Except one that has its answer and reads it late: nginx keeps such a connection alive for 75 seconds."""
    kinds = {kind: first for kind, first in KINDS.items() if kind != "reading nothing"}
    slow_ones = {kind: slow(nginx, first, held)[:2] for kind, first in kinds.items()}
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and not all(dropped(c[1]) for c in slow_ones.values()):
        time.sleep(0.3)
    assert [kind for kind, c in slow_ones.items() if not dropped(c[1])] == []
    assert answers(nginx, within=8)


def test_without_the_proxy_slow_connections_keep_everybody_out(
    gunicorn: int, held: list[socket.socket]
) -> None:
    """This shows that the connections above are slow enough to matter, and why the proxy is needed."""
    slow(gunicorn, KINDS["half a head"], held)
    assert not answers(gunicorn)


@needs_nginx
def test_a_request_in_pieces_is_understood_as_if_it_came_at_once(nginx: int) -> None:
    body = b"address=nobody&pad=" + b"x" * 30_000
    requests = [
        (HEAD + b"\r\n", b"HTTP/1.1 200"),
        (POST + b"Content-Length: %d\r\n\r\n" % len(body) + body, b"HTTP/1.1 400"),  # the form token is missing
        (POST + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n" % len(body) + body + b"\r\n0\r\n\r\n", b"HTTP/1.1 400"),
        (POST + b"Content-Length: 900000000\r\n\r\n", b"HTTP/1.1 413"),
        (HEAD + b"X: " + b"y" * 40_000, b"HTTP/1.1 400"),  # no head is that long
    ]  # fmt: skip
    for request, status in requests:
        with socket.create_connection(("127.0.0.1", nginx), timeout=5) as connection:
            for place in range(0, len(request), 9_000):
                with contextlib.suppress(OSError):
                    connection.sendall(request[place : place + 9_000])
                time.sleep(0.02)
            try:
                said = connection.recv(12)
            except ConnectionError:
                said = b""
            assert said == status
