"""Speaks HTTP. See README.md in this folder."""

# The files of this room that answer addresses; each exports ``bp``. The composition root registers them in this order.
BLUEPRINTS = (
    "assets",
    "landing",
    "stories",
    "issues",
    "pictures",
    "pages",
    "machines",
    "openapi",
    "health",
    "signup",
    "unsubscribe",
    "signin",
    "account",
    "checkout",
    "offline_checkout",
    "stripe_webhook",
    "webhooks",
    "desk",
)
