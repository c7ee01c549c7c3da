"""An email provider that knows what reached each mailbox, and reports deliveries, bounces and complaints later."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from random import Random
from typing import Any, Final

from newsletter.clock import Clock
from newsletter.delivery.mail.messages import Message
from newsletter.delivery.providers.protocol import (
    CLAIM_EXPIRED,
    MayBegin,
    Outcome,
    ProviderEvent,
    Receipt,
    always,
)

REPORTED_AFTER: Final = (timedelta(seconds=20), timedelta(minutes=25))  # earliest and latest report
LOST_ANSWER_SHARE: Final = 0.002  # share of Messages that are accepted although the answer is lost


@dataclass(frozen=True)
class Letter:
    """One mail that reached a mailbox. ``links`` are its Slots."""

    at: datetime
    reference: str
    to: str
    subject: str
    links: Mapping[str, str]

    @property
    def is_issue(self) -> bool:
        return self.reference.startswith("delivery:")


@dataclass
class Mailboxes:
    """An :class:`EmailProvider`. ``letters`` is its log of what reached whom."""

    clock: Clock
    chance: Random
    # How the mail to an address ends: "dead" and "full" bounce, "complains" does so once it has got it; an address that is not listed accepts mail.
    fates: dict[str, str] = field(default_factory=dict)
    letters: list[Letter] = field(default_factory=list)
    asked: Counter[str] = field(default_factory=Counter)  # by reference: how often it was submitted
    fresh: list[Letter] = field(default_factory=list)  # not yet read
    name: str = "mailboxes"
    batch_size: int = 500
    at_once: int = 1

    def __post_init__(self) -> None:
        self._reports: list[tuple[datetime, int, ProviderEvent]] = []
        self._number = count()

    def submit(self, messages: Sequence[Message], *, may_begin: MayBegin = always) -> list[Receipt]:
        if not may_begin():
            return [Receipt(m.reference, Outcome.RETRY, reason=CLAIM_EXPIRED) for m in messages]
        return [self._take(m) for m in messages]

    def close(self) -> None:
        """Do nothing, because nothing is kept open."""

    def _take(self, message: Message) -> Receipt:
        now = self.clock()
        self.asked[message.reference] += 1
        fate = self.fates.get(message.to, "accepts")
        letter = Letter(now, message.reference, message.to, message.template.subject, dict(message.slots))
        bounced = fate in ("dead", "full")
        if not bounced:
            self.letters.append(letter)
            self.fresh.append(letter)
        kind = "bounced" if bounced else "delivered"
        self._report(message.reference, kind, now, bounce={"dead": "hard", "full": "soft"}.get(fate))
        if fate == "complains" and letter.is_issue:
            self._report(message.reference, "complained", now + timedelta(hours=2))
        if letter.is_issue and self.chance.random() < LOST_ANSWER_SHARE:
            return Receipt(message.reference, Outcome.UNCERTAIN, reason="no whole answer came (replayed)")
        return Receipt(message.reference, Outcome.ACCEPTED, provider_id=f"m{next(self._number)}")

    def _report(self, reference: str, kind: str, since: datetime, *, bounce: str | None = None) -> None:
        earliest, latest = REPORTED_AFTER
        at = since + earliest + (latest - earliest) * self.chance.random()
        number = next(self._number)
        event: dict[str, Any] = {"reference": reference, "kind": kind, "happened_at": at, "bounce": bounce}
        for _ in range(2 if self.chance.random() < 0.05 else 1):  # one in twenty is reported twice
            heapq.heappush(
                self._reports, (at, next(self._number), ProviderEvent(f"{number}:{kind}", **event))
            )

    def reports(self, now: datetime) -> list[ProviderEvent]:
        """Return the events due by ``now``, each once, in random order."""
        due = []
        while self._reports and self._reports[0][0] <= now:
            due.append(heapq.heappop(self._reports)[2])
        self.chance.shuffle(due)
        return due

    def arrivals(self) -> list[Letter]:
        """Return the letters since the last call."""
        found, self.fresh = self.fresh, []
        return found
