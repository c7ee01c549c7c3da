"""Deliveries, their events, Notices and Corrections. Only ``delivery/ledger.py`` writes Deliveries."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from newsletter.db.models.base import Base, LargeNumber


class Delivery(Base):
    """This Issue is owed to this Subscriber, and what became of it."""

    __tablename__ = "delivery"
    __table_args__ = (
        # The Subscriber comes first so that this index also finds all Deliveries of one reader: a further index would cost time at each
        # of a million changes.
        UniqueConstraint("subscriber_id", "issue_id"),
        UniqueConstraint("issue_id", "address_hash"),
        CheckConstraint(
            "state IN ('pending','submitting','accepted','failed','uncertain','withdrawn')", name="state"
        ),
        CheckConstraint("rendition IN ('full','metered')", name="rendition"),
        # Serves the claim: pending and due Deliveries, oldest first, then by id where a hundred thousand are due at once.
        Index("ix_delivery_claim", "issue_id", "state", "due_at", "id"),
    )

    id: Mapped[int] = mapped_column(LargeNumber, primary_key=True)
    issue_id: Mapped[int] = mapped_column(ForeignKey("issue.id"))
    # Null after the Subscriber was erased: the row stays, so that the sums of the Issue stay right.
    subscriber_id: Mapped[int | None] = mapped_column(ForeignKey("subscriber.id", ondelete="SET NULL"))
    address_hash: Mapped[str] = mapped_column(Text)
    rendition: Mapped[str] = mapped_column(Text)
    content_hash: Mapped[str] = mapped_column(
        Text
    )  # of the Rendition owed; a Rendition with another hash is refused
    due_at: Mapped[datetime]  # the hour that the reader chose, in UTC
    state: Mapped[str] = mapped_column(Text, default="pending")
    attempts: Mapped[int] = mapped_column(
        default=0
    )  # submissions begun; a definite refusal by the provider is subtracted again
    claim: Mapped[str | None] = mapped_column(Text)  # the owner's fencing token; null unless submitting
    lease_until: Mapped[datetime | None]  # null unless submitting; after it the owner's claim has expired
    submitted_at: Mapped[datetime | None]  # null until first submitted
    settled_at: Mapped[datetime | None]  # null until accepted, failed or withdrawn
    provider: Mapped[str | None] = mapped_column(Text)  # the provider last submitted to; null until then
    provider_id: Mapped[str | None] = mapped_column(
        Text
    )  # the provider's id of the mail; null if it gave none
    reason: Mapped[str | None] = mapped_column(Text)  # why failed, uncertain or withdrawn; null otherwise


class LeftOut(Base):
    """A Subscriber who does not get this Issue, and why, as a word."""

    __tablename__ = "left_out"
    __table_args__ = (UniqueConstraint("issue_id", "subscriber_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    issue_id: Mapped[int] = mapped_column(ForeignKey("issue.id"))
    subscriber_id: Mapped[int] = mapped_column(ForeignKey("subscriber.id", ondelete="CASCADE"), index=True)
    reason: Mapped[str] = mapped_column(
        Text
    )  # "unconfirmed", "unsubscribed", "suppressed", "paused", "weekly-not-today", "other-topics"


class DeliveryEvent(Base):
    """What a provider reported later. Unique by the provider's own event id, so a repeated report changes nothing."""

    __tablename__ = "delivery_event"
    __table_args__ = (
        UniqueConstraint("provider", "provider_event_id"),
        CheckConstraint(
            "kind IN ('accepted','delivered','deferred','bounced','complained','unsubscribed')", name="kind"
        ),
        # Bounces and complaints are rare and counted often: the circuit breaker counts them at each bounce.
        Index(
            "ix_delivery_event_bad",
            "delivery_id",
            sqlite_where=text("kind IN ('bounced', 'complained')"),
            postgresql_where=text("kind IN ('bounced', 'complained')"),
        ),
    )

    id: Mapped[int] = mapped_column(LargeNumber, primary_key=True)
    provider: Mapped[str] = mapped_column(Text)
    provider_event_id: Mapped[str] = mapped_column(Text)
    delivery_id: Mapped[int | None] = mapped_column(
        ForeignKey("delivery.id"), index=True
    )  # null: about no Delivery of this database
    kind: Mapped[str] = mapped_column(Text)
    bounce: Mapped[str | None] = mapped_column(Text)  # hard or soft; null unless bounced
    happened_at: Mapped[datetime]
    received_at: Mapped[datetime]
    reason: Mapped[str] = mapped_column(Text, default="")


class DeliveryEventSum(Base):
    """How many DeliveryEvents of one kind were received on one day. Replaces the events after 90 days."""

    __tablename__ = "delivery_event_sum"
    __table_args__ = (UniqueConstraint("received_on", "about", "provider", "kind", "bounce"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    received_on: Mapped[date]  # the day of receipt, UTC
    about: Mapped[str] = mapped_column(Text)  # the Issue's day, or "notices"
    provider: Mapped[str] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(Text)
    bounce: Mapped[str] = mapped_column(Text)  # hard or soft; empty unless bounced (null would not be unique)
    count: Mapped[int] = mapped_column(LargeNumber)


class Notice(Base):
    """Mail to one person because of something they did or must know. Queued with the change that causes it."""

    __tablename__ = "notice"
    __table_args__ = (
        UniqueConstraint("key"),
        CheckConstraint(
            "state IN ('pending','submitting','accepted','failed','uncertain','withdrawn')", name="state"
        ),
        Index("ix_notice_claim", "state", "due_at"),
        # Serves Notices that a person waits for, without reading past the many of a Correction.
        Index(
            "ix_notice_awaited",
            "state",
            "due_at",
            sqlite_where=text("correction_id IS NULL"),
            postgresql_where=text("correction_id IS NULL"),
        ),
        # The id of a Notice that was deleted with its Subscriber is not used again: the provider may still report on it.
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(Text)  # the folder under templates/email: "confirm", "welcome", …
    key: Mapped[str] = mapped_column(
        Text
    )  # unique, so that one cause queues one Notice: "confirm:7:2026-11-23T06:00"
    subscriber_id: Mapped[int | None] = mapped_column(
        ForeignKey("subscriber.id", ondelete="CASCADE"), index=True
    )
    operator_id: Mapped[int | None] = mapped_column(ForeignKey("operator.id"))  # one of the two is set
    correction_id: Mapped[int | None] = mapped_column(
        ForeignKey("correction.id"), index=True
    )  # null unless it is a Correction's copy
    values: Mapped[dict[str, Any]] = mapped_column(
        JSON, default=dict
    )  # what its template prints; never an address
    due_at: Mapped[datetime]
    state: Mapped[str] = mapped_column(Text, default="pending")
    attempts: Mapped[int] = mapped_column(default=0)
    claim: Mapped[str | None] = mapped_column(Text)  # null unless submitting
    lease_until: Mapped[datetime | None]  # null unless submitting
    submitted_at: Mapped[datetime | None]  # null until first submitted
    provider_id: Mapped[str | None] = mapped_column(Text)  # null if the provider gave none
    reason: Mapped[str | None] = mapped_column(Text)  # null unless failed, uncertain or withdrawn


class Correction(Base):
    """A corrected text of an Issue, mailed once (as Notices) to those who received the wrong one or may have received it."""

    __tablename__ = "correction"
    __table_args__ = (CheckConstraint("rendition IN ('full','metered')", name="rendition"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    issue_id: Mapped[int] = mapped_column(ForeignKey("issue.id"), index=True)
    rendition: Mapped[str | None] = mapped_column(Text)  # the Rendition that was wrong; null: both
    subject: Mapped[str] = mapped_column(Text)
    html: Mapped[str] = mapped_column(Text)
    text: Mapped[str] = mapped_column(Text)
    content_hash: Mapped[str] = mapped_column(Text)  # exactly these bytes are approved and sent
    approved_at: Mapped[datetime]
    approved_by: Mapped[str] = mapped_column(Text)
    owed: Mapped[int] = mapped_column(default=0)  # Subscribers it has been queued for so far
    closed_at: Mapped[
        datetime | None
    ]  # null while a Delivery of the Issue may still turn out to have been accepted
