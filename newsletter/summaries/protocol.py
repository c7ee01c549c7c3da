"""What a summarizer is: values in, a StoryText out. It sees no tables, no session, no settings and no clock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Protocol

from newsletter.feeds.kinds import ArticleKind
from newsletter.feeds.leans import Side
from newsletter.summaries.story_text import StoryText


@dataclass(frozen=True)
class ArticleText:
    """One Article as a summarizer may see it: plain text, never markup. Untrusted.

    ``side`` is None for an Outlet that counts for no Side of this Story: state-run, or foreign to it. ``text`` may be
    empty, an excerpt, or a whole page; new lines separate paragraphs where they are known. ``wire_key`` is the same for
    near-identical texts. ``text_for_models`` stands in for ``text`` where its outlet keeps that from language models.
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
    text_for_models: str | None = None

    @property
    def origin(self) -> str:
        """The key of the text: the same for all copies of one wire text, otherwise the name of the Outlet."""
        return self.wire_key or self.outlet


@dataclass(frozen=True)
class EarlierStory:
    """An earlier Story of the same thread, in our words."""

    began: datetime
    headline: str
    paragraph: str


@dataclass(frozen=True)
class PrintedBefore:
    """How the last Issue with this Story printed it. ``parts`` are such as ``left_stresses (2)``, with their sentences."""

    issued_on: date
    headline: str
    paragraph: str
    parts: tuple[str, ...]


@dataclass(frozen=True)
class Brief:
    """What a writer is told beside the Articles. ``instruction`` is what an operator asks of the telling, such as "shorter"."""

    earlier: tuple[EarlierStory, ...] = ()  # oldest first
    printed: PrintedBefore | None = None
    instruction: str = ""


NO_BRIEF = Brief()


def for_models(articles: Sequence[ArticleText]) -> tuple[ArticleText, ...]:
    """The Articles with the texts that a language model may be given.

    One whose text is kept from models must not stand for the copies of a wire text that are not.
    """
    return tuple(
        a
        if a.text_for_models is None
        else replace(a, text=a.text_for_models, text_for_models=None, wire_key=None)
        for a in articles
    )


class Summarizer(Protocol):
    """Tells a Story. Raises :class:`SummarizerError` when it cannot."""

    @property
    def name(self) -> str:
        """``extractive`` or ``llm``, stored as StoryRevision.written_by."""
        ...

    def tell(self, articles: Sequence[ArticleText], *, now: datetime, brief: Brief = NO_BRIEF) -> StoryText:
        """Return the Story's words as of ``now``. ``articles`` come in any order. Every sentence cites Articles, never the brief."""
        ...


class SummarizerError(Exception):
    """No usable StoryText; the reason in one sentence."""
