"""The registry of email providers. A provider is a folder here with ``PROVIDER`` in its ``__init__.py``, a line below and settings."""

from __future__ import annotations

from importlib import import_module
from threading import Event

from newsletter import clock
from newsletter.clock import Clock
from newsletter.delivery.providers.protocol import EmailProvider
from newsletter.delivery.providers.registration import RegisteredProvider
from newsletter.errors import SettingsError
from newsletter.settings import Settings

_FOLDERS = (
    "outbox",
    "sendgrid",
    "smtp",
)
PROVIDERS: dict[str, RegisteredProvider] = {
    name: import_module(f"{__name__}.{name}").PROVIDER for name in _FOLDERS
}


def registered(settings: Settings) -> RegisteredProvider:
    """Return the provider named by ``MAIL_PROVIDER``. Raises :class:`SettingsError` when no provider has that name."""
    found = PROVIDERS.get(settings.MAIL_PROVIDER)
    if found is None:
        known = ", ".join(PROVIDERS)
        raise SettingsError(
            f"MAIL_PROVIDER={settings.MAIL_PROVIDER} is not known; it must be one of {known}."
        )
    return found


def make(settings: Settings, *, now: Clock = clock.system, stop: Event | None = None) -> EmailProvider:
    """Return the provider named by ``MAIL_PROVIDER``, ready to submit: see :meth:`RegisteredProvider.connect`."""
    return registered(settings).connect(settings, now=now, stop=stop)


__all__ = ["PROVIDERS", "make", "outbox", "protocol", "registered", "sendgrid", "smtp"]
