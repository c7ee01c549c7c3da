"""Committed batches on their way to the provider, several at once: each in a lane of its own, while the next one is claimed.

Touches no table. What is in a lane is in our hands and in nobody else's: when this process dies, the batches in its lanes are in
doubt, ``at_once`` × BATCH_SIZE Deliveries at most, and no others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from types import TracebackType

from newsletter import log
from newsletter.clock import Clock
from newsletter.db.models import Issue
from newsletter.delivery.claims import Claimed
from newsletter.delivery.mail import headers
from newsletter.delivery.mail.messages import Message
from newsletter.delivery.providers.protocol import EmailProvider, Outcome, Receipt
from newsletter.delivery.states import LEASE_RESERVE
from newsletter.errors import NewsletterError
from newsletter.links import Links
from newsletter.settings import Settings

SlotsFor = Callable[[int, str], Mapping[str, str]]
Waypoint = Callable[[str], None]

_log = log.get("delivery")


@dataclass(frozen=True)
class HandedOver:
    """What came of one batch. Without ``receipts`` nothing of it left us; ``fault`` says why its Messages cannot be made."""

    claimed: Claimed
    receipts: tuple[Receipt, ...] = ()
    fault: str = ""


@dataclass(frozen=True)
class HandOver:
    """Hands one batch over: claimed and committed before, recorded afterwards by the caller. Called from lanes."""

    provider: EmailProvider
    issue: Issue
    settings: Settings
    links: Links
    slots_for: SlotsFor
    now: Clock
    tell: Waypoint

    def __call__(self, claimed: Claimed) -> HandedOver:
        try:
            messages = self._messages(claimed)
        except Exception as error:  # noqa: BLE001 - our own fault, and nothing has left us: no copy is in doubt
            said = (
                str(error)
                if isinstance(error, NewsletterError)
                else f"a defect of ours, {type(error).__name__}"
            )
            return HandedOver(claimed, fault=f"the Messages cannot be made: {said}")

        def ours() -> bool:
            """False once we were frozen for so long that others may take us for dead: do not begin what may not be ours."""
            return self.now() <= claimed.lease_until - LEASE_RESERVE

        if not ours():
            return HandedOver(claimed)
        self.tell("submitting")
        try:
            receipts = self.provider.submit(messages, may_begin=ours)
        except Exception as error:  # noqa: BLE001 - whatever a provider raises, the Messages may have left: that is a state
            _log.error("dispatch.provider_raised", issue_id=self.issue.id, error=type(error).__name__)
            reason = f"the provider broke off ({type(error).__name__})"
            receipts = [Receipt(m.reference, Outcome.UNCERTAIN, reason=reason) for m in messages]
        self.tell("handed-over")
        return HandedOver(claimed, tuple(receipts))

    def _messages(self, claimed: Claimed) -> list[Message]:
        messages = []
        for row in claimed.rows:
            slots = self.slots_for(row.subscriber_id, row.address)
            head = headers.issue_headers(
                reference=row.line,
                issued_on=self.issue.issued_on,
                rendition=row.rendition,
                unsubscribe_url=slots["unsubscribe_url"],
                settings=self.settings,
                links=self.links,
            )
            messages.append(Message(row.line, row.address, claimed.templates[row.rendition], slots, head))
        return messages


class Lanes:
    """Up to ``at_once`` batches under way. Leaving the block waits for them."""

    def __init__(self, hand_over: HandOver, at_once: int) -> None:
        self._hand_over = hand_over
        self._at_once = at_once
        self._pool = ThreadPoolExecutor(at_once, thread_name_prefix="hand-over")
        self._under_way: dict[Future[HandedOver], int] = {}

    @property
    def have_room(self) -> bool:
        return len(self._under_way) < self._at_once

    @property
    def are_empty(self) -> bool:
        return not self._under_way

    @property
    def load(self) -> int:
        """Deliveries under way."""
        return sum(self._under_way.values())

    def begin(self, claimed: Claimed) -> None:
        """Hand a committed batch over in a lane."""
        self._under_way[self._pool.submit(self._hand_over, claimed)] = len(claimed.rows)

    def finished(self) -> HandedOver:
        """A batch that is through; waits until one is. The others stay under way here until they are asked for, so that a fault
        in writing one down costs no other. Raises what a Waypoint raised."""
        through, _ = wait(self._under_way, return_when=FIRST_COMPLETED)
        future = next(iter(through))
        del self._under_way[future]
        return future.result()

    def __enter__(self) -> Lanes:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._pool.shutdown(wait=True)
