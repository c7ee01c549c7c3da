"""The Articles that Outlets published, their pages where they were read, and whether their addresses still answer."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Text, UniqueConstraint
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


class ArticlePage(Base):
    """What came of reading an Article's own page, and its text, kept for days and never shown whole."""

    __tablename__ = "article_page"
    __table_args__ = (
        UniqueConstraint("article_id"),
        CheckConstraint("verdict IN ('read','walled','refused','failed')", name="verdict"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    article_id: Mapped[int] = mapped_column(ForeignKey("article.id", ondelete="CASCADE"))
    fetched_at: Mapped[datetime] = mapped_column(index=True)  # or when it was decided not to
    not_before_at: Mapped[datetime | None]  # when it may be tried again; null when there is no need to
    status: Mapped[int | None]  # HTTP status; null when there was no answer, or none was asked for
    etag: Mapped[str | None] = mapped_column(Text)  # null until the server names one
    last_modified: Mapped[str | None] = mapped_column(Text)  # as the server wrote it; null until it sends one
    # "read": there is text; "walled": what came is not the article's text; "refused": it may not be read; "failed": no page came
    verdict: Mapped[str] = mapped_column(Text)
    reason: Mapped[str] = mapped_column(Text)  # one sentence: by what right it is read, or why it is not
    models_allowed: Mapped[bool] = mapped_column(default=False)  # its text may be given to a language model
    text: Mapped[str] = mapped_column(Text, default="")  # a line a paragraph; emptied after PAGE_TEXT_DAYS
    text_hash: Mapped[str] = mapped_column(Text, default="")  # of the text; stays when it is emptied
    failures: Mapped[int] = mapped_column(default=0)  # in a row


class SiteRule(Base):
    """What a site says about reading all its pages, as received: robots.txt, tdmrep.json, licences. Fetched again each day."""

    __tablename__ = "site_rule"
    __table_args__ = (UniqueConstraint("site"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    site: Mapped[str] = mapped_column(Text)  # scheme, host and port
    fetched_at: Mapped[datetime]
    rules: Mapped[dict[str, Any]] = mapped_column(JSON)  # the fields of page_rights.SiteRules
