"""Knocks: what strangers ask for from one network, counted so that nobody can have us mail a crowd or read without end.

A network is one IPv4 address or one IPv6 /64, as one household or office has it; around it a wider one is counted too
(IPv4 /24, IPv6 /48), for who owns a whole block. What is kept is a keyed mark of it, for a day.
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
from newsletter.subscribers.addresses import network_mark

SIGNUP: Final = "signup"
SIGNIN: Final = "signin"
READ: Final = "read"  # a first Read without a cookie
WIDER: Final = 4  # how many times as much the wider network may
KEPT: Final = timedelta(days=1)


@dataclass(frozen=True)
class Cap:
    """``most`` Knocks of one network within ``within``."""

    most: int
    within: timedelta


CAPS: dict[str, Cap] = {
    SIGNUP: Cap(30, timedelta(hours=1)),
    SIGNIN: Cap(30, timedelta(hours=1)),
    READ: Cap(40, timedelta(days=1)),
}


def network_of(ip: str | None) -> str | None:
    """An IPv4 address whole, of IPv6 the /64; None when it is neither."""
    return _network(ip, 32, 64)


def knock(session: Session, kind: str, network: str | None, *, settings: Settings, now: datetime) -> bool:
    """Count one RateLimitHit of ``network`` (as :func:`network_of` writes it); False, and not counted, when a cap is reached.

    The caller commits. What nobody knows the network of is not counted: the caps on a person and on the whole site hold all the same.
    """
    if network is None:
        return True
    cap = CAPS[kind]
    near, wide = _mark(settings, network), _mark(settings, _network(network.partition("/")[0], 24, 48) or "")
    recent = select(func.count()).where(RateLimitHit.kind == kind, RateLimitHit.at > now - cap.within)
    if (session.scalar(recent.where(RateLimitHit.network == near)) or 0) >= cap.most:
        return False
    if (session.scalar(recent.where(RateLimitHit.wider_network == wide)) or 0) >= cap.most * WIDER:
        return False
    session.add(RateLimitHit(kind=kind, network=near, wider_network=wide, at=now))
    session.flush()
    return True


def _network(ip: str | None, four: int, six: int) -> str | None:
    try:
        read = ipaddress.ip_address((ip or "").partition("%")[0])
    except ValueError:
        return None
    if isinstance(read, ipaddress.IPv6Address) and read.ipv4_mapped:
        read = read.ipv4_mapped
    bits = four if isinstance(read, ipaddress.IPv4Address) else six
    if bits == read.max_prefixlen:
        return str(read)
    return str(ipaddress.ip_network((read, bits), strict=False))


def _mark(settings: Settings, network: str) -> str:
    return network_mark(settings.SECRET_KEY.get_secret_value(), network)
