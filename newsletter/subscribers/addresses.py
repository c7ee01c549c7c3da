"""Email addresses: which are accepted, their normal form, and keyed hashes of them. Pure."""

from __future__ import annotations

import hmac
from functools import lru_cache

from email_validator import EmailNotValidError, validate_email

MAX_LENGTH = 254  # characters of an address: the limit that follows from RFC 5321
MAX_LOCAL_LENGTH = 64  # characters before the @ (RFC 5321, 4.5.3.1.1)
_GMAIL = frozenset({"gmail.com", "googlemail.com"})  # they ignore dots before the @


class AddressError(ValueError):
    """The text is not an address that we accept. The message is for the reader and repeats nothing that they typed."""


def normalise(text: str) -> str:
    """The address as it is stored and mailed: the part before the @ as typed, the domain in ASCII and lower case.

    No domain is looked up: confirming proves that an address can be mailed. Raises :class:`AddressError`.
    """
    if any(ord(c) < 32 or ord(c) == 127 for c in text):
        raise AddressError("An email address has no line breaks or control characters in it.")
    text = text.strip()
    if not text:
        raise AddressError("Please type your email address.")
    if len(text) > MAX_LENGTH:
        raise AddressError(f"That is too long for an email address: at most {MAX_LENGTH} characters.")
    local, at, domain = text.rpartition("@")
    if not at:
        raise AddressError("An email address has an @ in it, like ann@example.com.")
    if not local or not domain:
        raise AddressError("An email address has something on both sides of the @, like ann@example.com.")
    if len(local) > MAX_LOCAL_LENGTH:
        raise AddressError(f"The part before the @ is too long: at most {MAX_LOCAL_LENGTH} characters.")
    if any(c.isspace() for c in text):
        raise AddressError("An email address has no spaces in it.")
    try:
        valid = validate_email(text, check_deliverability=False)
    except EmailNotValidError:
        raise AddressError(_why(local, domain)) from None
    return f"{valid.local_part}@{valid.ascii_domain.lower()}"


def _why(local: str, domain: str) -> str:
    if "@" in local:
        return "An email address has only one @ in it."
    if "." not in domain:
        return "The part after the @ needs an ending, like .com."
    if ".." in local + "@" + domain or local.startswith(".") or local.endswith("."):
        return "There is a dot too many in that address."
    return "That does not look like an email address we can write to. Please check it."


def address_hash(secret_key: str, address: str) -> str:
    """The keyed hash of a whole address in lower case, under which Deliveries and Suppressions know it even after erasure.

    ``secret_key`` is ``Settings.hash_key``, the first key of this service: with another key no stored hash would match.
    """
    return _keyed(secret_key, "address", address.lower())


def person_hash(secret_key: str, address: str) -> str:
    """The keyed hash of the mailbox behind an address: the same without its plus-tag, and without Gmail's dots and second domain."""
    local, _, domain = address.lower().rpartition("@")
    base = local.split("+", 1)[0] or local
    if domain in _GMAIL:
        base, domain = base.replace(".", "") or base, "gmail.com"
    return _keyed(secret_key, "person", f"{base}@{domain}")


def network_hash(secret_key: str, network: str) -> str:
    """The keyed hash of a network of IP addresses, for rate limits."""
    return _keyed(secret_key, "network", network)[:32]


def _keyed(secret_key: str, purpose: str, text: str) -> str:
    """HMAC-SHA256 in hex, with a key derived for each purpose."""
    return hmac.digest(_key(secret_key, purpose), text.encode(), "sha256").hex()


@lru_cache(maxsize=8)
def _key(secret_key: str, purpose: str) -> bytes:
    return hmac.digest(secret_key.encode(), f"newsletter {purpose} hash, 1".encode(), "sha256")
