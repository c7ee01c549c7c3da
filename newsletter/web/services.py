"""What views need, put on the app once by the composition root and read nowhere else."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from flask import current_app

from newsletter.clock import Clock
from newsletter.db import Sessions
from newsletter.links import Links
from newsletter.settings import Settings

if TYPE_CHECKING:
    from newsletter.circulation.tokens import Tokens

KEY = "newsletter"


@dataclass(frozen=True)
class Services:
    """Settings, the database's Sessions, the clock, absolute addresses, and the maker of signed links."""

    settings: Settings
    sessions: Sessions
    clock: Clock
    links: Links
    tokens: Tokens

    @property
    def paths(self) -> Links:
        """The same addresses without scheme and host, for links inside our own pages."""
        return Links(urlsplit(self.settings.SITE_URL).path)

    def now(self) -> datetime:
        return self.clock()


def services() -> Services:
    """The Services of the app that is answering this request."""
    found: Services = current_app.extensions[KEY]
    return found
