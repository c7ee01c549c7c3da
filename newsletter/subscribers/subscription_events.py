"""Facts about Subscriptions and Trials, only ever added: what became of one at a moment. Names nobody.

The facts about money stand in :mod:`newsletter.billing.ledger`; those about Trials stand here, because signing up starts one.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.db import insert_new
from newsletter.db.models import Subscriber, SubscriptionEvent
from newsletter.subscribers.tokens import fingerprint


def note_trial(session: Session, reader: Subscriber, *, now: datetime) -> None:
    """A Trial of this reader begins. The caller commits."""
    assert reader.trial_started_at is not None
    mark = trial_mark(reader)
    note(session, f"trial:{mark}", "trial", at=reader.trial_started_at, received_at=now, trial=mark)
    note_trial_had(session, reader, now=now)


def note_trial_had(session: Session, reader: Subscriber, *, now: datetime) -> None:
    """That this person had their Trial outlives their erasure, by a scrambled mark: else each erasure would bring another."""
    if reader.trial_started_at is not None:
        note(session, _had(reader), "trial", at=reader.trial_started_at, received_at=now)


def had_trial(session: Session, reader: Subscriber) -> bool:
    """Whether this person ever had a Trial, under whatever spelling of their address."""
    known = select(SubscriptionEvent.id).where(SubscriptionEvent.key == _had(reader))
    return session.scalar(known) is not None


def _had(reader: Subscriber) -> str:
    return f"trial-had:{fingerprint(reader.person_hash)}"


def trial_mark(reader: Subscriber) -> str:
    assert reader.trial_started_at is not None
    return fingerprint(f"{reader.address_hash}:{reader.trial_started_at.isoformat()}")[:32]


def note(session: Session, key: str, kind: str, *, at: datetime, received_at: datetime, **facts: Any) -> bool:
    """Whether it is news."""
    row = {"key": key, "kind": kind, "at": at, "received_at": received_at, "processor": "", **facts}
    return bool(insert_new(session, SubscriptionEvent, [row]))
