"""The interface of a payment processor: values in, values out; no tables, session or settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from newsletter.errors import NewsletterError

TRIALING: Final = "trialing"
ACTIVE: Final = "active"
PAST_DUE: Final = "past_due"
CANCELED: Final = "canceled"


class ProcessorError(NewsletterError):
    """The payment processor refused, or its answer cannot be used. Nothing was changed."""


class ProcessorUnreachable(ProcessorError):
    """The payment processor did not answer, was busy or closed the connection. Trying again does no harm."""


class NoSuchAgreement(ProcessorError):
    """The payment processor has no agreement or checkout with that id."""


class ForgedWebhook(ProcessorError):
    """The webhook is not the processor's: its signature is missing, wrong or too old."""


class UnreadableWebhook(ProcessorError):
    """The processor did sign the webhook, but its content has no form that we know. Delivering it again would not help."""

    def __init__(self, event_id: str = "", kind: str = "") -> None:
        super().__init__("The webhook is signed, and its content has no form that we know.")
        self.event_id = _printable(event_id)  # the processor's name for it; "" when there is none
        self.kind = _printable(kind)  # as the processor names its type


def _printable(name: str) -> str:
    """Return the characters that ids and types of events consist of, at most 80; operators are shown them."""
    return "".join(c for c in name if c.isascii() and (c.isalnum() or c in "_.-"))[:80]


@dataclass(frozen=True)
class AgreementFact:
    """The state of one paying agreement in the processor's records. Moments are aware UTC."""

    processor_id: str
    status: str  # trialing, active, past_due or canceled
    started_at: datetime
    paid_until: datetime | None  # the end of the paid time, or of the free time at the start
    past_due_at: (
        datetime | None
    )  # since when a payment is owed; None while none is, or when that is not known
    cancel_at: datetime | None  # when it ends or ended; None while it renews
    changed_at: datetime  # just before the processor was asked: of two facts the later one is newer
    reference: str  # the ``reference`` given to ``begin_checkout``; "" if the processor has none
    month_cents: int | None = None  # what a month costs, in hundredths; None when the processor does not say


@dataclass(frozen=True)
class Payment:
    """Money that was received. ``processor_id`` names the payment itself, so that each gets one receipt."""

    processor_id: str
    cents: int  # hundredths of the currency
    currency: str  # ISO 4217 in lower case
    paid_at: datetime
    paid_until: datetime | None


@dataclass(frozen=True)
class Refund:
    """Money that was returned. ``processor_id`` names the payment that was refunded, in whole or in part."""

    processor_id: str
    cents: int  # of this refund
    cents_in_all: int  # all refunds of this payment so far
    currency: str  # ISO 4217 in lower case


@dataclass(frozen=True)
class Dispute:
    """A cardholder disputes a payment with their bank. ``processor_id`` names the case itself."""

    processor_id: str
    standing: str  # "asked" (an inquiry, no money was taken), "open", "won" or "lost"
    cents: int  # hundredths of the currency
    currency: str  # ISO 4217 in lower case
    reason: str  # the bank's code for it: letters and _
    opened_at: datetime
    answer_by: datetime | None  # until when the bank accepts evidence; None when it no longer does


@dataclass(frozen=True)
class WebhookEvent:
    """An event that the processor reports. It says which agreement to read again, not the state of that agreement."""

    id: str
    agreement_id: str  # "" when it is only about a refund or dispute
    payment: Payment | None = None
    refund: Refund | None = None
    dispute: Dispute | None = None


@dataclass(frozen=True)
class Price:
    """The price of a month: its ``id`` at the processor, and ``words`` as shown to readers."""

    id: str
    words: str


class PaymentProcessor(Protocol):
    """What a processor does. Every method may raise ``ProcessorUnreachable`` or another ``ProcessorError``.

    ``now`` is the moment of the call.
    """

    name: str

    def begin_checkout(
        self,
        reference: str,
        address: str,
        price: Price,
        *,
        done_url: str,
        back_url: str,
        trial_ends_at: datetime | None,
        now: datetime,
    ) -> str:
        """Return the URL at which the reader pays. ``reference`` is returned in facts; it names the reader to us alone.

        Nothing is charged before ``trial_ends_at``. The reader is sent to ``done_url`` afterwards, with ``?checkout=ID`` added. Two
        calls within a minute begin one checkout.
        """
        ...

    def portal_url(self, agreement_id: str, *, back_url: str) -> str:
        """Return the URL at which the reader changes their card and sees invoices."""
        ...

    def cancel_at_period_end(self, agreement_id: str, *, now: datetime) -> AgreementFact:
        """Stop further charges; the paid time stays. A second call changes nothing."""
        ...

    def cancel_now(self, agreement_id: str, *, now: datetime) -> AgreementFact:
        """End the agreement at once, without a refund. A second call changes nothing."""
        ...

    def refund(self, agreement_id: str) -> Refund | None:
        """Refund the last payment. None when there is none, or it was refunded before."""
        ...

    def read_object(self, agreement_id: str, *, now: datetime) -> AgreementFact:
        """Return the state of the agreement. Raises ``NoSuchAgreement``."""
        ...

    def finished_checkout(self, checkout_id: str) -> str | None:
        """Return the id of the agreement that this checkout created; None while there is none."""
        ...

    def parse_webhook(
        self, body: bytes, headers: Mapping[str, str], now: datetime
    ) -> tuple[WebhookEvent, ...]:
        """Return the events in a webhook, which may come in any order and more than once.

        Raises ``ForgedWebhook``, and ``UnreadableWebhook`` for a genuine one that is not understood.
        """
        ...
