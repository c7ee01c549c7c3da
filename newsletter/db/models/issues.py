"""Issues, with their Placements, Renditions, Checks and revisions."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from newsletter.db.models.base import Base
from newsletter.db.models.stories import Story, StoryRevision


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
    is_sample: Mapped[bool] = mapped_column(
        default=False
    )  # made of invented outlets and events, and labelled so
    composed_at: Mapped[datetime]
    approved_at: Mapped[datetime | None]  # null until approved, and again after any edit
    approved_by: Mapped[str | None] = mapped_column(Text)  # as AuditEntry.by
    content_hash: Mapped[str | None] = mapped_column(Text)  # of both Renditions, set by approval
    hold_reason: Mapped[str | None] = mapped_column(Text)  # null unless held or withdrawn
    frozen_at: Mapped[datetime | None]  # null until the Audience is frozen
    audience_size: Mapped[int | None]  # Deliveries at the freeze; null before it
    dispatched_at: Mapped[datetime | None]  # null until every Delivery is settled
    # Null unless an operator resumed it: its age is counted from then, so that an operator may send stale news knowingly.
    released_at: Mapped[datetime | None]
    # Ids of Articles whose own address no longer answers: the mail links to our story page instead.
    unlinked: Mapped[list[int]] = mapped_column(JSON, default=list, server_default="[]")

    placements: Mapped[list[Placement]] = relationship(
        order_by="Placement.rank", cascade="all, delete-orphan", back_populates="issue"
    )
    renditions: Mapped[list[Rendition]] = relationship(cascade="all, delete-orphan")
    checks: Mapped[list[Check]] = relationship(cascade="all, delete-orphan", order_by="Check.id")


class Placement(Base):
    """A Story in an Issue, with its rank from 1 and the revision of its text that was placed."""

    __tablename__ = "placement"
    __table_args__ = (UniqueConstraint("issue_id", "story_id"), UniqueConstraint("issue_id", "rank"))

    id: Mapped[int] = mapped_column(primary_key=True)
    issue_id: Mapped[int] = mapped_column(ForeignKey("issue.id"), index=True)
    story_id: Mapped[int] = mapped_column(ForeignKey("story.id"), index=True)
    story_revision_id: Mapped[int] = mapped_column(ForeignKey("story_revision.id"))
    rank: Mapped[int]
    score: Mapped[float] = mapped_column(default=0.0)
    development: Mapped[str] = mapped_column(
        Text, default=""
    )  # what is new since it was last placed; empty if first

    issue: Mapped[Issue] = relationship(back_populates="placements")
    story: Mapped[Story] = relationship()
    story_revision: Mapped[StoryRevision] = relationship()


class Rendition(Base):
    """One rendered form of an Issue, with its Slots not yet filled. Exactly these bytes are approved and sent."""

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
    # The quick fixes offered, each with "act", "words", "story" and "value" (see ``issues/checks/findings.py``).
    remedies: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list, server_default="[]")
    checked_at: Mapped[datetime]


class IssueRevision(Base):
    """An Issue after an edit: its envelope, its Stories and the revision of each. Kept so that an operator can go back to it."""

    __tablename__ = "issue_revision"
    __table_args__ = (UniqueConstraint("issue_id", "revision"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    issue_id: Mapped[int] = mapped_column(ForeignKey("issue.id", ondelete="CASCADE"))
    revision: Mapped[int]  # 1 is the Issue as it was composed
    made_at: Mapped[datetime]
    by: Mapped[str] = mapped_column(Text)  # "compose", or as AuditEntry.by
    changes: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)  # as in the audit trail
    content: Mapped[dict[str, Any]] = mapped_column(JSON)


class IssueSum(Base):
    """The figures of one Issue, counted once when few events are still expected, so that no page counts a million rows."""

    __tablename__ = "issue_sum"
    __table_args__ = (UniqueConstraint("issue_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    issue_id: Mapped[int] = mapped_column(ForeignKey("issue.id", ondelete="CASCADE"))
    summed_at: Mapped[datetime]
    sums: Mapped[dict[str, Any]] = mapped_column(
        JSON
    )  # the fields of subscribers.metrics.IssueCounts but for its day
