"""Operators, sign-ins, used links and the audit trail."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from newsletter.db.models.base import Base


class Operator(Base):
    """A person who may open the desk."""

    __tablename__ = "operator"
    __table_args__ = (
        UniqueConstraint("address"),
        CheckConstraint("duty IN ('editor','manager')", name="duty"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    address: Mapped[str] = mapped_column(Text)
    duty: Mapped[str] = mapped_column(Text, default="manager")
    added_at: Mapped[datetime]
    removed_at: Mapped[datetime | None]  # null while they may sign in


class SignIn(Base):
    """One signed-in browser of an Operator or a Subscriber. Only a hash of its secret is kept. It can be revoked."""

    __tablename__ = "sign_in"
    __table_args__ = (UniqueConstraint("secret_hash"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    secret_hash: Mapped[str] = mapped_column(Text)
    operator_id: Mapped[int | None] = mapped_column(
        ForeignKey("operator.id"), index=True
    )  # one of the two is set
    subscriber_id: Mapped[int | None] = mapped_column(
        ForeignKey("subscriber.id", ondelete="CASCADE"), index=True
    )
    began_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]  # null until signed out


class UsedToken(Base):
    """A link that works once and was used."""

    __tablename__ = "used_token"
    __table_args__ = (UniqueConstraint("token_hash"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    token_hash: Mapped[str] = mapped_column(Text)
    used_at: Mapped[datetime]


class AuditEntry(Base):
    """One act: who did it, when, and what it was about."""

    __tablename__ = "audit_entry"

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(index=True)
    by: Mapped[str] = mapped_column(Text)  # "operator:3", "auto", "command line", or the name given there
    act: Mapped[str] = mapped_column(Text)  # a constant such as "issue.approved"
    about: Mapped[str] = mapped_column(Text, default="")  # "issue:2026-11-23"
    detail: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
