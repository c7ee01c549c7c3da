"""HTTP connections that reach only the public Internet, and only until a deadline.

Every new connection checks the very address that it then connects to. So the same check covers a name that resolves
differently a moment later (DNS rebinding), a host written as a number, and a redirect.
"""

from __future__ import annotations

import http.client
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import certifi

from newsletter.errors import NewsletterError

ATTEMPT_SECONDS = 5.0  # for one address, so that time is left for the others when it does not answer
MOST_ADDRESSES = 4
# Ports below 1024 that web servers use; the others there belong to mail, name and file services.
WEB_PORTS = frozenset({80, 443})

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
# A resolver returns the numeric addresses of a host and port: ["192.0.2.1", "2001:db8::1"].
Resolver = Callable[[str, int], Sequence[str]]

# Ranges that may lead to private machines although Python's `is_global` accepts some of them: addresses that contain an
# IPv4 address (NAT64, 6to4, Teredo, IPv4-compatible) and segment routing.
_NOT_PUBLIC = tuple(
    ipaddress.ip_network(n)
    for n in (
        "100.64.0.0/10",
        "192.0.0.0/24",
        "192.88.99.0/24",
        "168.63.129.16/32",  # Azure's host service: a public address that the host machine answers
        "::/96",
        "64:ff9b::/96",
        "64:ff9b:1::/48",
        "2001::/23",
        "2002::/16",
        "3fff::/20",
        "5f00::/16",
        "fec0::/10",
    )
)


class FetchError(NewsletterError):
    """A document could not be fetched; the message is one sentence."""

    @property
    def reason(self) -> str:
        return str(self)


class Deadline:
    """The time by which a whole request must have ended, in seconds from now on a monotonic clock."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._at = time.monotonic() + seconds

    def remaining(self) -> float:
        """Return the seconds left, more than 0. Raises :class:`FetchError` when the deadline has passed."""
        left = self._at - time.monotonic()
        if left <= 0:
            raise self.passed()
        return left

    def passed(self) -> FetchError:
        return FetchError(f"It did not answer whole within {self.seconds:g} seconds.")


@dataclass(frozen=True)
class Target:
    """The server of a request. ``trusted`` is true when the operator allowed this host and port to be on a private network."""

    scheme: str
    host: str
    port: int
    trusted: bool

    @property
    def host_header(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == {"http": 80, "https": 443}[self.scheme] else f"{host}:{self.port}"


def is_public(address: str) -> bool:
    """Return whether a numeric address belongs to the public Internet."""
    try:
        ip: IPAddress = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped is not None:
        ip = ip.ipv4_mapped
    closed = ip.is_multicast or ip.is_reserved or ip.is_loopback or ip.is_link_local or ip.is_unspecified
    return ip.is_global and not closed and not any(ip in n for n in _NOT_PUBLIC if n.version == ip.version)


def system_resolver(host: str, port: int) -> Sequence[str]:
    """Ask the operating system's resolver. Raises OSError or UnicodeError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(row[4][0]) for row in found))


def resolve(target: Target, resolver: Resolver, deadline: Deadline) -> list[str]:
    """Return at most four addresses of ``target``, after checking all of them. Raises :class:`FetchError`."""
    if not target.trusted and target.port < 1024 and target.port not in WEB_PORTS:
        raise FetchError(f"Port {target.port} is no port of a web server.")
    addresses = _look_up(deadline, lambda: resolver(target.host, target.port))
    if not addresses:
        raise FetchError(f"The host {target.host} has no address.")
    if not target.trusted and not all(is_public(a) for a in addresses):
        raise FetchError(f"The host {target.host} leads into a private network.")
    return list(addresses[:MOST_ADDRESSES])


def _look_up(deadline: Deadline, ask: Callable[[], Sequence[str]]) -> Sequence[str]:
    """Run a name lookup in a thread of its own, because it cannot be interrupted, and stop waiting for it at the deadline."""
    answer: list[Sequence[str] | OSError | UnicodeError] = []

    def work() -> None:
        try:
            answer.append(ask())
        except (OSError, UnicodeError) as error:
            answer.append(error)

    thread = threading.Thread(target=work, daemon=True, name="resolve")
    thread.start()
    thread.join(deadline.remaining())
    if not answer:
        raise FetchError("The host's name could not be looked up in time.")
    if isinstance(answer[0], OSError | UnicodeError):
        raise FetchError("The host's name is unknown.")
    return answer[0]


class _DeadlineReads:
    """Makes each read of a socket end at the deadline of the request, however few bytes arrive at a time."""

    deadline: Deadline | None = None

    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        if self.deadline is not None:
            self.settimeout(self.deadline.remaining())  # type: ignore[attr-defined]
        received: int = super().recv_into(*args, **kwargs)  # type: ignore[misc]
        return received


class _DeadlineSocket(_DeadlineReads, socket.socket):
    pass


class _DeadlineTLSSocket(_DeadlineReads, ssl.SSLSocket):
    pass


@cache
def tls_context() -> ssl.SSLContext:
    """Return a context that verifies certificates against the system's authorities and Mozilla's (certifi). Reading them
    takes 0.1 s, so it is done once."""
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    context.sslsocket_class = _DeadlineTLSSocket
    return context


class Connection(http.client.HTTPConnection):
    """A connection to one :class:`Target`, to an address that was checked."""

    def __init__(self, target: Target, resolver: Resolver, tls: ssl.SSLContext) -> None:
        super().__init__(target.host, target.port)
        self.target = target
        self.deadline: Deadline | None = None
        self.fresh = True  # no request was sent over it yet
        self._resolver = resolver
        self._tls = tls

    def use_deadline(self, deadline: Deadline) -> None:
        """Make everything on this connection end at ``deadline`` from now on."""
        self.deadline = deadline
        if isinstance(self.sock, _DeadlineReads):
            self.sock.deadline = deadline

    def connect(self) -> None:
        assert self.deadline is not None
        failure: OSError | None = None
        for address in resolve(self.target, self._resolver, self.deadline):
            try:
                self.sock = self._open_socket(address, self.deadline)
                return
            except ssl.SSLError:
                raise
            except OSError as error:
                failure = error
        assert failure is not None
        raise failure

    def _open_socket(self, address: str, deadline: Deadline) -> socket.socket:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        plain = _DeadlineSocket(family, socket.SOCK_STREAM)
        try:
            plain.settimeout(min(ATTEMPT_SECONDS, deadline.remaining()))
            plain.connect((address, self.target.port))
            plain.settimeout(deadline.remaining())
            made: socket.socket = plain
            if self.target.scheme == "https":
                made = self._tls.wrap_socket(plain, server_hostname=self.target.host)
            assert isinstance(made, _DeadlineReads)
            made.deadline = deadline
            return made
        except BaseException:
            plain.close()
            raise
