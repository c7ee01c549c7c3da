"""What a reader may set: when the mail comes, how often, and from when again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from newsletter.db.models import Subscriber
from newsletter.errors import Refused
from newsletter.stories.topic_words import TOPICS
from newsletter.subscribers.local_hour import known_zones

CADENCES = ("daily", "weekly")
LONGEST_PAUSE = 366  # days


def choose(
    reader: Subscriber,
    *,
    hour: int,
    zone: str,
    cadence: str,
    paused_until: date | None,
    topics: Sequence[str],
    today: date,
) -> None:
    """Set all of it, or nothing. No Topics, or all of them, is every Issue. Raises :class:`Refused`. The caller commits."""
    if not 0 <= hour <= 23:
        raise Refused("Please choose an hour from the list.")
    if zone not in known_zones():
        raise Refused(
            "We do not know that time zone. Please choose one from the list, such as Europe/Berlin."
        )
    if cadence not in CADENCES:
        raise Refused("Please choose daily or weekly.")
    if paused_until is not None and not 0 < (paused_until - today).days <= LONGEST_PAUSE:
        raise Refused("Please pause until a day after today, at most a year ahead.")
    if not set(topics) <= set(TOPICS):
        raise Refused("Please choose topics from the list.")
    chosen = [topic for topic in TOPICS if topic in topics]
    reader.topics = None if len(chosen) in (0, len(TOPICS)) else chosen
    reader.hour, reader.zone, reader.cadence = hour, zone, cadence
    reader.paused_until = paused_until


def resume(reader: Subscriber) -> None:
    """End a pause now. The caller commits."""
    reader.paused_until = None
