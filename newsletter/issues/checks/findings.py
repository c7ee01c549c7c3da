"""The input of a Check and its findings. Pure."""

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
    """What one button does about a finding. ``act`` is an act of an edit, or "go" to a page of the desk.

    ``words`` is the label of the button; ``story`` is 0 when the finding is about the whole Issue.
    """

    act: str
    words: str
    story: int = 0
    value: str = ""


Answer = tuple[Level, str] | tuple[Level, str, tuple[Remedy, ...]]
Answers = Iterator[Answer]


@dataclass(frozen=True)
class Finding:
    """The result of one Check. ``name`` is a constant such as "both-sides"."""

    name: str
    level: Level
    reason: str
    remedies: tuple[Remedy, ...] = ()


@dataclass(frozen=True)
class Mail:
    """One Rendition and the contents of its HTML."""

    rendition: RenderedIssue
    page: MailedPage

    @property
    def kind(self) -> str:
        return self.rendition.kind


@dataclass(frozen=True)
class Offered:
    """A Story that could replace another one in the Issue."""

    story_id: int
    headline: str
    one_sided: bool


@dataclass(frozen=True)
class Earlier:
    """A Story that was placed in an Issue of the last days."""

    story_id: int
    headline: str
    issued_on: date


@dataclass(frozen=True)
class Answering:
    """The Outlets of one Side: how many there are, and those of which no Feed answered within a day."""

    side: Side
    outlets: int
    silent: tuple[str, ...]


@dataclass(frozen=True)
class LinkState:
    """The answer of an Article's URL. ``status`` is None when there was no answer; ``reason`` then says why."""

    status: int | None
    reason: str = ""

    @property
    def is_dead(self) -> bool:
        """Whether the page is gone. A refusal does not count: many outlets refuse every client that is not a browser."""
        return self.status in (404, 410)

    @property
    def is_alive(self) -> bool:
        return self.status is not None and not self.is_dead and self.status < 500


@dataclass(frozen=True)
class Judged:
    """Sentences of operators that the cited Articles do not support: by Story, the sentence and the reason. Every Story that
    operators changed is listed.

    ``unjudged`` says why only hard facts were checked, ``failed`` why the judge gave no answer.
    """

    doubts: Mapping[int, Mapping[str, str]] = field(default_factory=dict)
    failed: str = ""
    unjudged: str = ""


@dataclass(frozen=True)
class CheckContext:
    """What the Checks know besides the Issue. A value that was not looked up is None or empty."""

    articles: Mapping[int, tuple[ArticleText, ...]] = field(
        default_factory=dict
    )  # by Story, in their present text
    offered: tuple[Offered, ...] = ()
    earlier: tuple[Earlier, ...] = ()
    flagged: frozenset[int] = (
        frozenset()
    )  # Stories of which a cited Article changed after their text was written
    retold: frozenset[int] = frozenset()  # Stories with a newer revision than the placed one
    answering: tuple[Answering, ...] = ()
    audience: int | None = None  # the Audience now
    audience_before: int | None = None  # the Audience of the Issue before, counted the same way
    before_on: date | None = None
    links: Mapping[int, LinkState] = field(default_factory=dict)  # by Article
    links_asked: bool = False
    judged: Judged = Judged()  # operators' sentences
    sender: tuple[Level, str] | None = None  # what the DNS says about the Sender's domain


@dataclass(frozen=True)
class Case:
    """The Issue, its finished mails, the Settings they were made with, and the context."""

    view: IssueView
    mails: tuple[Mail, ...]
    settings: Settings
    context: CheckContext = CheckContext()

    def swaps(self, story_id: int, *, two_sided: bool = False) -> tuple[Remedy, ...]:
        """Return the remedies for a Story as a whole: replace it, or drop it."""
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
    """Return the text without the line breaks and marks that wrapping added."""
    return " ".join(text.replace("\n| ", " ").split())


def bare(text: str) -> str:
    """Return only the letters and digits: we normalise quotation marks and dashes, but not words."""
    return " ".join(re.findall(r"\w+", text.lower()))
