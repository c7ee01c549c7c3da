"""The summarizers by name. See protocol.py for what each promises."""

from __future__ import annotations

from collections.abc import Callable

from newsletter.errors import SettingsError
from newsletter.newsroom.summarizers.protocol import Summarizer
from newsletter.settings import Settings


def _extractive(settings: Settings) -> Summarizer:
    # Imported here: the nouns that choose sentences import protocol.py, and with it this package, themselves.
    from newsletter.newsroom.summarizers.extractive import Extractive

    return Extractive()


SUMMARIZERS: dict[str, Callable[[Settings], Summarizer]] = {"extractive": _extractive}


def make(settings: Settings) -> Summarizer:
    """The summarizer that ``SUMMARIZER`` names. Raises :class:`SettingsError` when there is none of that name yet."""
    known = SUMMARIZERS.get(settings.SUMMARIZER)
    if known is None:
        names = " or ".join(SUMMARIZERS)
        raise SettingsError(f"SUMMARIZER={settings.SUMMARIZER} is not available yet; use {names}.")
    return known(settings)
