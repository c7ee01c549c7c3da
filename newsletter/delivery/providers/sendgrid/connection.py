"""Connections to SendGrid kept open beneath the official SDK, which opens a new one for each call.

The moment the first byte of a call leaves is the line between knowing and not knowing. Whatever goes wrong before it is
:class:`Unsent`, a definite no; whatever goes wrong after it is anybody's guess and stays the error it was. A kept connection is
looked at before it is used: one that the other side has closed is thrown away, unused. When it closes in the very moment in
which we write, nobody can tell what it read, and that is doubt like any other.
"""

from __future__ import annotations

import io
import select
import ssl
from collections import deque
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPSConnection
from time import monotonic
from typing import Any, Final
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.response import addinfourl

from python_http_client.client import Client
from python_http_client.exceptions import handle_error

from newsletter.delivery.providers.protocol import MayBegin

CONNECT_TIMEOUT: Final = 10.0  # seconds, for the connection and its encryption
IDLE_AT_MOST: Final = 10.0  # seconds a connection is kept unused; far less than servers usually keep one
_JSON: Final = "application/json"


class Unsent(Exception):
    """No connection came about: nothing of the call left us. ``__cause__`` says why."""


class NotBegun(Exception):
    """The call's claim was over before its first byte, or before its last: the other side cannot have taken it."""


class Lines:
    """Open connections to one host, shared by threads: each call has one to itself. ``base`` is SENDGRID_HOST."""

    def __init__(self, base: str) -> None:
        parts = urlsplit(base)
        self._host, self._port = parts.hostname or "", parts.port
        self._tls = ssl.create_default_context() if parts.scheme == "https" else None
        self._idle: deque[tuple[HTTPConnection, float]] = deque()

    def take(self) -> HTTPConnection:
        """A connection that is open now. Raises :class:`Unsent`."""
        while self._idle:
            try:
                line, since = self._idle.pop()
            except IndexError:  # another thread was faster
                break
            if monotonic() - since < IDLE_AT_MOST and not _has_something(line):
                return line
            line.close()
        line = (
            HTTPSConnection(self._host, self._port, timeout=CONNECT_TIMEOUT, context=self._tls)
            if self._tls
            else HTTPConnection(self._host, self._port, timeout=CONNECT_TIMEOUT)
        )
        try:
            line.connect()
        except OSError as error:
            line.close()
            raise Unsent from error
        line.auto_open = 0  # never again by itself: a request that fails must not begin anew
        return line

    def keep(self, line: HTTPConnection) -> None:
        """Done with: open for the next call."""
        self._idle.append((line, monotonic()))

    def close(self) -> None:
        """Close what is kept. Safe to call twice."""
        while self._idle:
            self._idle.pop()[0].close()


def _has_something(line: HTTPConnection) -> bool:
    """Whether the other side has closed an idle connection, or speaks unasked; either way it is not fit for a call."""
    if line.sock is None:
        return True
    look = select.poll()
    look.register(line.sock, select.POLLIN)
    return bool(look.poll(0))


def _last_byte_apart(data: _Bytes) -> Iterator[bytes]:
    """A call without its last byte is none, so the claim is looked at once more before that. Raises :class:`NotBegun`."""
    yield data[:-1]
    if not data.may_begin():
        raise NotBegun
    yield data[-1:]


class PreparedBody(str):
    """The JSON of a call, serialised already, and whether it may begin (asked with the connection open, right before the first
    byte). The SDK sends it as it is, and its debug log learns the length alone: a thousand addresses belong in no log."""

    may_begin: MayBegin

    def __new__(cls, text: str, may_begin: MayBegin) -> PreparedBody:
        body = super().__new__(cls, text)
        body.may_begin = may_begin
        return body

    def encode(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
        raw = _Bytes(super().encode(encoding, errors))
        raw.may_begin = self.may_begin
        return raw


class _Bytes(bytes):
    may_begin: MayBegin

    def __format__(self, _: str) -> str:
        return f"{len(self)} bytes"


class KeptOpen(Client):
    """The SDK's HTTP client, speaking over :class:`Lines`. Raises :class:`Unsent`, :class:`NotBegun`, the SDK's own HTTPError for an answer of
    400 or more, and whatever the connection raises once something was written."""

    def __init__(self, lines: Lines, **values: Any) -> None:
        super().__init__(**values)
        self._lines = lines
        # Any other type than plain "application/json" makes the SDK leave the body alone; on the wire it is the plain one.
        self.request_headers["Content-Type"] = f"{_JSON}; prepared"

    def _build_client(self, name: str | None = None) -> KeptOpen:
        return KeptOpen(
            self._lines,
            host=self.host,
            version=self._version,
            request_headers=self.request_headers,
            url_path=[*self._url_path, name] if name else self._url_path,
            append_slash=self.append_slash,
            timeout=self.timeout,
        )

    def _make_request(self, opener: Any, request: Any, timeout: float | None = None) -> Any:
        line = self._lines.take()
        if not request.data.may_begin():
            self._lines.keep(line)
            raise NotBegun
        try:
            assert line.sock is not None
            line.sock.settimeout(timeout or self.timeout)
            headers = {
                **dict(request.header_items()),
                "Content-type": _JSON,
                "Content-Length": str(len(request.data)),
            }
            line.request(request.get_method(), request.selector, _last_byte_apart(request.data), headers)
            answer = line.getresponse()
            raw = answer.read()
        except BaseException:
            line.close()
            raise
        if answer.will_close:
            line.close()
        else:
            self._lines.keep(line)
        if answer.status >= 400:
            refused = HTTPError(request.full_url, answer.status, answer.reason, answer.msg, io.BytesIO(raw))
            raise handle_error(refused) from None
        return addinfourl(io.BytesIO(raw), answer.msg, request.full_url, answer.status)
