"""A gunicorn worker that slow clients cannot tie up: a request gets a thread only once it has arrived whole.

gunicorn's own threaded worker reads in its threads, so that as many slow connections as there are threads (sixteen) keep
everybody else out, for as long as they like. Here the loop that waits for all connections gathers what arrives, and drops
whoever takes too long. Behind a proxy that buffers (see docs/operations.md) it has nothing to do.

It leans on the inside of the gunicorn that is pinned; tests/security/test_slow_clients.py holds it to a real one.
"""

from __future__ import annotations

import contextlib
import logging
import re
import selectors
import socket
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from gunicorn.workers.gthread import TConn, ThreadWorker

HEAD_SECONDS = 10.0  # for all header lines
BODY_SECONDS = 30.0  # for head and body together
FAREWELL_SECONDS = 2.0  # for the other side to close after our last word
STALL_SECONDS = 20.0  # that one read or write may take once a thread is at it
LONGEST_HEAD = 32 * 1024  # bytes
LONGEST_CHUNK_LINE = 1024  # bytes before a chunk
LARGEST_BODY = 5 * 1024 * 1024  # bytes gathered; of a larger one the view sees the length and refuses it
MOST_GATHERED = 64 * 1024 * 1024  # bytes of all connections of one worker together
_HEAD_END = b"\r\n\r\n"
_LENGTH = re.compile(rb"^content-length:[ \t]*(\d{1,15})[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)
_CHUNKED = re.compile(rb"^transfer-encoding:.*chunked", re.IGNORECASE | re.MULTILINE)
_CHUNK_SIZE = re.compile(rb"([0-9a-fA-F]{1,8})[ \t]*[;\r]")
_EXPECTS = re.compile(rb"^expect:[ \t]*100-continue", re.IGNORECASE | re.MULTILINE)


class Arriving(TConn):
    """A connection and what has arrived of its next request."""

    parser: Any  # made in init

    def __init__(self, *args: Any, farewell: Callable[[socket.socket], None]) -> None:
        super().__init__(*args)
        self._farewell = farewell
        self.arrived = bytearray()
        self.due_at = 0.0  # monotonic; when it must have arrived
        self.head_size = 0  # bytes with the empty line; 0 while the head is not whole
        self.body_size = 0  # bytes; -1 when it comes in chunks
        self.chunk_at = 0  # where in what has arrived the next chunk's size stands

    def begin(self) -> None:
        """Wait for the next request."""
        self.head_size = self.body_size = 0
        self.due_at = time.monotonic() + HEAD_SECONDS

    def take(self, piece: bytes) -> bool:
        """Take the next bytes; whether a thread may look at the request now, because it is whole or is to be refused."""
        searched = max(0, len(self.arrived) - len(_HEAD_END))
        self.arrived += piece
        if not self.head_size:
            end = self.arrived.find(_HEAD_END, searched)
            if end < 0:
                return False
            self.head_size = end + len(_HEAD_END)
            self._head_read()
        if self.body_size < 0:
            return self._last_chunk_read() or len(self.arrived) > LARGEST_BODY
        return self.body_size > LARGEST_BODY or len(self.arrived) >= self.head_size + self.body_size

    def _last_chunk_read(self) -> bool:
        """Whether all chunks are here (RFC 9112, 7.1), or what follows is none, which gunicorn refuses. A chunk may hold anything,
        also what looks like the last one."""
        while (end := self.arrived.find(b"\r\n", self.chunk_at)) >= 0:
            size = _CHUNK_SIZE.match(self.arrived, self.chunk_at)
            if size is None:
                return True
            if not int(size[1], 16):
                return self.arrived.find(_HEAD_END, end) >= 0
            following = end + int(size[1], 16) + 2 * len(b"\r\n")
            if following > len(self.arrived):
                return False
            self.chunk_at = following
        return len(self.arrived) - self.chunk_at > LONGEST_CHUNK_LINE

    def _head_read(self) -> None:
        head = bytes(self.arrived[: self.head_size])
        length = _LENGTH.search(head)
        self.chunk_at = self.head_size
        self.body_size = -1 if _CHUNKED.search(head) else int(length[1]) if length else 0
        self.due_at += BODY_SECONDS - HEAD_SECONDS
        if self.body_size and _EXPECTS.search(head):
            with contextlib.suppress(OSError):
                self.sock.send(b"HTTP/1.1 100 Continue\r\n\r\n")

    def init(self) -> None:
        """Hand what has arrived to gunicorn's parser. Runs in the thread."""
        super().init()
        if self.arrived:
            self.parser.unreader.unread(bytes(self.arrived))
            self.arrived.clear()
        self.sock.settimeout(STALL_SECONDS)

    def close(self, graceful: bool = False) -> None:
        """``graceful``: read on until the other side closes, or what we said last may be lost (RFC 9112, 9.6). gunicorn
        waits for that in the loop that serves everybody, two seconds for each who does not close."""
        if graceful:
            self._farewell(self.sock)
        else:
            super().close()


class BufferingWorker(ThreadWorker):
    """gunicorn's threaded worker, with requests gathered before they get a thread."""

    poller: Any  # made in init_process

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._arriving: dict[Arriving, None] = {}
        self._gathered = 0  # bytes of all that are arriving
        self._leaving: dict[socket.socket, float] = {}  # until when (monotonic) we read on

    def init_process(self) -> None:
        self.log.error_log.addFilter(_without_stalls)
        super().init_process()

    def accept(self, listener: socket.socket) -> None:
        try:
            client, address = listener.accept()
        except OSError:
            return  # somebody else took it, or it went away again
        self.nr_conns += 1
        self._await(Arriving(self.cfg, client, address, listener.getsockname(), farewell=self._say_farewell))

    def on_client_socket_readable(self, conn: Arriving, client: socket.socket) -> None:
        """A connection kept alive speaks again."""
        self.poller.unregister(client)
        self.keepalived_conns.remove(conn)
        self._await(conn)

    def murder_pending(self) -> None:
        """Drop whoever takes too long; gunicorn calls this once a second or more often."""
        now = time.monotonic()
        for conn in [c for c in self._arriving if c.due_at <= now or not (self.alive or c.arrived)]:
            self._forget(conn)
            self._drop(conn)
        for sock in [s for s, until in self._leaving.items() if until <= now]:
            self._let_go(sock)

    def _keepalive_after(self, conn: Arriving, keepalive: bool) -> bool:
        """Who sends the next request before the answer to the last one would have it read in a thread: not kept alive."""
        kept = super()._keepalive_after(conn, keepalive)
        return bool(kept) and not conn.parser.unreader.take_buffered()

    def _await(self, conn: Arriving) -> None:
        conn.begin()
        self._arriving[conn] = None
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(self._heard, conn))

    def _heard(self, conn: Arriving, client: socket.socket) -> None:
        try:
            piece = client.recv(64 * 1024)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            piece = b""
        self._gathered += len(piece)
        if piece and conn.take(piece):
            self._forget(conn)
            conn.data_ready = True
            self.enqueue_req(conn)
        elif not piece or self._gathered > MOST_GATHERED or len(conn.arrived) > _cap(conn):
            self._forget(conn)
            self._drop(conn)

    def _say_farewell(self, sock: socket.socket) -> None:
        try:
            sock.setblocking(False)
            sock.shutdown(socket.SHUT_WR)
        except OSError:
            sock.close()
            return
        self._leaving[sock] = time.monotonic() + FAREWELL_SECONDS
        self.poller.register(sock, selectors.EVENT_READ, self._hear_out)

    def _hear_out(self, sock: socket.socket) -> None:
        try:
            if sock.recv(64 * 1024):
                return
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            pass  # gone without a farewell: as good as closed
        self._let_go(sock)

    def _let_go(self, sock: socket.socket) -> None:
        self.poller.unregister(sock)
        del self._leaving[sock]
        sock.close()

    def _forget(self, conn: Arriving) -> None:
        """It is no longer waited for."""
        self.poller.unregister(conn.sock)
        self._arriving.pop(conn, None)
        self._gathered -= len(conn.arrived)

    def _drop(self, conn: Arriving) -> None:
        self.nr_conns -= 1
        conn.close()


def _cap(conn: Arriving) -> int:
    return LONGEST_HEAD if not conn.head_size else conn.head_size + LARGEST_BODY


def _without_stalls(record: logging.LogRecord) -> bool:
    """A client that stalls is no fault of ours: no trace of it in the log."""
    return not (record.exc_info and isinstance(record.exc_info[1], TimeoutError))
