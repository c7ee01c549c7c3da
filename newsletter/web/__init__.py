"""The site: its pages, forms and addresses for programs. See README.md in this folder."""

# The modules that answer addresses; each has a blueprint ``bp``. newsletter/app.py registers them in this order.
BLUEPRINTS = (
    "static_files",
    "landing",
    "stories",
    "issues",
    "social_cards",
    "pages",
    "api.crawlers",
    "api.openapi",
    "api.health",
    "signup",
    "unsubscribe",
    "signin",
    "account",
    "checkout",
    "offline_checkout",
    "api.stripe_webhook",
    "api.webhooks",
)

PAYMENTS = ("checkout", "offline_checkout", "api.stripe_webhook")  # not served where nothing is sold

__all__ = ["BLUEPRINTS", "PAYMENTS", "http", "services", "templating"]
