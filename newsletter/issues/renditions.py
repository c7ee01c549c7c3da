"""A rendered Issue as a value. Pure."""

from __future__ import annotations

import quopri
from dataclasses import dataclass
from typing import Literal

from newsletter.delivery.mail.messages import Template

Kind = Literal["full", "metered"]
KINDS: tuple[Kind, ...] = ("full", "metered")
LARGEST = 90_000  # bytes: of the HTML, always; of the whole mail as it travels, so far as thrift goes. Gmail cuts off at 102 KB of HTML
_AROUND = 2_500  # bytes of headers, boundaries and one reader's links


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
        """What a Message is made from."""
        return Template(self.subject, self.html, self.text, self.content_hash)

    @property
    def mailed_bytes(self) -> int:
        """How large a copy is as it travels: both parts in quoted-printable, headers and one reader's links counted in."""
        return mailed_bytes(self.html, self.text)


def mailed_bytes(html: str, text: str) -> int:
    """See :attr:`RenderedIssue.mailed_bytes`."""
    return sum(len(quopri.encodestring(part.encode())) for part in (html, text)) + _AROUND
