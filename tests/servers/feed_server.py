"""A real HTTP server on loopback that serves feeds, and goes wrong in every way a test asks for.

It speaks on plain sockets: a proper HTTP server would not send half a header, lie about a length or cut a connection.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import TracebackType


@dataclass(frozen=True)
class Asked:
    """One request as it came. Header names are in lower case."""

    path: str
    headers: Mapping[str, str]


Act = Callable[[socket.socket, Asked], None]


@dataclass
class FeedServer:
    """``with FeedServer() as server``: then :meth:`says` what lies where, and :attr:`asked` tells who asked."""

    asked: list[Asked] = field(default_factory=list)
    most_at_once: int = 0
    _acts: dict[str, Act] = field(default_factory=dict)
    _at_once: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)
    over: threading.Event = field(
        default_factory=threading.Event
    )  # set when the test is over: whoever dawdles stops

    def __enter__(self) -> FeedServer:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port: int = self._listener.getsockname()[1]
        self.place = f"127.0.0.1:{self.port}"
        self._threads = [threading.Thread(target=self._listen, daemon=True)]
        self._threads[0].start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.over.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(5)

    def url(self, path: str) -> str:
        return f"http://{self.place}{path}"

    def says(
        self,
        path: str,
        body: bytes | str = b"",
        *,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        kind: str = "application/rss+xml",
    ) -> str:
        """Serve ``body`` at ``path``; gives the address. An ETag among the headers is honoured with 304."""
        data = body.encode() if isinstance(body, str) else body
        given = {"Content-Type": kind, "Content-Length": str(len(data)), **(headers or {})}

        def act(connection: socket.socket, asked: Asked) -> None:
            tag, since = given.get("ETag"), given.get("Last-Modified")
            same = (tag and asked.headers.get("if-none-match") == tag) or (
                since and asked.headers.get("if-modified-since") == since
            )
            if status == 200 and same:
                connection.sendall(head(304, {"ETag": tag} if tag else {}))
            else:
                connection.sendall(head(status, given) + data)

        return self.acts(path, act)

    def acts(self, path: str, act: Act) -> str:
        """Let ``act`` answer at ``path``, byte by byte if it likes."""
        self._acts[path] = act
        return self.url(path)

    def drips(self, path: str, first: bytes, drop: bytes = b" ") -> str:
        """Send ``first``, then one ``drop`` after another without end."""

        def act(connection: socket.socket, _asked: Asked) -> None:
            connection.sendall(first)
            while not self.over.wait(0.02):
                connection.sendall(drop)

        return self.acts(path, act)

    def count(self, path: str) -> int:
        return sum(a.path == path for a in self.asked)

    def _listen(self) -> None:
        while not self.over.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            connection.settimeout(0.2)
            for asked in self._requests(connection):
                with self._lock:
                    self.asked.append(asked)
                    self._at_once += 1
                    self.most_at_once = max(self.most_at_once, self._at_once)
                try:
                    connection.settimeout(5)
                    self._acts.get(asked.path, _nothing_here)(connection, asked)
                    connection.settimeout(0.2)
                finally:
                    with self._lock:
                        self._at_once -= 1

    def _requests(self, connection: socket.socket) -> Iterator[Asked]:
        waiting = b""
        while not self.over.is_set():
            try:
                piece = connection.recv(65_536)
            except TimeoutError:
                continue
            if not piece:
                return
            waiting += piece
            while b"\r\n\r\n" in waiting:
                first, _, waiting = waiting.partition(b"\r\n\r\n")
                lines = first.decode("latin-1").split("\r\n")
                pairs = (line.partition(":") for line in lines[1:])
                yield Asked(lines[0].split(" ")[1], {name.lower(): value.strip() for name, _, value in pairs})


def head(status: int, headers: Mapping[str, str]) -> bytes:
    lines = [f"HTTP/1.1 {status} Said", *(f"{name}: {value}" for name, value in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def reset(connection: socket.socket) -> None:
    """Cut the connection with a reset, not with a farewell."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def rss(*entries: str, title: str = "The Harbour Lantern") -> str:
    return (
        f'<?xml version="1.0"?><rss version="2.0"><channel><title>{title}</title>'
        f"<link>https://lantern.example/</link>{''.join(entries)}</channel></rss>"
    )


def entry(number: int | str, *, title: str = "", summary: str = "", date: str | None = None) -> str:
    """An RSS entry of its own address; ``title`` and ``summary`` are put in as they are."""
    when = f"<pubDate>{date}</pubDate>" if date is not None else ""
    return (
        f"<item><title>{title or f'The ferry line opens pier {number}'}</title>"
        f"<link>https://lantern.example/news/{number}</link><guid>id-{number}</guid>"
        f"<description>{summary or f'Pier {number} was opened on Sunday.'}</description>{when}</item>"
    )


def _nothing_here(connection: socket.socket, _asked: Asked) -> None:
    connection.sendall(head(404, {"Content-Length": "0"}))
