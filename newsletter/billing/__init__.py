"""Who pays: Subscriptions, payments, disputes and the payment processors."""

__all__ = [
    "cancellation",
    "comps",
    "processors",
    "reconciliation",
    "revenue",
    "subscription_ledger",
    "subscriptions",
]
