"""Which database this is."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import BigInteger, CheckConstraint, Text
from sqlalchemy.orm import Mapped, mapped_column

from newsletter.db.models.base import Base


class Instance(Base):
    """One row: by what a copy or a restored backup of this database is told from the one that mailed. See delivery/fence.py."""

    __tablename__ = "instance"
    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    mark: Mapped[str] = mapped_column(Text)  # random; a new one with each confirmation
    identity: Mapped[str] = mapped_column(
        Text
    )  # what the database's place said of itself when it was confirmed
    tide: Mapped[int] = mapped_column(BigInteger, default=0)  # claims so far; only ever rises
    fenced_because: Mapped[str | None] = mapped_column(Text)  # null while it may send
    restored_on: Mapped[
        date | None
    ]  # the day in EDITION_TZ an operator confirmed a copy; null if it never was one
    confirmed_at: Mapped[datetime | None]  # likewise
