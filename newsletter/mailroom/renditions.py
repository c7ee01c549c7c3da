"""A rendered Issue as a value. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from newsletter.mailroom.messages import Template

Kind = Literal["full", "metered"]
KINDS: tuple[Kind, ...] = ("full", "metered")
LARGEST = 90 * 1024  # bytes of HTML, slots filled; Gmail cuts a mail off at 102 KB


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
