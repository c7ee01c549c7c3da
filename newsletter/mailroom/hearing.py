"""Whether we can hear what the provider reports later: bounces, complaints, and the word that settles a doubt. Pure."""

from __future__ import annotations

from newsletter.settings import Settings


def deaf_because(settings: Settings) -> str | None:
    """Why what the provider reports does not reach us, for the readiness page and the desk; None when it does.

    Only SendGrid reports anything; SMTP and the Outbox never do, and there is nothing to set up.
    """
    if settings.MAIL_PROVIDER == "sendgrid" and not settings.SENDGRID_WEBHOOK_KEY:
        return "SENDGRID_WEBHOOK_KEY is not set: bounces and complaints are not heard, and doubts are not settled."
    return None
