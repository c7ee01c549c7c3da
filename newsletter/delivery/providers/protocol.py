"""The interface of an email provider, which takes Messages, returns one Receipt for each, and may report ProviderEvents later.

It sees no tables, session or settings. The part of a provider that the registry holds is in ``registration.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from newsletter.delivery.mail.messages import Message
from newsletter.errors import NewsletterError


class Outcome(StrEnum):
    """What a provider's answer means for one Message."""

    ACCEPTED = "accepted"  # the provider took it
    FAILED = "failed"  # definitely and permanently refused (a bad address)
    RETRY = (
        "retry"  # a definite no for now (429, refused connection, DNS): nothing was sent, or nothing accepted
    )
    UNCERTAIN = "uncertain"  # submitted without a clear answer: timeout, reset, half an answer, 5xx


@dataclass(frozen=True)
class Receipt:
    """The provider's answer to one Message."""

    reference: str  # the Message's
    outcome: Outcome
    provider_id: str | None = None  # the provider's id of the mail, when it gave one
    reason: str = ""  # for FAILED, RETRY and UNCERTAIN; never an address
    retry_after: float | None = None  # seconds, when the provider named them
    # With RETRY: it refused our key, password or Sender, which an operator must correct.
    refused_us: bool = False
    # With FAILED: the address does not exist, and no later mail will reach it.
    no_such_mailbox: bool = False


@dataclass(frozen=True)
class ProviderEvent:
    """What a provider reported later about one Message. ``kind`` as in DeliveryEvent."""

    provider_event_id: str
    reference: str | None
    kind: str
    happened_at: datetime
    bounce: str | None = None
    reason: str = ""


MayBegin = Callable[[], bool]  # whether the claim on these Messages is still valid
REFUSED_PAUSE = 300.0  # seconds before asking again when our key or password is refused
CLAIM_EXPIRED = "the claim expired before it was submitted"  # the reason of such a Receipt


def always() -> bool:
    """Return True, for Messages that nobody claims."""
    return True


class EmailProvider(Protocol):
    """Takes our mail. Thread-safe: several batches may be submitted at once."""

    name: str  # the registry's
    batch_size: int  # Messages that one call may carry, at most
    at_once: int  # batches that are best submitted at the same time; each is uncertain when this process dies

    def submit(self, messages: Sequence[Message], *, may_begin: MayBegin = always) -> list[Receipt]:
        """Submit Messages. Returns exactly one Receipt per Message, in the same order; a transmission that fails raises nothing.

        ``may_begin`` is asked right before the first byte of each transmission, and again before its last byte, without which the
        provider accepts nothing: a process that was frozen meanwhile learns that its claim has expired, and what it did not finish
        gets a RETRY. A bad address costs only itself. Submitting the same reference twice may mail twice: the ledger must not ask
        again. (The Outbox, being a folder, keeps one file per reference.)
        """
        ...

    def close(self) -> None:
        """Close connections. Safe to call twice."""
        ...


class ForgedEvents(NewsletterError):
    """A call to the webhook that the provider did not sign, or not now."""
