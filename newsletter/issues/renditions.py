"""A rendered Issue as a value. Pure."""

from __future__ import annotations

import quopri
from dataclasses import dataclass
from typing import Literal

from newsletter.delivery.mail.messages import Template

Kind = Literal["full", "metered"]
KINDS: tuple[Kind, ...] = ("full", "metered")
LARGEST = 90_000  # bytes: of the HTML always, of the whole mail as far as thrift can. Gmail cuts off after 102 KB of HTML
_AROUND = 2_500  # bytes of headers, boundaries and one reader's links
LONGEST_PASS = 115  # characters of a reader's pass, for a Subscriber's id of 18 digits


@dataclass(frozen=True)
class RenderedIssue:
    """One Rendition with its Slots still open. ``content_hash`` names exactly these bytes."""

    kind: Kind
    subject: str
    preheader: str
    html: str
    text: str
    content_hash: str

    def template(self) -> Template:
        """The template from which Messages are made."""
        return Template(self.subject, self.html, self.text, self.content_hash)

    @property
    def mailed_bytes(self) -> int:
        """The size of a copy in bytes as it is sent: both parts in quoted-printable, with headers and one reader's links."""
        return mailed_bytes(self.html, self.text)


def mailed_bytes(html: str, text: str) -> int:
    """Return the number described at :attr:`RenderedIssue.mailed_bytes`."""
    parts = (with_pass(html), with_pass(text))
    return sum(len(quopri.encodestring(part.encode())) for part in parts) + _AROUND


def with_pass(part: str) -> str:
    """Return HTML or text with the longest possible pass in each link to a Story."""
    return part.replace("%%pass%%", "x" * LONGEST_PASS)
