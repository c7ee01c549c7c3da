"""Outlets and their Feeds."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from newsletter.db.models.base import Base


class Outlet(Base):
    """A news organisation we read. Has one Lean; its Articles and its readers never do."""

    __tablename__ = "outlet"
    __table_args__ = (
        UniqueConstraint("name"),
        CheckConstraint("lean IN ('left','lean_left','center','lean_right','right')", name="lean"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    homepage: Mapped[str] = mapped_column(Text)
    lean: Mapped[str] = mapped_column(Text)
    lean_basis: Mapped[str] = mapped_column(Text, default="")
    country: Mapped[str] = mapped_column(
        Text, default=""
    )  # ISO 3166-1 code; empty when the catalogue says none
    lean_countries: Mapped[str] = mapped_column(
        Text, default=""
    )  # further countries on whose affairs the Lean holds, codes with a space between
    owner: Mapped[str] = mapped_column(Text, default="")
    state_run: Mapped[bool] = mapped_column(default=False)  # counts for no Side
    state_run_basis: Mapped[str] = mapped_column(Text, default="")
    disputed: Mapped[bool] = mapped_column(default=False)  # raters place it on different Sides
    enabled: Mapped[bool] = mapped_column(default=True)
    listed: Mapped[bool] = mapped_column(default=True)  # still in the catalogue; its old Articles stay
    policy: Mapped[str] = mapped_column(
        Text, default="feed"
    )  # what of it may be read; "feed": only its feeds; "page": the pages of its Articles too; empty: not said

    feeds: Mapped[list[Feed]] = relationship(back_populates="outlet")


class Feed(Base):
    """One RSS, Atom, RDF or JSON Feed address of an Outlet, and how fetching it has gone."""

    __tablename__ = "feed"
    __table_args__ = (UniqueConstraint("url"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    outlet_id: Mapped[int] = mapped_column(ForeignKey("outlet.id"), index=True)
    url: Mapped[str] = mapped_column(Text)
    enabled: Mapped[bool] = mapped_column(default=True)
    paused_at: Mapped[datetime | None]  # null unless an operator paused it
    etag: Mapped[str | None] = mapped_column(Text)  # null until the server names one
    last_modified: Mapped[str | None] = mapped_column(
        Text
    )  # the header as the server wrote it; null until it sends one
    checked_at: Mapped[datetime | None]  # null until the first fetch
    changed_at: Mapped[datetime | None]  # null until an Entry was read
    not_before_at: Mapped[datetime | None]  # Retry-After or backoff; null when it may be fetched at once
    failures: Mapped[int] = mapped_column(default=0)  # in a row
    last_status: Mapped[int | None]  # HTTP status; null when there was no answer
    last_error: Mapped[str | None] = mapped_column(Text)  # null when the last fetch went well
    last_entries: Mapped[int] = mapped_column(default=0)  # Entries in the last document read
    licence: Mapped[str] = mapped_column(
        Text, default="", server_default=""
    )  # RSL terms inside the last document read; empty when it has none

    outlet: Mapped[Outlet] = relationship(back_populates="feeds")
