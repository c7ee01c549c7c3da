"""Fetch documents over HTTP, within a deadline and from public addresses only. All fetching of feeds goes through here.

The fetcher uses the standard library's HTTP client instead of requests for two reasons: the deadline must hold for name
lookup, connecting, headers, redirects and a body that arrives byte by byte, and the address that was checked must be the
one connected to.
"""

from __future__ import annotations

import http.client
import ssl
import threading
import zlib
from collections.abc import Callable
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
from newsletter.feeds.page_rights import SIGNAL_HEADERS
from newsletter.feeds.urls import UrlRefused, take_apart
from newsletter.settings import Settings

__all__ = ["FetchError", "Fetched", "Fetcher", "PoliteFetcher"]

DEADLINE = 15.0  # seconds for a whole request: lookup, connection, redirects, headers and body
LARGEST = 5 * 1024 * 1024  # bytes of a document after decompression
MOST_REDIRECTS = 5
IDLE_CONNECTIONS = 32
CHUNK = 64 * 1024  # bytes read at once
LONGEST_SIGNAL = 2_000  # characters kept of a header
_REDIRECTS = {301, 302, 303, 307, 308}
_ACCEPT = (
    "application/rss+xml, application/atom+xml, application/feed+json, application/json;q=0.9, */*;q=0.5"
)


@dataclass(frozen=True)
class Fetched:
    """The answer of a server. ``body`` is decompressed, and empty unless the status is 200."""

    status: int
    body: bytes
    etag: str | None
    last_modified: str | None
    content_type: str
    url: str  # where the answer came from, after redirects
    retry_after: int | None  # seconds; None when the server did not ask for a pause
    signals: tuple[tuple[str, str], ...] = ()  # headers named in SIGNAL_HEADERS, names in lower case


class Fetcher(Protocol):
    """Anything that fetches a document: :class:`PoliteFetcher`, or the fetcher of the sample edition."""

    def __call__(self, url: str, *, etag: str | None = None, last_modified: str | None = None) -> Fetched:
        """Return the server's answer; its status is 304 when the document still has these validators. Raises
        :class:`FetchError`."""
        ...


class PoliteFetcher:
    """Fetches over HTTP from any number of threads and keeps connections alive between requests to one host.

    It keeps no cookies and uses no proxy from the environment. It connects to private networks only at the ``host:port``
    pairs of ``FETCH_ALLOW_PRIVATE``, and only when the address asked for is there itself: a redirect from a public address
    to a private one is refused. ``may_follow`` is called before each redirect is followed, and raises :class:`FetchError`
    when it must not be.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        deadline: float = DEADLINE,
        largest: int = LARGEST,
        accept: str = _ACCEPT,
        may_follow: Callable[[str], None] | None = None,
        resolver: Resolver = system_resolver,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._allowed = settings.allowed_private
        self._deadline = deadline
        self._largest = largest
        self._accept = accept
        self._may_follow = may_follow
        self._resolver = resolver
        self._tls = tls or tls_context()
        self._agent = f"{product_token(settings)}/1 (news reader; +{_ascii(settings.SITE_URL)})"
        self._idle: list[Connection] = []
        self._lock = threading.Lock()

    def __call__(self, url: str, *, etag: str | None = None, last_modified: str | None = None) -> Fetched:
        deadline = Deadline(self._deadline)
        validators = {"If-None-Match": etag, "If-Modified-Since": last_modified}
        conditions = {name: value for name, value in validators.items() if value and _is_header_value(value)}
        origin_trusted: bool | None = None
        for _ in range(MOST_REDIRECTS + 1):
            target, path, url = self._target(url, origin_trusted)
            origin_trusted = target.trusted
            try:
                answer = self._request(target, path, url, conditions, deadline)
            except (OSError, http.client.HTTPException, zlib.error) as error:
                raise _as_fetch_error(error, deadline) from error
            if isinstance(answer, Fetched):
                return answer
            url = _joined(url, answer)
            if self._may_follow is not None:
                self._may_follow(url)
        raise FetchError(f"It redirects more than {MOST_REDIRECTS} times.")

    def close(self) -> None:
        """Close the connections that are kept alive."""
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

    def _target(self, url: str, origin_trusted: bool | None) -> tuple[Target, str, str]:
        """Return the server, the path to request and the normalized address.

        ``origin_trusted`` says whether the address that redirected here was at a trusted server; it is None for the first
        address. Raises :class:`FetchError`.
        """
        try:
            scheme, host, port, path, query = take_apart(url)
        except UrlRefused as error:
            where = "The address" if origin_trusted is None else "It redirects to an address that"
            raise FetchError(f"{where} cannot be fetched: {error}.") from None
        host = host.strip("[]")
        trusted = origin_trusted is not False and (host, port) in self._allowed
        request_target = f"{path}?{query}" if query else path
        target = Target(scheme, host, port, trusted)
        return target, request_target, f"{scheme}://{target.host_header}{request_target}"

    def _request(
        self, target: Target, path: str, url: str, conditions: dict[str, str], deadline: Deadline
    ) -> Fetched | str:
        """Send one request; return the answer, or the address that it redirects to."""
        headers = {
            "Host": target.host_header,
            "User-Agent": self._agent,
            "Accept": self._accept,
            "Accept-Encoding": "gzip, deflate",
            **conditions,
        }
        connection = self._connection_to(target)
        while True:
            connection.use_deadline(deadline)
            try:
                connection.request("GET", path, headers=headers)
                response = connection.getresponse()
                break
            except (ConnectionError, http.client.BadStatusLine):
                # The server may have closed a connection kept alive. Only a failure of a new one counts.
                connection.close()
                if connection.fresh:
                    raise
                connection = Connection(target, self._resolver, self._tls)
            except BaseException:
                connection.close()
                raise
        reusable = False
        try:
            location = response.headers.get("Location")
            if response.status in _REDIRECTS and location:
                return location
            body = self._body(response) if response.status == 200 else b""
            reusable = response.status in (200, 304) and not response.will_close
            return _fetched(response, body, url)
        finally:
            response.close()
            self._keep_alive(connection) if reusable else connection.close()

    def _body(self, response: http.client.HTTPResponse) -> bytes:
        """Read and decompress the body chunk by chunk, so that neither an endless body nor a decompression bomb fills memory."""
        coding = response.headers.get("Content-Encoding", "").strip().lower().removeprefix("x-")
        if coding not in ("", "identity", "gzip", "deflate"):
            raise FetchError(f"It is packed in a way we did not ask for ({coding[:20]!r}).")
        too_large = FetchError(f"It is larger than {self._largest / 1024 / 1024:g} MB.")
        inflater = Inflater(coding, self._largest)
        received = 0
        try:
            while chunk := response.read1(CHUNK):
                received += len(chunk)
                if received > self._largest:
                    raise too_large
                inflater.feed(chunk)
            if response.length:
                raise FetchError(f"It broke off: {response.length} of the promised bytes are missing.")
            return inflater.finish()
        except TooLarge:
            raise too_large from None
        except Damaged:
            raise FetchError("Its packed content is damaged.") from None

    def _connection_to(self, target: Target) -> Connection:
        with self._lock:
            for place, connection in enumerate(self._idle):
                if connection.target == target:
                    del self._idle[place]
                    connection.fresh = False
                    return connection
        return Connection(target, self._resolver, self._tls)

    def _keep_alive(self, connection: Connection) -> None:
        with self._lock:
            self._idle.append(connection)
            surplus = self._idle.pop(0) if len(self._idle) > IDLE_CONNECTIONS else None
        if surplus is not None:
            surplus.close()


def product_token(settings: Settings) -> str:
    """Our name in User-Agent headers and in robots.txt files, made of SITE_NAME."""
    return (
        "".join(c for c in settings.SITE_NAME if c.isascii() and (c.isalnum() or c in "-_")) or "newsletter"
    )


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
        etag=_usable_header(headers.get("ETag")),
        last_modified=_usable_header(headers.get("Last-Modified")),
        content_type=_usable_header(headers.get("Content-Type")) or "",
        url=url,
        retry_after=_retry_after(headers.get("Retry-After"), headers.get("Date")),
        signals=tuple(
            (name, value[:LONGEST_SIGNAL]) for name in SIGNAL_HEADERS for value in headers.get_all(name, [])
        ),
    )


def _retry_after(said: str | None, server_date: str | None) -> int | None:
    """Return the seconds to wait that Retry-After asks for, or None. The header holds seconds or a date (RFC 9110, section
    10.2.3); a date is compared with the server's own clock."""
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


def _as_fetch_error(error: Exception, deadline: Deadline) -> FetchError:
    """Return the error of the connection as a FetchError with one sentence."""
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


def _usable_header(value: str | None) -> str | None:
    """Return a header's value when it is printable ASCII of at most 1,000 characters, otherwise None. Validators are sent back
    unchanged in the next request."""
    return value.strip() if value and len(value) <= 1_000 and _is_header_value(value) else None


def _is_header_value(value: str) -> bool:
    return value.isascii() and value.isprintable()


def _ascii(text: str) -> str:
    """Return the text with only those characters that a User-Agent header may hold."""
    return "".join(c for c in text if " " <= c <= "~" and c not in '()<>@\\"') or "newsletter"
