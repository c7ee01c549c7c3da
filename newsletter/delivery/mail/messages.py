"""One finished email for one address, as submitted to a provider. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Template:
    """The bytes of a Rendition (or a Notice) that all its readers share, with Slots still open."""

    subject: str
    html: str
    text: str
    content_hash: str


@dataclass(frozen=True)
class Message:
    """One email: ``template`` with ``slots`` filled (see ``slots.py``) for ``to``.

    ``reference`` names our row of the ledger ("delivery:17" or "notice:4"). It is sent with the mail, so that a provider's later
    event can be assigned to the row. It is the only metadata; nothing personal is sent.
    """

    reference: str
    to: str
    template: Template
    slots: Mapping[str, str] = field(default_factory=dict)  # slot name → plain text, unescaped
    headers: Mapping[str, str] = field(default_factory=dict)  # List-Unsubscribe, Message-ID, …
    sender: str = ""  # ``Name <address>``; empty: the Sender that the provider was made with


def content_hash(subject: str, html: str, text: str, preheader: str = "") -> str:
    """Return the SHA-256 (hex) of the shared bytes with Slots not filled. An operator approves this hash; other bytes are refused."""
    digest = hashlib.sha256()
    for part in (subject, preheader, html, text):
        data = part.encode()
        digest.update(
            f"{len(data)}:".encode() + data
        )  # with lengths, so that two different splits have different hashes
    return digest.hexdigest()
