"""The interface of an email provider for the registry: how it is made from the Settings, what an operator must know about it, and
how the events that it reports are verified and read."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from datetime import datetime
from threading import Event
from typing import ClassVar

from newsletter.clock import Clock
from newsletter.delivery.providers.protocol import EmailProvider, ProviderEvent
from newsletter.settings import Settings


class RegisteredProvider(ABC):
    """One email provider in the registry. Of all its parts only this class sees the Settings.

    A provider that reports events over a webhook sets ``reports_events`` and has :meth:`events_problem`, :meth:`verify` and
    :meth:`read_events`; the route ``/webhooks/<name>`` is then its own. Importing the class must be fast, so heavy libraries are imported
    where they are used.
    """

    name: ClassVar[str]  # as MAIL_PROVIDER names it
    title: ClassVar[str]  # its name in sentences for an operator, which it may begin
    login_settings: ClassVar[str] = "the settings of the email provider"  # the settings by which it knows us
    checks_login: ClassVar[bool] = False  # whether :meth:`refused_because` logs in
    reports_events: ClassVar[bool] = False  # over a webhook
    own_return_path: ClassVar[bool] = (
        True  # bounces come back to the Sender, and not to an address of the provider's
    )

    @abstractmethod
    def connect(self, settings: Settings, *, now: Clock, stop: Event | None) -> EmailProvider:
        """Return the provider, ready to submit. Raises :class:`SettingsError` when one of its settings is missing or wrong.

        ``now`` dates the mail; once ``stop`` is set, a provider that submits one Message at a time begins no further one.
        """

    @abstractmethod
    def server(self, settings: Settings) -> tuple[str, int] | None:
        """Return the host and port of its server; None when it has none. Raises ValueError for a wrong address."""

    def refused_because(self, settings: Settings) -> str | None:
        """Log in with the key or password of these Settings, and send nothing. Returns why the provider refuses us, as a sentence; None
        when it accepts us, and when the provider does not set ``checks_login``. Raises :class:`SettingsError`."""
        return None

    def unheard_because(self, settings: Settings) -> str | None:
        """Return why its reports of bounces and complaints do not reach us, as a sentence; None when they do, or when there are none."""
        if self.reports_events:
            return self.events_problem(settings)
        return f"{self.title} reports nothing to us."

    def events_problem(self, settings: Settings) -> str | None:
        """Return why its events cannot be verified with these Settings, as a sentence; None when they can."""
        return None

    def verify(self, body: bytes, headers: Mapping[str, str], *, settings: Settings, now: datetime) -> None:
        """Raise :class:`ForgedEvents` unless the provider signed exactly these bytes, and recently. ``headers`` are the request's."""
        raise NotImplementedError

    def read_events(self, body: bytes) -> list[ProviderEvent]:
        """Return the events in a verified body, without those that do not concern us. Raises ValueError for a body of another form."""
        raise NotImplementedError
