"""Drives both payment processors through the same acts of a reader, for the promises that they share."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from newsletter.billing.processors.offline import MONTH, OfflineProcessor
from newsletter.billing.processors.protocol import PaymentProcessor, Price
from newsletter.billing.processors.stripe import StripeProcessor
from tests.servers.stripe_server import KEY, PRICE, WEBHOOK_SECRET, StripeServer

JANUARY = datetime(2026, 1, 5, 12, tzinfo=UTC)
PRICED = Price(PRICE, "$5")
REFERENCE = "7.0123456789abcdef"


def stripe_over(server: StripeServer, **changes: Any) -> StripeProcessor:
    """The real SDK against the stand-in; it waits shortly and asks once, unless told otherwise."""
    given = {"base": server.base, "webhook_secret": WEBHOOK_SECRET, "timeout": 5.0, "retries": 0, **changes}
    return StripeProcessor(KEY, **given)


@dataclass
class PaymentHarness:
    """One processor and its clock."""

    processor: PaymentProcessor
    server: StripeServer | None
    _now: datetime

    @property
    def now(self) -> datetime:
        return self.server.now if self.server else self._now

    @now.setter
    def now(self, moment: datetime) -> None:
        self._now = moment
        if self.server:
            self.server.now = moment

    def begin(self, *, trial_ends_at: datetime | None = None, reference: str = REFERENCE) -> str:
        return self.processor.begin_checkout(
            reference,
            "ann@example.com",
            PRICED,
            done_url="https://news.example/checkout/done",
            back_url="https://news.example/checkout",
            trial_ends_at=trial_ends_at,
            now=self.now,
        )

    def pay(self, url: str) -> str:
        """The reader pays on the processor's page. The id of the agreement."""
        if self.server:
            return self.server.pay(url)
        assert isinstance(self.processor, OfflineProcessor)
        page_id = url.rpartition("/")[2]
        self.processor.pay(page_id, now=self.now)
        return page_id

    def fail(self, agreement_id: str) -> None:
        """The next payment fails."""
        if self.server:
            self.server.renew(agreement_id, paid=False)
        else:
            assert isinstance(self.processor, OfflineProcessor)
            self.now += MONTH
            self.processor.let_fail(agreement_id, now=self.now)
