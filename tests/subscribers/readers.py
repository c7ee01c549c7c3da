"""Readers made for tests, with the hashes the real sign-up would give them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from newsletter import clock, db
from newsletter.db.models import Subscriber
from newsletter.subscribers.addresses import address_hash, person_hash
from newsletter.subscribers.tokens import Tokens, subject_of

KEY = "a-key-for-the-tests-of-32-letters-or-more"  # as in conftest's settings


def make_reader(
    sessions: db.Sessions, now: datetime, address: str = "ann@example.com", **changes: Any
) -> Subscriber:
    """A reader who confirmed three weeks ago and whose Trial is over, unless ``changes`` say otherwise."""
    long_ago = now - timedelta(days=21)
    made = Subscriber(
        **{
            "address": address,
            "address_hash": address_hash(KEY, address),
            "person_hash": person_hash(KEY, address),
            "asked_at": long_ago,
            "confirmed_at": long_ago,
            "trial_started_at": long_ago,
            **changes,
        }
    )
    with sessions.begin() as session:
        session.add(made)
    return made


def tokens_at(moment: datetime) -> Tokens:
    return Tokens(KEY, clock=clock.fixed(moment))


def link_for(reader: Subscriber, purpose: str, made_at: datetime) -> str:
    """The token of a link that was mailed to this reader."""
    return tokens_at(made_at).make(purpose, subject_of(reader.id, reader.address_hash))
