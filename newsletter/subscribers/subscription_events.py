"""Records SubscriptionEvents about Trials. Rows are only added, and name nobody.

Events about money are recorded by :mod:`newsletter.billing.subscription_ledger`; those about Trials here, because confirming a sign-up
starts one.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.db import insert_new
from newsletter.db.models import Subscriber, SubscriptionEvent
from newsletter.subscribers.tokens import fingerprint


def record_trial(session: Session, reader: Subscriber, *, now: datetime) -> None:
    """Record that this reader's Trial began. The caller commits."""
    assert reader.trial_started_at is not None
    trial = trial_id(reader)
    record(session, f"trial:{trial}", "trial", at=reader.trial_started_at, received_at=now, trial=trial)
    record_trial_used(session, reader, now=now)


def record_trial_used(session: Session, reader: Subscriber, *, now: datetime) -> None:
    """Record by a hash that this person had their Trial: it survives their erasure, so that erasing brings no second Trial.

    The caller commits.
    """
    if reader.trial_started_at is not None:
        record(session, _trial_used_key(reader), "trial", at=reader.trial_started_at, received_at=now)


def had_trial(session: Session, reader: Subscriber) -> bool:
    """Whether this person ever had a Trial, under any spelling of their address."""
    known = select(SubscriptionEvent.id).where(SubscriptionEvent.key == _trial_used_key(reader))
    return session.scalar(known) is not None


def _trial_used_key(reader: Subscriber) -> str:
    return f"trial-had:{fingerprint(reader.person_hash)}"


def trial_id(reader: Subscriber) -> str:
    """A hash that stands for this reader's Trial in SubscriptionEvents."""
    assert reader.trial_started_at is not None
    return fingerprint(f"{reader.address_hash}:{reader.trial_started_at.isoformat()}")[:32]


def record(
    session: Session, key: str, kind: str, *, at: datetime, received_at: datetime, **facts: Any
) -> bool:
    """Insert one event, unless one with this ``key`` exists; returns whether it was inserted. ``facts`` are further columns.

    ``at`` is when it happened, ``received_at`` when we learned of it. The caller commits.
    """
    row = {"key": key, "kind": kind, "at": at, "received_at": received_at, "processor": "", **facts}
    return bool(insert_new(session, SubscriptionEvent, [row]))
