"""A loopback server of SendGrid's v3 mail/send, in a process of its own: it parses each call and counts its readers.

It remembers each ``delivery:N``, and counts those that it gets twice.
"""

from __future__ import annotations

import json
import multiprocessing
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock
from typing import Any
from urllib.parse import urlsplit

from newsletter.lab.bench.child_processes import accept_interrupts, interrupts_deferred

_START = multiprocessing.get_context("spawn")


@dataclass
class LoopbackSendGrid:
    """The address of the server, and requests for its counts."""

    url: str

    def counts(self, *, reset: bool = False) -> dict[str, int]:
        """Return the numbers of ``calls``, ``readers``, ``twice``, ``bytes`` and ``connections`` since the last ``reset``."""
        connection = HTTPConnection(urlsplit(self.url).netloc, timeout=60)
        connection.request("DELETE" if reset else "GET", "/counts")
        found: dict[str, int] = json.loads(connection.getresponse().read())
        connection.close()
        return found

    def largest_body(self) -> tuple[bytes, int]:
        """Return the largest body so far, and how many readers it had."""
        connection = HTTPConnection(urlsplit(self.url).netloc, timeout=60)
        connection.request("GET", "/body")
        answer = connection.getresponse()
        raw = answer.read()
        connection.close()
        return raw, int(answer.headers["X-Readers"])


@contextmanager
def loopback_sendgrid(*, latency: float = 0.0) -> Iterator[LoopbackSendGrid]:
    """Serve while the block runs. ``latency`` in seconds is added to each answer."""
    here, there = _START.Pipe()
    server = _START.Process(target=_serve, args=(there, latency), daemon=True)
    with interrupts_deferred():
        server.start()
    try:
        if not here.poll(60):
            raise OSError("the loopback server did not start")
        yield LoopbackSendGrid(f"http://127.0.0.1:{here.recv()}")
    finally:
        server.terminate()
        server.join()


class _Counts:
    def __init__(self) -> None:
        self.lock = Lock()
        self.clear()

    def clear(self) -> None:
        self.calls = self.readers = self.twice = self.bytes = self.connections = 0
        self.seen = bytearray()

    largest: tuple[bytes, int] = (b"", 0)

    def take(self, personalizations: list[dict[str, Any]], raw: bytes) -> int:
        """Count one call's readers. Returns the number of the call."""
        numbers = [int(one["custom_args"]["reference"].rpartition(":")[2]) for one in personalizations]
        with self.lock:
            self.calls += 1
            self.bytes += len(raw)
            self.readers += len(numbers)
            if (longest := max(numbers, default=0)) >= len(self.seen):
                self.seen.extend(bytes(longest + 1_000_000 - len(self.seen)))
            if len(numbers) > self.largest[1]:
                self.largest = (raw, len(numbers))
            for number in numbers:
                self.twice += self.seen[number]
                self.seen[number] = 1
            return self.calls

    def as_json(self) -> bytes:
        names = ("calls", "readers", "twice", "bytes", "connections")
        return json.dumps({name: getattr(self, name) for name in names}).encode()


def _serve(there: Any, latency: float) -> None:
    accept_interrupts()
    counts = _Counts()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # the whole answer in one packet

        def setup(self) -> None:
            super().setup()
            self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            counts.connections += 1

        def log_message(self, *_: object) -> None:
            pass

        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers["Content-Length"]))
            body = json.loads(raw)
            number = counts.take(body["personalizations"], raw)
            if latency:
                time.sleep(latency)
            self._answer(202, b"", f"loopback{number:08d}")

        def do_GET(self) -> None:
            if self.path == "/body":
                return self._answer(200, counts.largest[0], readers=counts.largest[1])
            return self._answer(200, counts.as_json())

        def do_DELETE(self) -> None:
            self._answer(200, counts.as_json())
            counts.clear()

        def _answer(self, status: int, raw: bytes, message_id: str = "", readers: int = 0) -> None:
            self.send_response(status)
            if readers:
                self.send_header("X-Readers", str(readers))
            if message_id:
                self.send_header("X-Message-Id", message_id)
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 128

        def handle_error(self, request: Any, client_address: Any) -> None:
            """Ignore clients that close the connection."""

    server = Server(("127.0.0.1", 0), Handler)
    there.send(server.server_address[1])
    server.serve_forever()
