"""The Outbox: mail kept in a folder."""

from __future__ import annotations

from threading import Event

from newsletter.clock import Clock
from newsletter.delivery.providers.protocol import EmailProvider
from newsletter.delivery.providers.registration import RegisteredProvider
from newsletter.settings import Settings

__all__ = ["send"]


class _Outbox(RegisteredProvider):
    name = "outbox"
    title = "The Outbox"

    def connect(self, settings: Settings, *, now: Clock, stop: Event | None) -> EmailProvider:
        from newsletter.delivery.providers.outbox.send import Outbox

        return Outbox(settings.OUTBOX_DIR, sender=settings.MAIL_FROM, now=now)

    def server(self, settings: Settings) -> None:
        return None

    def unheard_because(self, settings: Settings) -> None:
        """None: nobody is mailed, so nothing bounces."""


PROVIDER = _Outbox()
