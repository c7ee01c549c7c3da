"""How mail gets there: the ledger, the dispatch, notices and the email providers."""

__all__ = [
    "approval",
    "breakdown",
    "corrections",
    "dispatch",
    "event_rollup",
    "events",
    "fence",
    "ledger",
    "ledger_queries",
    "mail",
    "notices",
    "providers",
    "resubmit",
    "states",
    "suppressions",
    "webhook_health",
]
