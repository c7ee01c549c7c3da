"""The Articles that Outlets published, and whether their addresses still answer."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from newsletter.db.models.base import Base
from newsletter.db.models.outlets import Outlet


class Article(Base):
    """One published piece: canonical URL, headline, excerpt, time. Headline and excerpt are plain text."""

    __tablename__ = "article"
    __table_args__ = (UniqueConstraint("url"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    outlet_id: Mapped[int] = mapped_column(ForeignKey("outlet.id"), index=True)
    feed_id: Mapped[int | None] = mapped_column(
        ForeignKey("feed.id")
    )  # null when the Feed left the catalogue
    # Null until grouped; later the Story it belongs to.
    story_id: Mapped[int | None] = mapped_column(ForeignKey("story.id"), index=True)
    url: Mapped[str] = mapped_column(Text)  # canonical, at most 2,000 characters
    headline: Mapped[str] = mapped_column(Text)
    excerpt: Mapped[str] = mapped_column(Text, default="")
    kind: Mapped[str] = mapped_column(
        Text, default="news"
    )  # an ArticleKind: what the piece is, not its subject
    published_at: Mapped[datetime] = mapped_column(index=True)
    dated: Mapped[bool] = mapped_column(
        default=True
    )  # false: the Entry had no usable date, and published_at is the time of the fetch
    gathered_at: Mapped[datetime]
    changed_at: Mapped[datetime | None]  # null until the Outlet rewrote headline or excerpt
    text_hash: Mapped[str] = mapped_column(Text, index=True)  # of headline and excerpt, to notice a rewrite
    # Shared by near-identical texts (wire copies), counted once in Coverage; null when the text stands alone.
    wire_key: Mapped[str | None] = mapped_column(Text)

    outlet: Mapped[Outlet] = relationship()


class LinkStatus(Base):
    """The HTTP answer of an Article's own address when it was last requested. Kept so that not every Check requests it again."""

    __tablename__ = "link_status"
    __table_args__ = (UniqueConstraint("article_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    article_id: Mapped[int] = mapped_column(ForeignKey("article.id", ondelete="CASCADE"))
    checked_at: Mapped[datetime]
    status: Mapped[int | None]  # HTTP status; null when there was no answer
    reason: Mapped[str] = mapped_column(
        Text, default=""
    )  # why there was no usable answer; empty when there was one
