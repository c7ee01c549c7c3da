"""SendGrid: submitting over its v3 API and reading its event webhook."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from threading import Event
from urllib.parse import urlsplit

from newsletter.clock import Clock
from newsletter.delivery.providers.protocol import EmailProvider, ProviderEvent
from newsletter.delivery.providers.registration import RegisteredProvider
from newsletter.errors import SettingsError
from newsletter.settings import Settings

__all__ = ["events"]


class _SendGrid(RegisteredProvider):
    name = "sendgrid"
    title = "SendGrid"
    login_settings = "SENDGRID_API_KEY"
    checks_login = True
    reports_events = True
    own_return_path = False

    def connect(self, settings: Settings, *, now: Clock, stop: Event | None) -> EmailProvider:
        key = settings.SENDGRID_API_KEY.get_secret_value()
        if not key:
            raise SettingsError("SENDGRID_API_KEY must be set for MAIL_PROVIDER=sendgrid.")
        from newsletter.delivery.providers.sendgrid.send import SendGrid

        return SendGrid(key, host=settings.SENDGRID_HOST, sender=settings.MAIL_FROM, now=now)

    def server(self, settings: Settings) -> tuple[str, int]:
        parts = urlsplit(settings.SENDGRID_HOST)
        return parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)

    def refused_because(self, settings: Settings) -> str | None:
        key = settings.SENDGRID_API_KEY.get_secret_value()
        if not key:
            return "SENDGRID_API_KEY is not set."
        from newsletter.delivery.providers.sendgrid.api import key_problem

        return key_problem(key, host=settings.SENDGRID_HOST)

    def events_problem(self, settings: Settings) -> str | None:
        from newsletter.delivery.providers.sendgrid.events import public_key

        if not settings.SENDGRID_WEBHOOK_KEY:
            return "SENDGRID_WEBHOOK_KEY is not set."
        try:
            public_key(settings.SENDGRID_WEBHOOK_KEY)
        except ValueError:
            return "SENDGRID_WEBHOOK_KEY is no public key."
        return None

    def verify(self, body: bytes, headers: Mapping[str, str], *, settings: Settings, now: datetime) -> None:
        from newsletter.delivery.providers.sendgrid import events

        events.verify(body, headers, key=settings.SENDGRID_WEBHOOK_KEY, now=now)

    def read_events(self, body: bytes) -> list[ProviderEvent]:
        from newsletter.delivery.providers.sendgrid import events

        return events.read_events(body)


PROVIDER = _SendGrid()
