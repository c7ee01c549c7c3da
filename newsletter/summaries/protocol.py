"""What a summarizer is: values in, a StoryText out. It sees no tables, no session, no settings and no clock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from newsletter.feeds.kinds import ArticleKind
from newsletter.feeds.leans import Side
from newsletter.summaries.story_text import StoryText


@dataclass(frozen=True)
class ArticleText:
    """One Article as a summarizer may see it: plain text, never markup. Untrusted.

    ``side`` is None for an Outlet that counts for no Side of this Story: state-run, or foreign to it. ``text`` may be
    empty, an excerpt, or a whole page; new lines separate paragraphs where they are known. ``wire_key`` is the same for
    near-identical texts.
    """

    id: int
    outlet: str
    side: Side | None
    headline: str
    text: str
    published_at: datetime
    kind: ArticleKind = ArticleKind.NEWS
    country: str | None = None
    state_run: bool = False
    wire_key: str | None = None

    @property
    def origin(self) -> str:
        """The newsroom that wrote the text: the same for all copies of a wire text."""
        return self.wire_key or self.outlet


class Summarizer(Protocol):
    """Tells a Story. Raises :class:`SummarizerError` when it cannot."""

    @property
    def name(self) -> str:
        """``extractive`` or ``llm``, stored as StoryRevision.written_by."""
        ...

    def tell(self, articles: Sequence[ArticleText], *, now: datetime) -> StoryText:
        """The Story's words as of ``now``. ``articles`` come in any order. Every sentence cites."""
        ...


class SummarizerError(Exception):
    """No usable StoryText; the reason in one sentence."""
