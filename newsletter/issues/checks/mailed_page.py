"""Reads a finished mail back from its bytes: words, links and active parts. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html.parser import HTMLParser

from newsletter.issues.reading_time import words_in

_ACTIVE = {
    "script",
    "iframe",
    "object",
    "embed",
    "form",
    "input",
    "link",
    "base",
    "svg",
    "img",
    "video",
    "audio",
}
_UNREAD = {"style", "title", "script", "xml"}


@dataclass(frozen=True)
class MailedPage:
    """A finished HTML mail. ``active`` names tags that run, load or submit something."""

    text: str
    links: tuple[str, ...]
    active: tuple[str, ...]
    pictures: int = 0
    unnamed_pictures: int = 0  # pictures without an ``alt``
    unnamed_links: int = 0  # links without a word
    language: str = ""

    @property
    def flat(self) -> str:
        """The text with single spaces between words."""
        return " ".join(self.text.split())


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.words: list[str] = []
        self.links: list[str] = []
        self.active: list[str] = []
        self.pictures = self.unnamed_pictures = self.unnamed_links = 0
        self.language = ""
        self._unread = 0
        self._link_from: int | None = None  # index of the first word of the open link

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._unread += tag in _UNREAD
        if tag in _ACTIVE:
            self.active.append(tag)
        if tag == "img":
            self.pictures += 1
            named = dict(attrs).get("alt")
            self.unnamed_pictures += named is None
            self.words.append(named or "")
        if tag == "a":
            self._link_from = len(self.words)
        for name, value in attrs:
            if name == "lang" and value and not self.language:
                self.language = value
            if name in ("href", "src", "action", "background") and value is not None:
                self.links.append(value)
            if name.startswith("on"):
                self.active.append(f"{tag} {name}")

    def handle_endtag(self, tag: str) -> None:
        self._unread -= tag in _UNREAD
        if tag == "a" and self._link_from is not None:
            self.unnamed_links += not "".join(self.words[self._link_from :]).strip()
            self._link_from = None

    def handle_data(self, data: str) -> None:
        if not self._unread:
            self.words.append(data)


def read_page(html: str) -> MailedPage:
    """Parse the HTML of a finished mail."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return MailedPage(
        "".join(reader.words),
        tuple(reader.links),
        tuple(reader.active),
        reader.pictures,
        reader.unnamed_pictures,
        reader.unnamed_links,
        reader.language,
    )


def reading_words(text: str) -> int:
    """Count the words of a plain-text Issue that a reader reads: without URLs, Citations, their list, and the foot."""
    body = text.rpartition("\n--\n")[0] or text
    body = re.sub(r"^\[\d+\] .*\n +\S+://.*$", "", body, flags=re.M)  # one listed Article
    body = re.sub(r"(\[\d+\])+(?!\S)", " ", body)
    return words_in(line for line in body.splitlines() if "://" not in line)
