"""An SMTP relay: submitting, signing, and reading bounce mails."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event

from newsletter.clock import Clock
from newsletter.delivery.providers.protocol import EmailProvider
from newsletter.delivery.providers.registration import RegisteredProvider
from newsletter.errors import SettingsError
from newsletter.settings import Settings

__all__ = ["bounce_mail"]


class _Smtp(RegisteredProvider):
    name = "smtp"
    title = "An SMTP relay"
    login_settings = "SMTP_URL and MAIL_FROM"
    checks_login = True

    def connect(self, settings: Settings, *, now: Clock, stop: Event | None) -> EmailProvider:
        from newsletter.delivery.providers.smtp.send import Smtp, parse_url

        relay, connections = parse_url(settings.SMTP_URL.get_secret_value())
        sign = _signer(settings)
        return Smtp(relay, sender=settings.MAIL_FROM, now=now, connections=connections, sign=sign, stop=stop)

    def server(self, settings: Settings) -> tuple[str, int]:
        from newsletter.delivery.providers.smtp.send import parse_url

        relay, _ = parse_url(settings.SMTP_URL.get_secret_value())
        return relay.host, relay.port

    def refused_because(self, settings: Settings) -> str | None:
        import ssl

        from newsletter.delivery.providers.smtp.conversation import SmtpConnection, Unreachable
        from newsletter.delivery.providers.smtp.send import parse_url

        relay, _ = parse_url(settings.SMTP_URL.get_secret_value())
        try:
            SmtpConnection(relay, ssl.create_default_context()).quit()
        except Unreachable as error:
            return f"{str(error)[0].upper()}{str(error)[1:]}."
        return None

    def unheard_because(self, settings: Settings) -> str | None:
        """Return why bounces are not read. A relay reports by mail to the Sender, which ``subscribers.bounce_reports`` reads from a Maildir."""
        return (
            None
            if settings.BOUNCE_MAILDIR
            else "BOUNCE_MAILDIR is not set, and an SMTP relay reports by mail."
        )


def _signer(settings: Settings) -> Callable[[bytes, str], bytes] | None:
    """What signs each mail when a DKIM key is configured; None when the relay signs."""
    if bool(settings.DKIM_SELECTOR) != bool(settings.DKIM_KEY_FILE):
        raise SettingsError("DKIM_SELECTOR and DKIM_KEY_FILE go together: one of them is not set.")
    if settings.DKIM_KEY_FILE is None:
        return None
    from newsletter.delivery.providers.smtp.dkim import DkimSigner

    try:
        key = settings.DKIM_KEY_FILE.read_bytes()
    except OSError as error:
        raise SettingsError(f"DKIM_KEY_FILE cannot be read: {error.strerror}.") from None
    return DkimSigner(key, selector=settings.DKIM_SELECTOR).signed


PROVIDER = _Smtp()
