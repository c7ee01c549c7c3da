"""Readers: consent (Subscriber), money (Subscription), deliverability (Suppression); three facts, never one status."""

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
        {"sqlite_autoincrement": True},  # an erased reader's number is never given to another
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    address: Mapped[str] = mapped_column(Text)  # as mailed to, domain in lower case
    address_hash: Mapped[str] = mapped_column(Text)  # keyed, of the whole address in lower case
    person_hash: Mapped[str] = mapped_column(
        Text, index=True
    )  # keyed; plus and dot forms of one mailbox are one person

    asked_at: Mapped[datetime] = mapped_column(index=True)  # counted by the caps on strangers' wishes
    confirmed_at: Mapped[datetime | None]  # null until the second step of double opt-in
    unsubscribed_at: Mapped[datetime | None]  # null while the mail is wanted
    consent_from: Mapped[str] = mapped_column(Text, default="")  # "landing", "import", …
    consent_ip: Mapped[str | None] = mapped_column(Text)  # null when imported, and again after 90 days
    consent_words: Mapped[str] = mapped_column(Text, default="")  # the exact wording agreed to
    consent_version: Mapped[str] = mapped_column(Text, default="")

    hour: Mapped[int] = mapped_column(default=6)  # local
    zone: Mapped[str] = mapped_column(Text, default="America/New_York")  # IANA
    cadence: Mapped[str] = mapped_column(Text, default="daily")
    # Only Issues with a Story on one of these, when the cadence is daily; null: all.
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
    changed_at: Mapped[datetime]  # the processor's moment of the last change we applied

    subscriber: Mapped[Subscriber] = relationship(back_populates="subscriptions")


class SubscriptionEvent(Base):
    """What became of a Subscription or a Trial at one moment, or money that came or went back. Only ever added.

    It names nobody, so that the sums of a month stay as they were after a reader is erased.
    """

    __tablename__ = "subscription_event"
    __table_args__ = (
        UniqueConstraint("key"),
        CheckConstraint("kind IN ('trial','changed','paid','refunded','disputed','reinstated')", name="kind"),
    )

    id: Mapped[int] = mapped_column(LargeNumber, primary_key=True)
    key: Mapped[str] = mapped_column(Text)  # says "already"
    kind: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(index=True)  # from when it holds
    heard_at: Mapped[datetime]
    processor: Mapped[str] = mapped_column(Text)  # "" of a Trial
    agreement: Mapped[str | None] = mapped_column(Text, index=True)  # a scrambled mark; null of a Trial
    trial: Mapped[str | None] = mapped_column(Text)  # the mark of the Trial it followed; null if none
    # How the Subscription stands from then on; null unless "changed".
    status: Mapped[str | None] = mapped_column(Text)
    paid_until: Mapped[datetime | None]
    past_due_at: Mapped[datetime | None]
    cancel_at: Mapped[datetime | None]
    month_cents: Mapped[int | None]  # what a month costs; null when the processor does not say
    cents: Mapped[int | None]  # what came or went back; null of a Trial and of "changed"
    currency: Mapped[str | None] = mapped_column(Text)  # of it


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


class Wish(Base):
    """What a stranger asked for by typing an address, until it is granted; then the row is gone."""

    __tablename__ = "wish"
    __table_args__ = (CheckConstraint("kind IN ('signup','signin')", name="kind"),)

    id: Mapped[int] = mapped_column(LargeNumber, primary_key=True)
    kind: Mapped[str] = mapped_column(Text)
    address: Mapped[str] = mapped_column(Text)  # normalised, known to be nobody's yet
    hour: Mapped[int | None]  # local; null when they did not say
    zone: Mapped[str] = mapped_column(Text, default="")
    network: Mapped[str | None] = mapped_column(Text)  # IPv4, or the /64 of IPv6; null when not known
    came_from: Mapped[str] = mapped_column(Text, default="")
    asked_at: Mapped[datetime] = mapped_column(index=True)


class Knock(Base):
    """One request from a network that a cap counts. Kept for a day."""

    __tablename__ = "knock"
    __table_args__ = (
        Index("ix_knock_network", "kind", "network", "at"),
        Index("ix_knock_wider", "kind", "wider", "at"),
    )

    id: Mapped[int] = mapped_column(LargeNumber, primary_key=True)
    kind: Mapped[str] = mapped_column(Text)  # "signup", "signin" or "read"
    network: Mapped[str] = mapped_column(Text)  # a keyed mark of the network
    wider: Mapped[str] = mapped_column(Text)  # a keyed mark of the wider one around it
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
