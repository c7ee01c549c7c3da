"""Stopping the mail, and starting it again: by the link in every mail, which works for ever."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from newsletter import log
from newsletter.db.models import Subscriber
from newsletter.subscribers.signup import lift_own_suppression, subscriber_of
from newsletter.subscribers.tokens import UNSUBSCRIBE, Tokens

_log = log.get("subscribers")


@dataclass(frozen=True)
class Left:
    """What unsubscribing found. ``was_already``: no mail was owed to them before this either."""

    subscriber: Subscriber
    was_already: bool


def reader_of(session: Session, token: str, *, tokens: Tokens) -> Subscriber:
    """Whose link this is. Raises ``TokenError``: not ours, or the reader was erased since (and gets no mail)."""
    return subscriber_of(session, tokens.read(UNSUBSCRIBE, token))


def unsubscribe(session: Session, token: str, *, tokens: Tokens, now: datetime) -> Left:
    """No more Issues to this reader, at once. A second time changes nothing. The caller commits."""
    subscriber = reader_of(session, token, tokens=tokens)
    return Left(subscriber, was_already=not leave(subscriber, now=now))


def leave(subscriber: Subscriber, *, now: datetime) -> bool:
    """Note that this reader left; False when that was known."""
    if subscriber.unsubscribed_at is not None:
        return False
    subscriber.unsubscribed_at = now
    _log.info("subscriber.unsubscribed", subscriber_id=subscriber.id)
    return True


def resubscribe(session: Session, token: str, *, tokens: Tokens, now: datetime) -> Subscriber:
    """They changed their mind on the page after unsubscribing: the same consent goes on. The caller commits.

    Someone who never confirmed is not confirmed by this.
    """
    subscriber = reader_of(session, token, tokens=tokens)
    if subscriber.unsubscribed_at is not None:
        subscriber.unsubscribed_at = None
        lift_own_suppression(session, subscriber)
        _log.info("subscriber.resubscribed", subscriber_id=subscriber.id)
    return subscriber
