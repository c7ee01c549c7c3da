"""Runs of the pipeline's Steps."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from newsletter.db.models.base import Base


class Run(Base):
    """One recorded execution of a Step. (step, due_at) is unique, so that one due moment is worked on once."""

    __tablename__ = "run"
    __table_args__ = (
        UniqueConstraint("step", "due_at"),
        CheckConstraint("outcome IN ('running','done','nothing','failed')", name="outcome"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    step: Mapped[str] = mapped_column(Text)
    due_at: Mapped[datetime]
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]  # null while running, and for good if its process died
    outcome: Mapped[str] = mapped_column(Text, default="running")
    detail: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    error: Mapped[str | None] = mapped_column(Text)  # one sentence; null unless failed
