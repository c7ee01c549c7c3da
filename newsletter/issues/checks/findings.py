"""What a Check looks at and what it answers. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

from newsletter.feeds.leans import Side
from newsletter.issues.checks.mailed_page import MailedPage
from newsletter.issues.renditions import RenderedIssue
from newsletter.issues.views import IssueView
from newsletter.settings import Settings
from newsletter.summaries.protocol import ArticleText

Level = Literal["pass", "warn", "block"]


@dataclass(frozen=True)
class Remedy:
    """What one press would do about a finding. ``act`` is one of the acts of an edit, or "go" to a page of the desk.

    ``words`` stand on the button; ``story`` is 0 when it is about the whole Issue.
    """

    act: str
    words: str
    story: int = 0
    value: str = ""


Answer = tuple[Level, str] | tuple[Level, str, tuple[Remedy, ...]]
Answers = Iterator[Answer]


@dataclass(frozen=True)
class Finding:
    """One Check's answer. ``name`` is a constant such as "both-sides"."""

    name: str
    level: Level
    reason: str
    remedies: tuple[Remedy, ...] = ()


@dataclass(frozen=True)
class Mail:
    """One Rendition and what stands in its HTML."""

    rendition: RenderedIssue
    page: MailedPage

    @property
    def kind(self) -> str:
        return self.rendition.kind


@dataclass(frozen=True)
class Offered:
    """A Story that could stand in the Issue in place of another, the most fitting first."""

    story_id: int
    headline: str
    one_sided: bool


@dataclass(frozen=True)
class Earlier:
    """A Story that an Issue of the last days placed."""

    story_id: int
    headline: str
    issued_on: date


@dataclass(frozen=True)
class Answering:
    """The Outlets of one Side: how many there are, and which of them no Feed of answered within a day."""

    side: Side
    outlets: int
    silent: tuple[str, ...]


@dataclass(frozen=True)
class LinkState:
    """What an Article's own address answered. ``status`` is None when it gave no answer; ``reason`` then says why."""

    status: int | None
    reason: str = ""

    @property
    def is_dead(self) -> bool:
        """The page is gone. Refusals are not: many an outlet turns away whoever is not a browser."""
        return self.status in (404, 410)

    @property
    def is_alive(self) -> bool:
        return self.status is not None and not self.is_dead and self.status < 500


@dataclass(frozen=True)
class Judged:
    """What operators wrote that its Articles do not carry: by Story the sentence and why. Each Story they changed is listed.

    ``unjudged`` says why only hard facts were looked at, ``failed`` why the judge gave no answer.
    """

    doubts: Mapping[int, Mapping[str, str]] = field(default_factory=dict)
    failed: str = ""
    unjudged: str = ""


@dataclass(frozen=True)
class CheckContext:
    """What the Checks know beside the Issue itself. A value that nobody has looked up is None or empty."""

    articles: Mapping[int, tuple[ArticleText, ...]] = field(default_factory=dict)  # by Story, as they are now
    offered: tuple[Offered, ...] = ()
    earlier: tuple[Earlier, ...] = ()
    flagged: frozenset[int] = frozenset()  # Stories of which a cited Article changed after they were told
    retold: frozenset[int] = frozenset()  # Stories with newer words than those they stand with
    answering: tuple[Answering, ...] = ()
    audience: int | None = None  # who would get it now
    audience_before: int | None = None  # who got the Issue before, counted the same way
    before_on: date | None = None
    links: Mapping[int, LinkState] = field(default_factory=dict)  # by Article
    links_asked: bool = False
    judged: Judged = Judged()  # operators' sentences
    sender: tuple[Level, str] | None = None  # what the DNS says of the Sender's domain


@dataclass(frozen=True)
class Case:
    """The Issue, its finished mails, the Settings they were made with, and what else is known."""

    view: IssueView
    mails: tuple[Mail, ...]
    settings: Settings
    context: CheckContext = CheckContext()

    def swaps(self, story_id: int, *, two_sided: bool = False) -> tuple[Remedy, ...]:
        """What may be done about a Story as a whole: put another in its place, or drop it."""
        fitting = (o for o in self.context.offered if not (two_sided and o.one_sided))
        best = next(fitting, None)
        swap = (
            ()
            if best is None
            else (Remedy("swap", f"Swap in “{best.headline}”", story_id, str(best.story_id)),)
        )
        return (*swap, Remedy("drop", "Drop it", story_id))

    @property
    def full(self) -> Mail | None:
        return next((m for m in self.mails if m.kind == "full"), None)


def flat(text: str) -> str:
    """Without the line breaks and marks that wrapping put in."""
    return " ".join(text.replace("\n| ", " ").split())


def bare(text: str) -> str:
    """Letters and digits only: quotation marks and dashes are set our way, the words are not."""
    return " ".join(re.findall(r"\w+", text.lower()))
