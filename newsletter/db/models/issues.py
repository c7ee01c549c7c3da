"""One dated number of the newsletter."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from newsletter.db.models.base import Base
from newsletter.db.models.stories import Story, StoryTelling


class Issue(Base):
    """One dated number: draft → approved → dispatching → dispatched, or held, or withdrawn."""

    __tablename__ = "issue"
    __table_args__ = (
        UniqueConstraint("issued_on"),
        CheckConstraint(
            "state IN ('draft','approved','dispatching','dispatched','held','withdrawn')", name="state"
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    issued_on: Mapped[date]  # the day in EDITION_TZ
    state: Mapped[str] = mapped_column(Text, default="draft")
    subject: Mapped[str] = mapped_column(Text)
    preheader: Mapped[str] = mapped_column(Text, default="")
    intro: Mapped[str] = mapped_column(Text, default="")
    reading_seconds: Mapped[int] = mapped_column(default=0)
    outlets_read: Mapped[int] = mapped_column(default=0)  # Outlets with a Feed that answered in the last day
    is_sample: Mapped[bool] = mapped_column(default=False)  # invented outlets and events, and it says so
    composed_at: Mapped[datetime]
    approved_at: Mapped[datetime | None]  # null until approved; taken back by any edit
    approved_by: Mapped[str | None] = mapped_column(Text)  # as in an AuditEntry
    content_hash: Mapped[str | None] = mapped_column(Text)  # of both Renditions, set by approval
    hold_reason: Mapped[str | None] = mapped_column(Text)  # null unless held or withdrawn
    frozen_at: Mapped[datetime | None]  # null until the Audience is frozen
    audience_size: Mapped[int | None]  # Deliveries at the freeze; null before it
    dispatched_at: Mapped[datetime | None]  # null until every Delivery is settled
    # Null unless an operator resumed it: from then its age is counted anew, so that stale news may be let go knowingly.
    released_at: Mapped[datetime | None]
    # Articles by number whose own address is dead: the mail leads to our story page in its place.
    unlinked: Mapped[list[int]] = mapped_column(JSON, default=list, server_default="[]")

    placements: Mapped[list[Placement]] = relationship(
        order_by="Placement.rank", cascade="all, delete-orphan", back_populates="issue"
    )
    renditions: Mapped[list[Rendition]] = relationship(cascade="all, delete-orphan")
    checks: Mapped[list[Check]] = relationship(cascade="all, delete-orphan", order_by="Check.id")


class Placement(Base):
    """A Story in an Issue, with its rank from 1, in the words it had when it was placed."""

    __tablename__ = "placement"
    __table_args__ = (UniqueConstraint("issue_id", "story_id"), UniqueConstraint("issue_id", "rank"))

    id: Mapped[int] = mapped_column(primary_key=True)
    issue_id: Mapped[int] = mapped_column(ForeignKey("issue.id"), index=True)
    story_id: Mapped[int] = mapped_column(ForeignKey("story.id"), index=True)
    telling_id: Mapped[int] = mapped_column(ForeignKey("story_telling.id"))
    rank: Mapped[int]
    score: Mapped[float] = mapped_column(default=0.0)
    development: Mapped[str] = mapped_column(
        Text, default=""
    )  # what is new since it was last placed; empty if first

    issue: Mapped[Issue] = relationship(back_populates="placements")
    story: Mapped[Story] = relationship()
    telling: Mapped[StoryTelling] = relationship()


class Rendition(Base):
    """One rendered form of an Issue, with Slots still open. Exactly these bytes are approved and sent."""

    __tablename__ = "rendition"
    __table_args__ = (
        UniqueConstraint("issue_id", "kind"),
        CheckConstraint("kind IN ('full','metered')", name="kind"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    issue_id: Mapped[int] = mapped_column(ForeignKey("issue.id"), index=True)
    kind: Mapped[str] = mapped_column(Text)
    subject: Mapped[str] = mapped_column(Text)
    preheader: Mapped[str] = mapped_column(Text)
    html: Mapped[str] = mapped_column(Text)
    text: Mapped[str] = mapped_column(Text)
    content_hash: Mapped[str] = mapped_column(Text)
    rendered_at: Mapped[datetime]


class Check(Base):
    """One pre-flight finding on an Issue: pass, warn or block, with a reason."""

    __tablename__ = "check"
    __table_args__ = (CheckConstraint("level IN ('pass','warn','block')", name="level"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    issue_id: Mapped[int] = mapped_column(ForeignKey("issue.id"), index=True)
    name: Mapped[str] = mapped_column(Text)  # a constant such as "both-sides"
    level: Mapped[str] = mapped_column(Text)
    reason: Mapped[str] = mapped_column(Text)
    # What one press would mend it, as "act", "words", "story", "value" (see ``issues/checks/findings.py``).
    remedies: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list, server_default="[]")
    checked_at: Mapped[datetime]


class IssueRevision(Base):
    """What an Issue was after an edit: its envelope and which Stories stood in it, in which words. Kept, so one can go back."""

    __tablename__ = "issue_revision"
    __table_args__ = (UniqueConstraint("issue_id", "revision"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    issue_id: Mapped[int] = mapped_column(ForeignKey("issue.id", ondelete="CASCADE"))
    revision: Mapped[int]  # from 1: the Issue as it was composed
    made_at: Mapped[datetime]
    by: Mapped[str] = mapped_column(Text)  # "compose", or as in an AuditEntry
    said: Mapped[dict[str, Any]] = mapped_column(
        JSON, default=dict
    )  # what changed, as the audit trail has it
    content: Mapped[dict[str, Any]] = mapped_column(JSON)


class IssueSum(Base):
    """What became of one Issue, counted once when nothing much changes any more, so that no page counts a million lines."""

    __tablename__ = "issue_sum"
    __table_args__ = (UniqueConstraint("issue_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    issue_id: Mapped[int] = mapped_column(ForeignKey("issue.id", ondelete="CASCADE"))
    summed_at: Mapped[datetime]
    sums: Mapped[dict[str, Any]] = mapped_column(
        JSON
    )  # the fields of circulation's IssueLine but for its day
