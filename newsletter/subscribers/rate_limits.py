"""Rate limits by network, so that nobody can make us mail a crowd, or read Stories without end, from one place.

A network is one IPv4 address or one IPv6 /64, as one household or office has it. The wider network around it (IPv4 /24, IPv6 /48) is
limited too, because one person may own a whole block. What is stored is a keyed hash of both, for a day.

The ``limits`` library keeps its counters in memory or on a server such as Redis; ours are rows of our own database, so that a limit
holds across processes and restarts without another server, and a request is counted in the transaction that acts on it.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from newsletter.db.models import RateLimitHit
from newsletter.settings import Settings
from newsletter.subscribers.addresses import network_hash

SIGNUP: Final = "signup"
SIGNIN: Final = "signin"
READ: Final = "read"  # a first Read without a cookie
LONGEST_WAIT: Final = timedelta(hours=12)  # a mail that could only be sent later is not queued
WIDER_FACTOR: Final = 4  # the limit of the wider network, in limits of a network
HITS_KEPT: Final = timedelta(days=1)  # at least the longest window


@dataclass(frozen=True)
class RateLimit:
    """At most ``most`` requests of one network within ``window``."""

    most: int
    window: timedelta


LIMITS: Final[dict[str, RateLimit]] = {
    SIGNUP: RateLimit(30, timedelta(hours=1)),
    SIGNIN: RateLimit(30, timedelta(hours=1)),
    READ: RateLimit(40, timedelta(days=1)),
}


def network_of(ip: str | None) -> str | None:
    """The network of an address: an IPv4 address itself, the /64 of an IPv6 address; None when ``ip`` is neither."""
    return _network(ip, 32, 64)


def hit(session: Session, kind: str, network: str | None, *, settings: Settings, now: datetime) -> bool:
    """Count one request of ``network`` (from :func:`network_of`); False, and not counted, when a limit is reached.

    ``kind`` is a key of :data:`LIMITS`. A request without a known network is always allowed and not counted: the limits on a person
    and on the whole site still hold. The caller commits.
    """
    if network is None:
        return True
    if not has_room(session, kind, network, settings=settings, now=now):
        return False
    near, wider = _hashes(settings, network)
    session.add(RateLimitHit(kind=kind, network=near, wider_network=wider, at=now))
    session.flush()
    return True


def book(
    session: Session, kind: str, network: str | None, *, settings: Settings, now: datetime
) -> datetime | None:
    """Count one request of ``network`` at the first time at which its limits allow it, and return that time.

    Returns None, and counts nothing, when that is more than :data:`LONGEST_WAIT` away. The caller commits.
    """
    at = free_at(session, kind, network, settings=settings, now=now)
    if at is not None and network is not None:
        near, wider = _hashes(settings, network)
        session.add(RateLimitHit(kind=kind, network=near, wider_network=wider, at=at))
        session.flush()
    return at


def free_at(
    session: Session, kind: str, network: str | None, *, settings: Settings, now: datetime
) -> datetime | None:
    """The time that :func:`book` would return. Counts nothing."""
    if network is None:
        return now
    limit = LIMITS[kind]
    near, wider = _hashes(settings, network)
    free = now
    for column, value, most in (
        (RateLimitHit.network, near, limit.most),
        (RateLimitHit.wider_network, wider, limit.most * WIDER_FACTOR),
    ):
        newest = (
            select(RateLimitHit.at)
            .where(RateLimitHit.kind == kind, RateLimitHit.at > now - limit.window, column == value)
            .order_by(RateLimitHit.at.desc())
            .limit(most)
        )
        if len(ats := session.scalars(newest).all()) == most:
            free = max(free, ats[-1] + limit.window)
    return free if free <= now + LONGEST_WAIT else None


def has_room(session: Session, kind: str, network: str | None, *, settings: Settings, now: datetime) -> bool:
    """Whether :func:`hit` would allow a request of ``network``. Counts nothing."""
    if network is None:
        return True
    limit = LIMITS[kind]
    near, wider = _hashes(settings, network)
    recent = select(func.count()).where(RateLimitHit.kind == kind, RateLimitHit.at > now - limit.window)
    if (session.scalar(recent.where(RateLimitHit.network == near)) or 0) >= limit.most:
        return False
    of_wider = recent.where(RateLimitHit.wider_network == wider)
    return (session.scalar(of_wider) or 0) < limit.most * WIDER_FACTOR


def _hashes(settings: Settings, network: str) -> tuple[str, str]:
    """The keyed hashes of the network and of the wider one around it."""
    return _hash(settings, network), _hash(settings, _network(network.partition("/")[0], 24, 48) or "")


def _network(ip: str | None, ipv4_bits: int, ipv6_bits: int) -> str | None:
    try:
        address = ipaddress.ip_address((ip or "").partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    bits = ipv4_bits if isinstance(address, ipaddress.IPv4Address) else ipv6_bits
    if bits == address.max_prefixlen:
        return str(address)
    return str(ipaddress.ip_network((address, bits), strict=False))


def _hash(settings: Settings, network: str) -> str:
    return network_hash(settings.SECRET_KEY.get_secret_value(), network)
