"""Payment processors: one file each, values in and values out."""

from __future__ import annotations

from newsletter.billing.processors.offline import OfflineProcessor
from newsletter.billing.processors.protocol import PaymentProcessor
from newsletter.billing.revenue import cents_in
from newsletter.links import Links
from newsletter.settings import Settings


def make(settings: Settings) -> PaymentProcessor:
    """The processor of these Settings: Stripe when there is a key for it, else the offline processor."""
    key = settings.STRIPE_API_KEY.get_secret_value()
    if not key:
        return OfflineProcessor(
            settings.OUTBOX_DIR.parent / "payments",
            page_url=f"{Links(settings.SITE_URL).checkout()}/offline",
            cents=cents_in(settings.PRICE),
        )
    from newsletter.billing.processors.stripe import StripeProcessor

    return StripeProcessor(
        key, base=settings.STRIPE_API_BASE, webhook_secret=settings.STRIPE_WEBHOOK_SECRET.get_secret_value()
    )


__all__ = ["offline", "protocol"]
