"""Unsubscribes and resubscribes a reader by the link in every mail, which never expires."""

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
class Unsubscribed:
    """The result of unsubscribing. ``was_already``: they had unsubscribed before."""

    subscriber: Subscriber
    was_already: bool


def reader_of(session: Session, token: str, *, tokens: Tokens) -> Subscriber:
    """The reader of this link. Raises ``TokenError`` when it is not ours, or the reader was erased since (and gets no mail)."""
    return subscriber_of(session, tokens.read(UNSUBSCRIBE, token))


def unsubscribe(session: Session, token: str, *, tokens: Tokens, now: datetime) -> Unsubscribed:
    """Stop all Issues to the reader of this link, at once. A second call changes nothing. Raises ``TokenError``.

    The caller commits.
    """
    subscriber = reader_of(session, token, tokens=tokens)
    return Unsubscribed(subscriber, was_already=not mark_unsubscribed(subscriber, now=now))


def mark_unsubscribed(subscriber: Subscriber, *, now: datetime) -> bool:
    """Set ``unsubscribed_at``; returns False when it was set before. The caller commits."""
    if subscriber.unsubscribed_at is not None:
        return False
    subscriber.unsubscribed_at = now
    _log.info("subscriber.unsubscribed", subscriber_id=subscriber.id)
    return True


def resubscribe(session: Session, token: str, *, tokens: Tokens, now: datetime) -> Subscriber:
    """Undo an unsubscribe, on the page that confirms it: the earlier consent holds again. Raises ``TokenError``.

    A reader who never confirmed is not confirmed by this. The caller commits.
    """
    subscriber = reader_of(session, token, tokens=tokens)
    if subscriber.unsubscribed_at is not None:
        subscriber.unsubscribed_at = None
        lift_own_suppression(session, subscriber)
        _log.info("subscriber.resubscribed", subscriber_id=subscriber.id)
    return subscriber
