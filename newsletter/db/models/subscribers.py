"""Consent (Subscriber), money (Subscription) and deliverability (Suppression): three facts that are never merged into one status."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from newsletter.db.models.base import Base, LargeNumber


class Subscriber(Base):
    """A person with an address and a recorded consent."""

    __tablename__ = "subscriber"
    __table_args__ = (
        UniqueConstraint("address"),
        UniqueConstraint("address_hash"),
        CheckConstraint("hour >= 0 AND hour <= 23", name="hour"),
        CheckConstraint("cadence IN ('daily','weekly')", name="cadence"),
        {"sqlite_autoincrement": True},  # the id of an erased reader is never used again
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    address: Mapped[str] = mapped_column(Text)  # as mailed to, domain in lower case
    address_hash: Mapped[str] = mapped_column(Text)  # keyed, of the whole address in lower case
    person_hash: Mapped[str] = mapped_column(
        Text, index=True
    )  # keyed; the same for the plus and dot forms of one mailbox

    asked_at: Mapped[datetime] = mapped_column(index=True)  # indexed for the caps on sign-ups
    confirmed_at: Mapped[datetime | None]  # null until the second step of double opt-in
    unsubscribed_at: Mapped[datetime | None]  # null while the mail is wanted
    consent_from: Mapped[str] = mapped_column(Text, default="")  # "landing", "import", …
    consent_ip: Mapped[str | None] = mapped_column(Text)  # null when imported, and again after 90 days
    consent_words: Mapped[str] = mapped_column(Text, default="")  # the exact wording agreed to
    consent_version: Mapped[str] = mapped_column(Text, default="")

    hour: Mapped[int] = mapped_column(default=6)  # local
    zone: Mapped[str] = mapped_column(Text, default="America/New_York")  # IANA
    cadence: Mapped[str] = mapped_column(Text, default="daily")
    # With a daily cadence only Issues with a Story on one of these are sent; null: all Issues.
    topics: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))
    paused_until: Mapped[date | None]  # null unless paused; mail resumes on that day
    trial_started_at: Mapped[
        datetime | None
    ]  # null when there was none (imported, or the person had one before)
    imported: Mapped[bool] = mapped_column(default=False)

    subscriptions: Mapped[list[Subscription]] = relationship(back_populates="subscriber")


class Subscription(Base):
    """The paying agreement and nothing else."""

    __tablename__ = "subscription"
    __table_args__ = (
        UniqueConstraint("processor", "processor_id"),
        CheckConstraint("status IN ('trialing','active','past_due','canceled')", name="status"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    subscriber_id: Mapped[int] = mapped_column(ForeignKey("subscriber.id"), index=True)
    processor: Mapped[str] = mapped_column(Text)  # "stripe", "offline" or "comp"
    processor_id: Mapped[str] = mapped_column(Text)
    status: Mapped[str] = mapped_column(Text)
    started_at: Mapped[datetime]
    paid_until: Mapped[datetime | None]  # null when it has no end (a comp)
    past_due_at: Mapped[datetime | None]  # null unless a payment failed
    cancel_at: Mapped[datetime | None]  # null unless it is to end
    changed_at: Mapped[datetime]  # when the processor was asked for the state that is kept here

    subscriber: Mapped[Subscriber] = relationship(back_populates="subscriptions")


class SubscriptionEvent(Base):
    """A change of a Subscription, the start of a Trial, or money received or returned. Rows are only added.

    It names nobody, so that the sums of a month do not change when a reader is erased.
    """

    __tablename__ = "subscription_event"
    __table_args__ = (
        UniqueConstraint("key"),
        CheckConstraint("kind IN ('trial','changed','paid','refunded','disputed','reinstated')", name="kind"),
    )

    id: Mapped[int] = mapped_column(LargeNumber, primary_key=True)
    key: Mapped[str] = mapped_column(Text)  # unique, so that one fact is recorded once
    kind: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(index=True)  # from when on it holds
    received_at: Mapped[datetime]
    processor: Mapped[str] = mapped_column(Text)  # "" for a Trial
    agreement: Mapped[str | None] = mapped_column(
        Text, index=True
    )  # a hash of processor and agreement id; null for a Trial
    trial: Mapped[str | None] = mapped_column(
        Text
    )  # a hash that stands for the Trial before it; null if none
    # State of the Subscription from ``at`` on; null unless kind is "changed".
    status: Mapped[str | None] = mapped_column(Text)
    paid_until: Mapped[datetime | None]
    past_due_at: Mapped[datetime | None]
    cancel_at: Mapped[datetime | None]
    month_cents: Mapped[int | None]  # what a month costs; null when the processor does not say
    cents: Mapped[int | None]  # amount received or returned; null for "trial" and "changed"
    currency: Mapped[str | None] = mapped_column(Text)  # of cents, ISO 4217 in lower case


class Suppression(Base):
    """An address we must not mail, kept as a keyed hash so that it survives erasure."""

    __tablename__ = "suppression"
    __table_args__ = (
        UniqueConstraint("address_hash"),
        CheckConstraint(
            "reason IN ('bounced','complained','unsubscribed','erased','operator')", name="reason"
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    address_hash: Mapped[str] = mapped_column(Text)
    reason: Mapped[str] = mapped_column(Text)
    suppressed_at: Mapped[datetime]


class PendingRequest(Base):
    """A sign-up or sign-in requested through a form. The row is deleted with the transaction that processes it."""

    __tablename__ = "pending_request"
    __table_args__ = (CheckConstraint("kind IN ('signup','signin')", name="kind"),)

    id: Mapped[int] = mapped_column(LargeNumber, primary_key=True)
    kind: Mapped[str] = mapped_column(Text)
    address: Mapped[str] = mapped_column(Text)  # normalised; not yet looked up among the Subscribers
    hour: Mapped[int | None]  # local; null when the form had none
    zone: Mapped[str] = mapped_column(Text, default="")
    network: Mapped[str | None] = mapped_column(Text)  # IPv4, or the /64 of IPv6; null when not known
    came_from: Mapped[str] = mapped_column(Text, default="")
    asked_at: Mapped[datetime] = mapped_column(index=True)


class RateLimitHit(Base):
    """One request from a network that counts towards a rate limit. Kept for a day."""

    __tablename__ = "rate_limit_hit"
    __table_args__ = (
        Index("ix_rate_limit_hit_network", "kind", "network", "at"),
        Index("ix_rate_limit_hit_wider_network", "kind", "wider_network", "at"),
    )

    id: Mapped[int] = mapped_column(LargeNumber, primary_key=True)
    kind: Mapped[str] = mapped_column(Text)  # "signup", "signin" or "read"
    network: Mapped[str] = mapped_column(Text)  # keyed hash of the network
    wider_network: Mapped[str] = mapped_column(Text)  # keyed hash of the wider network around it
    at: Mapped[datetime]


class Read(Base):
    """One story page counted against the Meter: once per reader, Story and month."""

    __tablename__ = "read"
    __table_args__ = (UniqueConstraint("reader", "story_id", "month"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    reader: Mapped[str] = mapped_column(Text)  # "subscriber:7", or the random id of a signed cookie
    story_id: Mapped[int] = mapped_column(ForeignKey("story.id"))
    month: Mapped[str] = mapped_column(Text)  # 2026-11, in EDITION_TZ
    read_at: Mapped[datetime]
