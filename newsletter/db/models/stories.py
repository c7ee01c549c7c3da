"""Stories, the revisions of their text, and readers' reports on them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from newsletter.db.models.articles import Article
from newsletter.db.models.base import Base


class Story(Base):
    """Articles about the same happening. The slug, which is part of its address, never changes."""

    __tablename__ = "story"
    __table_args__ = (UniqueConstraint("slug"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(Text)
    topic: Mapped[str] = mapped_column(Text, default="")  # empty until compared with the Topics
    created_at: Mapped[datetime]
    first_published_at: Mapped[datetime]
    last_published_at: Mapped[datetime] = mapped_column(index=True)
    grouped_at: Mapped[datetime]  # when its set of Articles last changed
    # Null unless this Story was merged into another one: its address then redirects there.
    merged_into_id: Mapped[int | None] = mapped_column(ForeignKey("story.id"))
    flagged_at: Mapped[datetime | None]  # null unless a cited Article changed after the text was written

    articles: Mapped[list[Article]] = relationship(order_by=Article.published_at)


class StoryChange(Base):
    """A merge, a split, or an Article moved between Stories: who did it, when, and what moved.

    A move from a Story to itself records an operator's decision that those Articles stay there.
    """

    __tablename__ = "story_change"
    __table_args__ = (CheckConstraint("kind IN ('merged','split','moved')", name="kind"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(Text)
    from_story_id: Mapped[int] = mapped_column(ForeignKey("story.id"), index=True)
    to_story_id: Mapped[int] = mapped_column(ForeignKey("story.id"), index=True)
    article_ids: Mapped[list[int]] = mapped_column(JSON)
    at: Mapped[datetime]
    by: Mapped[str] = mapped_column(Text, default="grouping")  # "grouping", or "operator:7"


class HistoryLink(Base):
    """An earlier Story of the same thread."""

    __tablename__ = "history_link"
    __table_args__ = (UniqueConstraint("story_id", "earlier_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    story_id: Mapped[int] = mapped_column(ForeignKey("story.id"), index=True)
    earlier_id: Mapped[int] = mapped_column(ForeignKey("story.id"))
    similarity: Mapped[float]  # cosine, 0…1
    shared_name: Mapped[str] = mapped_column(Text, default="")  # the rare name that both mention


class StoryRevision(Base):
    """The whole text of one Story at one revision: Headline, Lede, Overview, Analysis, Summaries, Questions.

    ``words`` is :func:`newsletter.summaries.story_text.to_json` of a StoryText. A row is never updated: a change is a new revision.
    """

    __tablename__ = "story_revision"
    __table_args__ = (
        UniqueConstraint("story_id", "revision"),
        CheckConstraint("written_by IN ('extractive','llm','operator')", name="written_by"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    story_id: Mapped[int] = mapped_column(ForeignKey("story.id"), index=True)
    revision: Mapped[int]
    written_by: Mapped[str] = mapped_column(Text)
    written_at: Mapped[datetime]
    input_hash: Mapped[str] = mapped_column(Text)  # of its Articles: the same hash needs no new text
    words: Mapped[dict[str, Any]] = mapped_column(JSON)
    operator_id: Mapped[int | None] = mapped_column(
        ForeignKey("operator.id")
    )  # null unless a person wrote it


class Report(Base):
    """A reader's report that something in a Story is wrong."""

    __tablename__ = "report"

    id: Mapped[int] = mapped_column(primary_key=True)
    story_id: Mapped[int] = mapped_column(ForeignKey("story.id"), index=True)
    reason: Mapped[str] = mapped_column(Text)
    words: Mapped[str] = mapped_column(Text, default="")
    reported_at: Mapped[datetime]
    resolved_at: Mapped[datetime | None]  # null until an operator resolved it
