"""What tells this database from its copies."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import BigInteger, CheckConstraint, Text
from sqlalchemy.orm import Mapped, mapped_column

from newsletter.db.models.base import Base


class Instance(Base):
    """One row, by which a copy or a restored backup is told from the database that sent mail. See ``delivery/fence.py``."""

    __tablename__ = "instance"
    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    mark: Mapped[str] = mapped_column(Text)  # random; replaced with each confirmation by an operator
    identity: Mapped[str] = mapped_column(
        Text
    )  # db.identity() when it first mailed or was last confirmed; empty before
    high_water: Mapped[int] = mapped_column(BigInteger, default=0)  # how many claims were made; it only rises
    fenced_because: Mapped[str | None] = mapped_column(Text)  # null while it may send
    restored_on: Mapped[
        date | None
    ]  # the day in EDITION_TZ an operator confirmed a copy; null if it never was one
    confirmed_at: Mapped[datetime | None]  # when that was confirmed; null if it never was a copy
