"""The only door to the network: polite, patient up to a deadline, and closed towards the machines around us.

Written on the standard library's HTTP client rather than on requests: the deadline must hold for name lookup, connecting,
headers, redirects and a body that drips byte by byte, and the address that was checked must be the one connected to.
"""

from __future__ import annotations

import http.client
import ssl
import threading
import zlib
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Protocol
from urllib.parse import urljoin

from newsletter import clock
from newsletter.feeds.connections import (
    Connection,
    Deadline,
    FetchError,
    Resolver,
    Target,
    system_resolver,
    tls_context,
)
from newsletter.feeds.encoding import Damaged, Inflater, TooLarge
from newsletter.feeds.urls import UrlRefused, take_apart
from newsletter.settings import Settings

__all__ = ["FetchError", "Fetched", "Fetcher", "PoliteFetcher"]

DEADLINE = 15.0  # seconds for everything: lookup, connection, redirects, headers and body
LARGEST = 5 * 1024 * 1024  # bytes of a document, unpacked
MOST_REDIRECTS = 5
IDLE_CONNECTIONS = 32
PIECE = 64 * 1024  # bytes
_REDIRECTS = {301, 302, 303, 307, 308}
_ACCEPT = (
    "application/rss+xml, application/atom+xml, application/feed+json, application/json;q=0.9, */*;q=0.5"
)


@dataclass(frozen=True)
class Fetched:
    """What a server answered. ``body`` is unpacked, and empty unless the status is 200."""

    status: int
    body: bytes
    etag: str | None
    last_modified: str | None
    content_type: str
    url: str  # where the answer came from, after redirects
    retry_after: int | None  # seconds; None when the server did not ask for a pause


class Fetcher(Protocol):
    """Whoever can bring a document: :class:`PoliteFetcher`, or the sample edition's shelf."""

    def __call__(self, url: str, *, etag: str | None = None, last_modified: str | None = None) -> Fetched:
        """Fetch, unless the server says it is unchanged (304). Raises :class:`FetchError`."""
        ...


class PoliteFetcher:
    """Fetches over HTTP for any number of threads, keeping connections alive between requests to one host.

    Keeps no cookies, uses no proxy from the environment, speaks to private networks only at the ``host:port`` pairs
    of ``FETCH_ALLOW_PRIVATE``, and only for a feed that lies there itself: a redirect from outside does not get in.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        deadline: float = DEADLINE,
        largest: int = LARGEST,
        resolver: Resolver = system_resolver,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._allowed = settings.allowed_private
        self._deadline = deadline
        self._largest = largest
        self._resolver = resolver
        self._tls = tls or tls_context()
        self._agent = f"{_ascii(settings.SITE_NAME)}/1 (news reader; +{_ascii(settings.SITE_URL)})"
        self._idle: list[Connection] = []
        self._lock = threading.Lock()

    def __call__(self, url: str, *, etag: str | None = None, last_modified: str | None = None) -> Fetched:
        deadline = Deadline(self._deadline)
        asked = {"If-None-Match": etag, "If-Modified-Since": last_modified}
        conditions = {name: value for name, value in asked.items() if value and _is_header_value(value)}
        at_home: bool | None = None
        for _ in range(MOST_REDIRECTS + 1):
            target, path, url = self._target(url, at_home)
            at_home = target.trusted
            try:
                answer = self._ask(target, path, url, conditions, deadline)
            except (OSError, http.client.HTTPException, zlib.error) as error:
                raise _explained(error, deadline) from error
            if isinstance(answer, Fetched):
                return answer
            url = _joined(url, answer)
        raise FetchError(f"It redirects more than {MOST_REDIRECTS} times.")

    def close(self) -> None:
        """Let go of the connections kept alive."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def __enter__(self) -> PoliteFetcher:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _target(self, url: str, at_home: bool | None) -> tuple[Target, str, str]:
        """Where to connect, what to ask for, and the address in clean form. ``at_home`` None: this is the feed itself."""
        try:
            scheme, host, port, path, query = take_apart(url)
        except UrlRefused as error:
            where = "The address" if at_home is None else "It redirects to an address that"
            raise FetchError(f"{where} cannot be fetched: {error}.") from None
        host = host.strip("[]")
        trusted = at_home is not False and (host, port) in self._allowed
        asked_for = f"{path}?{query}" if query else path
        target = Target(scheme, host, port, trusted)
        return target, asked_for, f"{scheme}://{target.host_header}{asked_for}"

    def _ask(
        self, target: Target, path: str, url: str, conditions: dict[str, str], deadline: Deadline
    ) -> Fetched | str:
        """One request; gives the answer, or the address it redirects to."""
        headers = {
            "Host": target.host_header,
            "User-Agent": self._agent,
            "Accept": _ACCEPT,
            "Accept-Encoding": "gzip, deflate",
            **conditions,
        }
        connection = self._take(target)
        while True:
            connection.serve(deadline)
            try:
                connection.request("GET", path, headers=headers)
                response = connection.getresponse()
                break
            except (ConnectionError, http.client.BadStatusLine):
                # A connection kept alive may have been closed meanwhile; a fresh one tells the truth.
                connection.close()
                if connection.fresh:
                    raise
                connection = Connection(target, self._resolver, self._tls)
            except BaseException:
                connection.close()
                raise
        whole = False
        try:
            location = response.headers.get("Location")
            if response.status in _REDIRECTS and location:
                return location
            body = self._body(response) if response.status == 200 else b""
            whole = response.status in (200, 304) and not response.will_close
            return _fetched(response, body, url)
        finally:
            response.close()
            self._give_back(connection) if whole else connection.close()

    def _body(self, response: http.client.HTTPResponse) -> bytes:
        """Read and unpack as it arrives, so that neither an endless body nor a bomb is ever held."""
        coding = response.headers.get("Content-Encoding", "").strip().lower().removeprefix("x-")
        if coding not in ("", "identity", "gzip", "deflate"):
            raise FetchError(f"It is packed in a way we did not ask for ({coding[:20]!r}).")
        too_large = FetchError(f"It is larger than {self._largest / 1024 / 1024:g} MB.")
        inflater = Inflater(coding, self._largest)
        packed = 0
        try:
            while piece := response.read1(PIECE):
                packed += len(piece)
                if packed > self._largest:
                    raise too_large
                inflater.feed(piece)
            if response.length:
                raise FetchError(f"It broke off: {response.length} of the promised bytes are missing.")
            return inflater.finish()
        except TooLarge:
            raise too_large from None
        except Damaged:
            raise FetchError("Its packed content is damaged.") from None

    def _take(self, target: Target) -> Connection:
        with self._lock:
            for place, connection in enumerate(self._idle):
                if connection.target == target:
                    del self._idle[place]
                    connection.fresh = False
                    return connection
        return Connection(target, self._resolver, self._tls)

    def _give_back(self, connection: Connection) -> None:
        with self._lock:
            self._idle.append(connection)
            surplus = self._idle.pop(0) if len(self._idle) > IDLE_CONNECTIONS else None
        if surplus is not None:
            surplus.close()


def _joined(url: str, location: str) -> str:
    try:
        return urljoin(url, location)
    except ValueError:
        raise FetchError("It redirects to an address that cannot be read.") from None


def _fetched(response: http.client.HTTPResponse, body: bytes, url: str) -> Fetched:
    headers = response.headers
    return Fetched(
        status=response.status,
        body=body,
        etag=_short(headers.get("ETag")),
        last_modified=_short(headers.get("Last-Modified")),
        content_type=_short(headers.get("Content-Type")) or "",
        url=url,
        retry_after=_retry_after(headers.get("Retry-After"), headers.get("Date")),
    )


def _retry_after(said: str | None, server_date: str | None) -> int | None:
    """Seconds to wait: the header holds seconds or a moment, and a moment is meant by the server's own clock."""
    if said is None:
        return None
    if said.strip().isascii() and said.strip().isdigit():
        return int(said.strip()[:9])
    until, since = _moment(said), _moment(server_date) or clock.system()
    return None if until is None else max(0, int((until - since).total_seconds()))


def _moment(text: str | None) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text or "")
    except (ValueError, TypeError, OverflowError):
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


def _explained(error: Exception, deadline: Deadline) -> FetchError:
    """What went wrong on the way, as one sentence."""
    try:
        deadline.remaining()
    except FetchError as passed:
        return passed
    if isinstance(error, ssl.SSLCertVerificationError):
        return FetchError(f"Its certificate is not valid: {error.verify_message}.")
    if isinstance(error, ssl.SSLError):
        return FetchError("No secure connection could be made.")
    if isinstance(error, TimeoutError):
        return FetchError("No connection could be made in time.")
    if isinstance(error, ConnectionRefusedError):
        return FetchError("The server refuses connections.")
    if isinstance(error, http.client.IncompleteRead):
        return FetchError("It broke off before it was whole.")
    if isinstance(error, ConnectionError):
        return FetchError("The server cut the connection.")
    if isinstance(error, http.client.HTTPException):
        return FetchError("The server does not speak proper HTTP.")
    return FetchError("The server cannot be reached.")


def _short(value: str | None) -> str | None:
    """A header worth keeping: one printable line of sane length (we send validators back as they came)."""
    return value.strip() if value and len(value) <= 1_000 and _is_header_value(value) else None


def _is_header_value(value: str) -> bool:
    return value.isascii() and value.isprintable()


def _ascii(text: str) -> str:
    """A setting as it may stand in a header."""
    return "".join(c for c in text if " " <= c <= "~" and c not in '()<>@\\"') or "newsletter"
