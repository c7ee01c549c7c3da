"""Who pays: Subscriptions, payments, disputes and the payment processors."""

__all__ = ["cancellation", "catch_up", "comps", "ledger", "processors", "revenue", "subscriptions"]
