"""Email addresses: what we accept, how we write them, and the keyed hashes that stand for them. Pure."""

from __future__ import annotations

import hmac
from functools import lru_cache

from email_validator import EmailNotValidError, validate_email

LONGEST = 254  # characters of a whole address (RFC 5321 leaves room for 254)
LONGEST_LOCAL = 64  # characters before the @
_GMAIL = frozenset({"gmail.com", "googlemail.com"})  # one mailbox, whatever dots are written


class AddressError(ValueError):
    """The text is not an address we can mail. The sentence is for the reader and repeats nothing they typed."""


def normalise(text: str) -> str:
    """The address as we store and mail it: the part before the @ as typed, the domain in ASCII and lower case.

    Nothing is looked up: that an address can be mailed is proved by confirming. Raises :class:`AddressError`.
    """
    if any(ord(c) < 32 or ord(c) == 127 for c in text):
        raise AddressError("An email address has no line breaks or control characters in it.")
    text = text.strip()
    if not text:
        raise AddressError("Please type your email address.")
    if len(text) > LONGEST:
        raise AddressError(f"That is too long for an email address: at most {LONGEST} characters.")
    local, at, domain = text.rpartition("@")
    if not at:
        raise AddressError("An email address has an @ in it, like ann@example.com.")
    if not local or not domain:
        raise AddressError("An email address has something on both sides of the @, like ann@example.com.")
    if len(local) > LONGEST_LOCAL:
        raise AddressError(f"The part before the @ is too long: at most {LONGEST_LOCAL} characters.")
    if any(c.isspace() for c in text):
        raise AddressError("An email address has no spaces in it.")
    try:
        read = validate_email(text, check_deliverability=False)
    except EmailNotValidError:
        raise AddressError(_why(local, domain)) from None
    return f"{read.local_part}@{read.ascii_domain.lower()}"


def _why(local: str, domain: str) -> str:
    if "@" in local:
        return "An email address has only one @ in it."
    if "." not in domain:
        return "The part after the @ needs an ending, like .com."
    if ".." in local + "@" + domain or local.startswith(".") or local.endswith("."):
        return "There is a dot too many in that address."
    return "That does not look like an email address we can write to. Please check it."


def address_hash(secret_key: str, address: str) -> str:
    """Stands for a whole address, in lower case: finds it again in Deliveries and Suppressions, even after erasure.

    ``secret_key`` is ``Settings.hash_key``: the first there ever was, or none of these would be found again.
    """
    return _keyed(secret_key, "address", address.lower())


def person_hash(secret_key: str, address: str) -> str:
    """Stands for the mailbox behind an address: plus-tags, and Gmail's dots and second name, are folded."""
    local, _, domain = address.lower().rpartition("@")
    base = local.split("+", 1)[0] or local
    if domain in _GMAIL:
        base, domain = base.replace(".", "") or base, "gmail.com"
    return _keyed(secret_key, "person", f"{base}@{domain}")


def network_mark(secret_key: str, network: str) -> str:
    """Stands for a network of IP addresses in the counts of a day."""
    return _keyed(secret_key, "network", network)[:32]


def _keyed(secret_key: str, purpose: str, text: str) -> str:
    """HMAC-SHA256 in hex, under a key of its own for each purpose."""
    return hmac.digest(_key(secret_key, purpose), text.encode(), "sha256").hex()


@lru_cache(maxsize=8)
def _key(secret_key: str, purpose: str) -> bytes:
    return hmac.digest(secret_key.encode(), f"newsletter {purpose} hash, 1".encode(), "sha256")
