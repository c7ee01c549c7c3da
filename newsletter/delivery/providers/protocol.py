"""What an email provider is: Messages in, one Receipt per Message out. It sees no tables, session or settings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from newsletter.delivery.mail.messages import Message


class Outcome(StrEnum):
    """What a provider's answer means for one Message."""

    ACCEPTED = "accepted"  # the provider took it
    FAILED = "failed"  # a definite, lasting no for this Message (a bad address)
    RETRY = (
        "retry"  # a definite no for now (429, refused connection, DNS): nothing left us, or nothing was taken
    )
    UNCERTAIN = "uncertain"  # asked, and not heard: timeout, reset, half answer, 5xx


@dataclass(frozen=True)
class Receipt:
    """The provider's answer to one Message."""

    reference: str  # the Message's
    outcome: Outcome
    provider_id: str | None = None  # the provider's own name for it, when it gave one
    reason: str = ""  # for FAILED, RETRY and UNCERTAIN; never an address
    retry_after: float | None = None  # seconds, when the provider named them


@dataclass(frozen=True)
class ProviderEvent:
    """What a provider reported later about one Message. ``kind`` as in DeliveryEvent."""

    provider_event_id: str
    reference: str | None
    kind: str
    happened_at: datetime
    bounce: str | None = None
    reason: str = ""


MayBegin = Callable[[], bool]  # whether the claim under these Messages is still ours
NO_LONGER_OURS = "the claim ran out before it was handed over"


def always() -> bool:
    """For Messages under no claim."""
    return True


class EmailProvider(Protocol):
    """Takes our mail. Thread-safe: several batches may be handed over at once."""

    name: str
    batch_size: int  # how many Messages one call may carry
    at_once: int  # how many batches are best handed over at the same time; each is in doubt when we die

    def send(self, messages: Sequence[Message], *, may_begin: MayBegin = always) -> list[Receipt]:
        """Hand over. Exactly one Receipt per Message, in the same order; never raises for a transmission's fate.

        ``may_begin`` is asked right before the first byte of each hand-over, and again before the last one, without which nothing is
        taken: a process that was frozen meanwhile finds that its claim is over, and what it has not ended gets a RETRY. A bad address costs only itself. Handing over the same reference twice may mail twice: not asking again is
        the ledger's duty. (The Outbox, being a folder, does keep one file per reference.)
        """
        ...

    def close(self) -> None:
        """Give back connections. Safe to call twice."""
        ...
