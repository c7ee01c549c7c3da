"""The JSON of one call to SendGrid's v3 mail/send: the Rendition once, each reader's Slots as substitutions. Pure."""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from email.utils import parseaddr
from functools import lru_cache
from html import escape
from typing import Any, Final

from newsletter.delivery.mail import slots
from newsletter.delivery.mail.headers import HeaderError, envelope_address
from newsletter.delivery.mail.messages import Message, Template

# Mail is not watched: no pixels, no rewritten links, no footer of SendGrid's.
UNTRACKED: Final = {
    "click_tracking": {"enable": False, "enable_text": False},
    "open_tracking": {"enable": False},
    "subscription_tracking": {"enable": False},
    "ganalytics": {"enable": False},
}


class RequestBodies:
    """Makes the request bodies; ``sender`` is for Messages that name none. The names of substitutions contain a random secret, so that no feed and no reader can
    guess one, and nothing but a Slot is ever substituted."""

    def __init__(self, sender: str) -> None:
        self._sender = sender
        _mailbox(sender)
        self._secret = secrets.token_hex(8)

    def personalization(self, message: Message) -> dict[str, Any]:
        """Return what differs between two readers. Raises a NewsletterError for a bad address or a wrong Slot."""
        template, values = message.template, message.slots
        _mailbox(message.sender or self._sender)
        slots.require(values, template.subject, template.html, template.text)
        whole = "".join((*message.headers, *message.headers.values()))
        if not (whole.isascii() and whole.isprintable()):
            raise HeaderError("A header line must be one line of plain ASCII.")
        substitutions: dict[str, str] = {}
        for name, value in values.items():
            as_text, as_html = _marks(self._secret, name)
            substitutions[as_text] = slots.one_line(name, value)
            substitutions[as_html] = escape(value)
        return {
            "to": [{"email": envelope_address(message.to)}],
            "headers": dict(message.headers),
            "custom_args": {"reference": message.reference},
            "substitutions": substitutions,
        }

    def body(self, template: Template, readers: Sequence[dict[str, Any]], sender: str = "") -> str:
        """Return the call's JSON. ``readers`` are :meth:`personalization`'s, at most a thousand, whose Messages name this ``sender``."""
        subject, html, text = _marked(template, self._secret)
        body = {
            "from": _mailbox(sender or self._sender),
            "subject": subject,
            "content": [{"type": "text/plain", "value": text}, {"type": "text/html", "value": html}],
            "personalizations": readers,
            "tracking_settings": UNTRACKED,
        }
        return json.dumps(body, separators=(",", ":"))


@lru_cache(maxsize=8)
def _mailbox(sender: str) -> dict[str, str]:
    name, _ = parseaddr(sender)
    address = {"email": envelope_address(sender)}
    return {**address, "name": name} if name else address


@lru_cache(maxsize=64)
def _marks(secret: str, name: str) -> tuple[str, str]:
    """The two names under which a Slot is substituted: as text, and escaped for HTML."""
    return f"%{secret}.t.{name}%", f"%{secret}.h.{name}%"


@lru_cache(maxsize=16)
def _marked(template: Template, secret: str) -> tuple[str, str, str]:
    """Subject, HTML and text with each Slot as the name of a substitution."""

    def marked(text: str, kind: int) -> str:
        parts = list(slots.cut(text))
        parts[1::2] = [_marks(secret, name)[kind] for name in parts[1::2]]
        return "".join(parts)

    return marked(template.subject, 0), marked(template.html, 1), marked(template.text, 0)
