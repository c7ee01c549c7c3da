"""Submits claimed batches to the provider in threads, several at once, while the next batch is claimed.

It touches no table. When this process dies, the batches that its threads were submitting become uncertain: at most
``at_once`` × BATCH_SIZE Deliveries.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from types import TracebackType

from newsletter import log
from newsletter.clock import Clock
from newsletter.db.models import Issue
from newsletter.delivery.approval import is_reviewed
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
class SubmittedBatch:
    """The result of submitting one batch. Without ``receipts`` nothing was sent; ``fault`` says why its Messages cannot be made."""

    claimed: Claimed
    receipts: tuple[Receipt, ...] = ()
    fault: str = ""


@dataclass(frozen=True)
class BatchSubmission:
    """Submits one batch, whose claim the caller has committed and whose result the caller records. It is called in threads."""

    provider: EmailProvider
    issue: Issue
    settings: Settings
    links: Links
    slots_for: SlotsFor
    now: Clock
    reached: Waypoint

    def __call__(self, claimed: Claimed) -> SubmittedBatch:
        try:
            messages = self._messages(claimed)
        except Exception as error:  # noqa: BLE001 - our own fault, before anything was sent: nothing is uncertain
            said = (
                str(error)
                if isinstance(error, NewsletterError)
                else f"a defect of ours, {type(error).__name__}"
            )
            return SubmittedBatch(claimed, fault=f"the Messages cannot be made: {said}")

        def ours() -> bool:
            """False when the lease is nearly over, because this process was frozen: another worker may take the batch for abandoned."""
            return self.now() <= claimed.lease_until - LEASE_RESERVE

        if not ours():
            return SubmittedBatch(claimed)
        self.reached("submitting")
        try:
            receipts = self.provider.submit(messages, may_begin=ours)
        except Exception as error:  # noqa: BLE001 - whatever a provider raises, the Messages may have been sent
            _log.error("dispatch.provider_raised", issue_id=self.issue.id, error=type(error).__name__)
            reason = f"the provider broke off ({type(error).__name__})"
            receipts = [Receipt(m.reference, Outcome.UNCERTAIN, reason=reason) for m in messages]
        self.reached("handed-over")
        return SubmittedBatch(claimed, tuple(receipts))

    def _messages(self, claimed: Claimed) -> list[Message]:
        messages = []
        reviewed = is_reviewed(self.issue.approved_by)
        said = {k: headers.disclosed(t.html, reviewed=reviewed) for k, t in claimed.templates.items()}
        for row in claimed.rows:
            slots = self.slots_for(row.subscriber_id, row.address)
            head = headers.issue_headers(
                reference=row.reference,
                issued_on=self.issue.issued_on,
                rendition=row.rendition,
                unsubscribe_url=slots["unsubscribe_url"],
                settings=self.settings,
                links=self.links,
                disclosure=said[row.rendition],
            )
            messages.append(
                Message(row.reference, row.address, claimed.templates[row.rendition], slots, head)
            )
        return messages


class Submitter:
    """Runs up to ``at_once`` submissions at the same time. Leaving the ``with`` block waits for them."""

    def __init__(self, submission: BatchSubmission, at_once: int) -> None:
        self._submission = submission
        self._at_once = at_once
        self._pool = ThreadPoolExecutor(at_once, thread_name_prefix="submit")
        self._under_way: dict[Future[SubmittedBatch], int] = {}

    @property
    def have_room(self) -> bool:
        return len(self._under_way) < self._at_once

    @property
    def are_empty(self) -> bool:
        return not self._under_way

    @property
    def load(self) -> int:
        """How many Deliveries are being submitted."""
        return sum(self._under_way.values())

    def begin(self, claimed: Claimed) -> None:
        """Start submitting a batch whose claim is committed."""
        self._under_way[self._pool.submit(self._submission, claimed)] = len(claimed.rows)

    def finished(self) -> SubmittedBatch:
        """Wait for a submission to end and return its result. Others that ended stay until asked for, so that a fault in recording one
        loses no other. Raises what a Waypoint raised."""
        submitted, _ = wait(self._under_way, return_when=FIRST_COMPLETED)
        future = next(iter(submitted))
        del self._under_way[future]
        return future.result()

    def __enter__(self) -> Submitter:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._pool.shutdown(wait=True)
