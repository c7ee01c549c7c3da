"""Who reads: sign-up, sign-in, access, the meter, unsubscribing."""

__all__ = [
    "access",
    "addresses",
    "audience",
    "bounce_reports",
    "erasure",
    "import_export",
    "meter",
    "metrics",
    "notice_slots",
    "operators",
    "pending_requests",
    "preferences",
    "rate_limits",
    "signin",
    "signup",
    "subscriber_csv",
    "subscription_events",
    "tokens",
    "unsubscribing",
    "why",
]
