"""Payment processors: one file each, values in and values out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from newsletter.billing.processors.offline import OfflineProcessor
from newsletter.billing.processors.protocol import PaymentProcessor, Price
from newsletter.billing.revenue import cents_in
from newsletter.links import Links
from newsletter.settings import Settings

if TYPE_CHECKING:
    from newsletter.billing.processors.stripe import StripeProcessor


def make(settings: Settings) -> PaymentProcessor:
    """Return the processor of these Settings: Stripe when there is a key for it, else the offline processor."""
    key = settings.STRIPE_API_KEY.get_secret_value()
    if not key:
        return OfflineProcessor(
            settings.OUTBOX_DIR.parent / "payments",
            page_url=f"{Links(settings.SITE_URL).checkout()}/offline",
            cents=cents_in(settings.PRICE),
        )
    return _stripe(settings)


def price_problem(settings: Settings) -> str | None:
    """Ask Stripe: why our key is refused, or why STRIPE_PRICE_ID does not charge ``PRICE`` a month, as a sentence; None when all is well."""
    price = Price(settings.STRIPE_PRICE_ID, settings.PRICE)
    return _stripe(settings).price_problem(price, cents=cents_in(settings.PRICE))


def _stripe(settings: Settings) -> StripeProcessor:
    from newsletter.billing.processors.stripe import StripeProcessor

    key = settings.STRIPE_API_KEY.get_secret_value()
    return StripeProcessor(
        key, base=settings.STRIPE_API_BASE, webhook_secret=settings.STRIPE_WEBHOOK_SECRET.get_secret_value()
    )


__all__ = ["offline", "protocol"]
