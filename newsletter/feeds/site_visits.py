"""The rules of sites about reading their pages, fetched once a day and kept in the database and in memory."""

from __future__ import annotations

import threading
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urljoin

from sqlalchemy import delete, select

from newsletter import db
from newsletter.db.models import SiteRule
from newsletter.feeds.encoding import to_text
from newsletter.feeds.fetcher import Fetched, Fetcher, FetchError
from newsletter.feeds.page_rights import PageSignals, SiteRules, licence_addresses, linked_licence
from newsletter.feeds.urls import UrlRefused, take_apart

KEPT = timedelta(hours=24)  # the longest that RFC 9309 allows for a robots.txt
TROUBLE_KEPT = timedelta(hours=1)  # of a site whose robots.txt could not be read
MOST_LICENCES = 3  # that robots.txt names


class SiteVisits:
    """Gets the rules of sites from memory, the database or the site itself, asking each site once. Thread-safe."""

    def __init__(self, sessions: db.Sessions, fetch: Fetcher, *, now: datetime) -> None:
        self._fetch = fetch
        self._sessions = sessions
        self._now = now
        self._known: dict[str, SiteRules] = {}
        self._visited: set[str] = set()  # by this run
        self._locks: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()

    def rules(self, url: str) -> SiteRules:
        """Return the rules of the site of ``url``. Never raises: errors are part of the rules."""
        try:
            site = site_of(url)
        except UrlRefused as error:
            return SiteRules(None, error=f"{error}.")
        with self._lock:
            lock = self._locks.setdefault(site, threading.Lock())
        with lock:
            if site not in self._known:
                stored = self._stored(site)
                self._known[site] = stored or self._visit(site)
                if stored is None:
                    with self._lock:
                        self._visited.add(site)
            return self._known[site]

    def with_licence(self, page: PageSignals, url: str) -> PageSignals:
        """Return the signals of a page with the licence that it links to."""
        address = linked_licence(page)
        if not address:
            return page
        text = self._licence(url, address)
        return (
            replace(page, missing_licence=address)
            if text is None
            else replace(page, licences=(*page.licences, text))
        )

    def save(self) -> None:
        """Store the fetched rules, and delete those that no run has fetched for a week."""
        with self._lock:
            visited = sorted(self._visited)
        with self._sessions.begin() as session:
            session.execute(delete(SiteRule).where(SiteRule.site.in_(visited)))
            db.insert_new(
                session,
                SiteRule,
                [
                    {"site": site, "fetched_at": self._now, "rules": asdict(self._known[site])}
                    for site in visited
                ],
            )
            session.execute(delete(SiteRule).where(SiteRule.fetched_at < self._now - 7 * KEPT))

    def _stored(self, site: str) -> SiteRules | None:
        """Return the stored rules of a site, or None when they are missing or too old."""
        with db.reading(self._sessions) as session:
            row = session.scalars(select(SiteRule).where(SiteRule.site == site)).first()
        if row is None:
            return None
        rules = _rules(row.rules)
        return rules if timedelta(0) <= self._now - row.fetched_at < _keeps(rules) else None

    def _visit(self, site: str) -> SiteRules:
        try:
            robots = self._fetch(f"{site}/robots.txt")
        except FetchError as error:
            return SiteRules(None, error=error.reason)
        text = _text(robots) if robots.status == 200 else ""
        licences: list[str] = []
        for address in licence_addresses(text)[:MOST_LICENCES]:
            licence = self._licence(site, address)
            if licence is None:
                return SiteRules(robots.status, text, missing_licence=address)
            licences.append(licence)
        return SiteRules(robots.status, text, tdmrep=self._tdmrep(site), licences=tuple(licences))

    def _tdmrep(self, site: str) -> str:
        """Return the site's tdmrep.json, or an empty string, which reserves nothing, when there is none or it cannot be fetched."""
        try:
            found = self._fetch(f"{site}/.well-known/tdmrep.json")
        except FetchError:
            return ""
        return _text(found) if found.status == 200 else ""

    def _licence(self, base: str, address: str) -> str | None:
        """Return the text of a licence, or None when it cannot be fetched."""
        try:
            found = self._fetch(urljoin(base, address))
        except (FetchError, ValueError):  # urljoin raises ValueError for an invalid address
            return None
        return _text(found) if found.status == 200 else None


def site_of(url: str) -> str:
    """Return scheme, host and port of an address. Raises :class:`UrlRefused`."""
    address = take_apart(url)
    default = {"http": 80, "https": 443}[address.scheme] == address.port
    return f"{address.scheme}://{address.host}" + ("" if default else f":{address.port}")


def _text(fetched: Fetched) -> str:
    return to_text(fetched.body, fetched.content_type).replace("\x00", "")


def _keeps(rules: SiteRules) -> timedelta:
    status = rules.robots_status
    return TROUBLE_KEPT if status is None or status == 429 or status >= 500 else KEPT


def _rules(kept: dict[str, Any]) -> SiteRules:
    return SiteRules(**{**kept, "licences": tuple(kept.get("licences") or ())})
