"""What a summarizer is: values in, a Telling out. It sees no tables, no session and no settings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from newsletter.feeds.kinds import ArticleKind
from newsletter.feeds.leans import Side
from newsletter.summaries.story_text import Telling


@dataclass(frozen=True)
class ArticleText:
    """One Article as a summarizer may see it: plain text, never markup. Untrusted."""

    id: int
    outlet: str
    side: Side
    headline: str
    excerpt: str
    published_at: datetime
    wire_key: str | None = None  # the same for near-identical texts
    kind: ArticleKind = ArticleKind.NEWS  # only what is in SUPPLIES_FACTS may be told as fact


class Summarizer(Protocol):
    """Tells a Story. Raises ``SummarizerError`` when it cannot; the caller then falls back to the extractive one."""

    @property
    def name(self) -> str:
        """``extractive`` or ``llm``, stored as StoryRevision.written_by."""
        ...

    def tell(self, articles: Sequence[ArticleText]) -> Telling:
        """The Story's words. ``articles`` are oldest first and at least one. Every sentence cites."""
        ...


class SummarizerError(Exception):
    """No usable Telling; the reason in one sentence."""
