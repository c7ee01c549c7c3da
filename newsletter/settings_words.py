"""Validates settings that are more than a word or a number. Each function raises ValueError with what is expected."""

from __future__ import annotations

import re
from email.utils import parseaddr
from ipaddress import ip_address
from urllib.parse import urlsplit


def one_line(text: str) -> str:
    """Return the text. Raises ValueError for line breaks and other control characters."""
    if any(ord(c) < 32 or ord(c) == 127 for c in text) or not text.strip():
        raise ValueError("must be one line of text")
    return text.strip()


def sender(text: str) -> str:
    """Return ``Name <address>``, or an address alone."""
    address = parseaddr(text)[1]
    # Without its brackets a name would run into the address behind it.
    bracketed = f"{text.partition('<')[0]}<{address}>"
    if not re.fullmatch(r"[^\s@<>]+@[^\s@<>]+", address) or text not in (address, bracketed):
        raise ValueError("must be 'Name <address>', such as Evenhand <morning@example.com>")
    return text


def mailable(address: str) -> str:
    """Return the address with its domain in ASCII."""
    from email_validator import EmailNotValidError, validate_email  # it takes a while, and most start without

    try:
        read = validate_email(address, check_deliverability=False)
    except EmailNotValidError:
        raise ValueError(f"'{address}' is not an address such as ann@example.com") from None
    return f"{read.local_part}@{read.ascii_domain}"


def require_host_ports(text: str) -> None:
    """Require a comma list of ``host:port``, without patterns, ranges and link-local addresses, where cloud machines serve keys."""
    for part in filter(None, (p.strip() for p in text.split(","))):
        host, _, port = part.rpartition(":")
        if not (port.isdigit() and 0 < int(port) < 65536 and _is_single_host(host)):
            raise ValueError(f"'{part}' is not host:port, such as 10.0.0.7:8080")


def _is_single_host(host: str) -> bool:
    try:
        return not ip_address(host.strip("[]")).is_link_local
    except ValueError:
        return bool(re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?", host))


def web_address(text: str) -> str:
    """Return an address ``http://…`` or ``https://…`` with a host, without a slash at its end."""
    address = text.strip()
    try:
        parts = urlsplit(address)
        known = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is no number, or half an IPv6 address
        known = False
    if not known or re.search(r"\s", address):
        raise ValueError("must be an http(s) address such as https://news.example.com")
    return address.rstrip("/")
