"""The services that views use. newsletter/app.py stores them in the app once, and only :func:`services` reads them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from urllib.parse import urlsplit

from flask import current_app

from newsletter.billing import processors
from newsletter.billing.processors.protocol import PaymentProcessor
from newsletter.db import Sessions
from newsletter.issues.service import IssueService
from newsletter.links import Links
from newsletter.settings import Settings
from newsletter.subscribers.tokens import Tokens
from newsletter.web.http.page_cache import NoCache, PageCache
from newsletter.web.http.spool_retry import SpoolRetry

KEY = "newsletter"


@dataclass(frozen=True)
class Services:
    """The issue service, its parts by their own names, and what only the site needs."""

    issues: IssueService
    page_cache: PageCache = field(default_factory=NoCache)

    @property
    def settings(self) -> Settings:
        return self.issues.settings

    @property
    def sessions(self) -> Sessions:
        return self.issues.sessions

    @property
    def links(self) -> Links:
        """The maker of absolute addresses."""
        return self.issues.links

    @property
    def tokens(self) -> Tokens:
        """The maker of signed links."""
        return self.issues.tokens

    @property
    def paths(self) -> Links:
        """The maker of the same addresses without scheme and host, for links within our pages."""
        return Links(urlsplit(self.settings.SITE_URL).path)

    @cached_property
    def processor(self) -> PaymentProcessor:
        """The payment processor that the settings name."""
        return processors.make(self.settings)

    @cached_property
    def spool_retry(self) -> SpoolRetry:
        """The thread that writes spooled unsubscribes to the database once it is available."""
        return SpoolRetry(self.sessions, self.settings.LEAVING_DIR)

    def now(self) -> datetime:
        return self.issues.clock()


def services() -> Services:
    """Return the Services of the app that handles this request."""
    found: Services = current_app.extensions[KEY]
    return found
