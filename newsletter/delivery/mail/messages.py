"""One finished email for one address, as handed to a provider. Pure."""

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

    ``reference`` names our line of the ledger ("delivery:17" or "notice:4") and travels with the mail, so that a
    provider's later word finds it. It is the only metadata; nothing personal goes there.
    """

    reference: str
    to: str
    template: Template
    slots: Mapping[str, str] = field(default_factory=dict)  # slot name → plain text, unescaped
    headers: Mapping[str, str] = field(default_factory=dict)  # List-Unsubscribe, Message-ID, …
    sender: str = ""  # ``Name <address>``; empty: the Sender that the provider was made with


def content_hash(subject: str, html: str, text: str, preheader: str = "") -> str:
    """SHA-256 (hex) of the shared bytes, Slots still open. It is what is approved; other bytes are refused."""
    digest = hashlib.sha256()
    for part in (subject, preheader, html, text):
        data = part.encode()
        digest.update(
            f"{len(data)}:".encode() + data
        )  # lengths, so that no two different splits look the same
    return digest.hexdigest()
