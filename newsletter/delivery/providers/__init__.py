"""The email providers by name. See protocol.py for what each promises."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event

from newsletter import clock
from newsletter.clock import Clock
from newsletter.delivery.providers.outbox.send import Outbox
from newsletter.delivery.providers.protocol import EmailProvider
from newsletter.delivery.providers.smtp.send import Smtp, read_url
from newsletter.errors import SettingsError
from newsletter.settings import Settings


def _outbox(settings: Settings, now: Clock, stop: Event | None) -> EmailProvider:
    return Outbox(settings.OUTBOX_DIR, sender=settings.MAIL_FROM, now=now)


def _smtp(settings: Settings, now: Clock, stop: Event | None) -> EmailProvider:
    relay, connections = read_url(settings.SMTP_URL.get_secret_value())
    sign = _signer(settings)
    return Smtp(relay, sender=settings.MAIL_FROM, now=now, connections=connections, sign=sign, stop=stop)


def _signer(settings: Settings) -> Callable[[bytes], bytes] | None:
    """Signs each mail when a DKIM key is configured; None leaves that to the relay."""
    if bool(settings.DKIM_SELECTOR) != bool(settings.DKIM_KEY_FILE):
        raise SettingsError("DKIM_SELECTOR and DKIM_KEY_FILE go together: one of them is not set.")
    if settings.DKIM_KEY_FILE is None:
        return None
    from newsletter.delivery.providers.smtp.dkim import DkimSigner

    try:
        key = settings.DKIM_KEY_FILE.read_bytes()
    except OSError as error:
        raise SettingsError(f"DKIM_KEY_FILE cannot be read: {error.strerror}.") from None
    return DkimSigner(key, selector=settings.DKIM_SELECTOR, sender=settings.MAIL_FROM).signed


def _sendgrid(settings: Settings, now: Clock, stop: Event | None) -> EmailProvider:
    key = settings.SENDGRID_API_KEY.get_secret_value()
    if not key:
        raise SettingsError("SENDGRID_API_KEY must be set for MAIL_PROVIDER=sendgrid.")
    from newsletter.delivery.providers.sendgrid.send import SendGrid

    return SendGrid(key, host=settings.SENDGRID_HOST, sender=settings.MAIL_FROM, now=now)


# Each takes what it needs out of the Settings; the provider itself never sees them.
PROVIDERS: dict[str, Callable[[Settings, Clock, Event | None], EmailProvider]] = {
    "outbox": _outbox,
    "sendgrid": _sendgrid,
    "smtp": _smtp,
}


def make(settings: Settings, *, now: Clock = clock.system, stop: Event | None = None) -> EmailProvider:
    """The provider named by ``MAIL_PROVIDER``. ``now`` dates the mail (a replay has its own clock); once ``stop`` is set, a
    provider that hands over one by one begins no further Message."""
    maker = PROVIDERS.get(settings.MAIL_PROVIDER)
    if maker is None:
        raise SettingsError(f"MAIL_PROVIDER={settings.MAIL_PROVIDER} is not known to this version.")
    return maker(settings, now, stop)


__all__ = ["outbox", "protocol", "sendgrid", "smtp"]
