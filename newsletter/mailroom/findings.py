"""What a Check looks at and what it answers. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from newsletter.mailroom.mailed_page import MailedPage
from newsletter.mailroom.renditions import RenderedIssue
from newsletter.newsroom.editions import IssueView
from newsletter.settings import Settings

Level = Literal["pass", "warn", "block"]
Answer = tuple[Level, str]
Answers = Iterator[Answer]


@dataclass(frozen=True)
class Finding:
    """One Check's answer. ``name`` is a constant such as "both-sides"."""

    name: str
    level: Level
    reason: str


@dataclass(frozen=True)
class Mail:
    """One Rendition and what stands in its HTML."""

    rendition: RenderedIssue
    page: MailedPage

    @property
    def kind(self) -> str:
        return self.rendition.kind


@dataclass(frozen=True)
class Case:
    """The Issue, its finished mails, and the Settings they were made with."""

    view: IssueView
    mails: tuple[Mail, ...]
    settings: Settings

    @property
    def full(self) -> Mail | None:
        return next((m for m in self.mails if m.kind == "full"), None)


def flat(text: str) -> str:
    """Without the line breaks and marks that wrapping put in."""
    return " ".join(text.replace("\n| ", " ").split())


def bare(text: str) -> str:
    """Letters and digits only: quotation marks and dashes are set our way, the words are not."""
    return " ".join(re.findall(r"\w+", text.lower()))
