"""What a payment processor does for us, in our words: values in, values out; no tables, session or settings."""

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
    """The payment processor said no, or something we cannot use. Nothing was changed."""


class ProcessorUnreachable(ProcessorError):
    """The payment processor did not answer, was busy or broke off. Asking again does no harm."""


class NoSuchAgreement(ProcessorError):
    """The payment processor knows nothing under that id."""


class ForgedWebhook(ProcessorError):
    """The webhook is not the processor's: no signature, a wrong one, one that is too old, or no sense in it."""


@dataclass(frozen=True)
class AgreementFact:
    """One paying agreement as the processor sees it. Moments are aware UTC."""

    processor_id: str
    status: str  # trialing, active, past_due or canceled
    started_at: datetime
    paid_until: datetime | None  # the end of what is paid for, or given free at the start
    past_due_at: (
        datetime | None
    )  # since when a payment is owed; None while none is, or when the processor does not say
    cancel_at: datetime | None  # when it ends or ended; None while it renews
    changed_at: (
        datetime  # the moment just before the processor was asked: of two facts the later one knows more
    )
    reference: str  # whom it is for, as ``begin_checkout`` was told; "" if the processor lost it
    month_cents: int | None = None  # what a month costs, in hundredths; None when the processor does not say


@dataclass(frozen=True)
class Payment:
    """Money that arrived. ``processor_id`` names the payment itself, so that one is receipted once."""

    processor_id: str
    cents: int  # hundredths of the currency
    currency: str  # ISO 4217 in lower case
    paid_at: datetime
    paid_until: datetime | None


@dataclass(frozen=True)
class Refund:
    """Money that went back. ``processor_id`` names the payment that was given back, in whole or in part."""

    processor_id: str
    cents: int  # this time
    cents_in_all: int  # of this payment, with what went back before
    currency: str  # ISO 4217 in lower case


@dataclass(frozen=True)
class Dispute:
    """A cardholder had their bank take a payment back, or asks whether to. ``processor_id`` names the case itself."""

    processor_id: str
    standing: str  # "asked" (nothing was taken yet), "open", "won" or "lost"
    cents: int  # hundredths of the currency
    currency: str  # ISO 4217 in lower case
    reason: str  # the bank's word for it: letters and _
    opened_at: datetime
    answer_by: datetime | None  # until when the bank hears us; None when it no longer does


@dataclass(frozen=True)
class WebhookEvent:
    """Something the processor says has happened. It says which agreement to read again, never how it stands."""

    id: str
    agreement_id: str  # "" when it is about money alone
    payment: Payment | None = None
    refund: Refund | None = None
    dispute: Dispute | None = None


@dataclass(frozen=True)
class Price:
    """What a month costs: ``id`` in the processor's books, ``words`` as shown to readers."""

    id: str
    words: str


class PaymentProcessor(Protocol):
    """Every method may raise ``ProcessorUnreachable`` or another ``ProcessorError``. ``now`` is the moment of asking."""

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
        """Where to lead the reader to pay. ``reference`` comes back in facts and names nobody to a stranger.

        Nothing is charged before ``trial_ends_at``. ``done_url`` is visited afterwards with ``?checkout=ID`` added.
        Twice within a minute begins one checkout.
        """
        ...

    def portal_url(self, agreement_id: str, *, back_url: str) -> str:
        """Where the reader changes their card and sees invoices."""
        ...

    def cancel_at_period_end(self, agreement_id: str, *, now: datetime) -> AgreementFact:
        """No further charge; what is paid for stays. Twice is once."""
        ...

    def cancel_now(self, agreement_id: str, *, now: datetime) -> AgreementFact:
        """End it at once, without giving money back. Twice is once."""
        ...

    def refund(self, agreement_id: str) -> Refund | None:
        """Give the last payment back. None when there is none, or it was given back before."""
        ...

    def read_object(self, agreement_id: str, *, now: datetime) -> AgreementFact:
        """How things stand. Raises ``NoSuchAgreement``."""
        ...

    def finished_checkout(self, checkout_id: str) -> str | None:
        """The id of the agreement that this checkout led to; None while there is none."""
        ...

    def parse_webhook(
        self, body: bytes, headers: Mapping[str, str], now: datetime
    ) -> tuple[WebhookEvent, ...]:
        """What the processor tells us; order and repetition mean nothing. Raises ``ForgedWebhook``."""
        ...
