"""Speaks HTTP. See README.md in this folder."""

# The files of this room that answer addresses; each exports ``bp``. The composition root registers them in this order.
BLUEPRINTS = (
    "images.assets",
    "landing",
    "stories",
    "issues",
    "images.pictures",
    "pages",
    "machines.crawlers",
    "machines.openapi",
    "machines.health",
    "signup",
    "unsubscribe",
    "signin",
    "account",
    "checkout",
    "offline_checkout",
    "machines.stripe_webhook",
    "machines.webhooks",
)

__all__ = ["BLUEPRINTS", "desk_cookie", "http", "services", "templating"]
