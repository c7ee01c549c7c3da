"""Finds the DMARC record that holds for a domain, and the domain's organisation, by the tree walk of RFC 9989 section 4.10.

A record at the organisational domain holds for its subdomains: ``_dmarc.example.com`` for mail from ``news.example.com``. No list of public
suffixes is needed: who runs a public suffix says so with ``psd=y``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from newsletter.delivery.mail.sender_domain.dns_texts import AskTexts

MOST_LABELS: Final = 8  # of a domain; from a longer one the walk goes on with the last seven, so that it asks eight times at most
_POLICIES: Final = ("none", "quarantine", "reject")
_VERSION: Final = re.compile(r"v\s*=\s*DMARC1\s*(;|$)")


@dataclass(frozen=True)
class DmarcRecord:
    """One valid record: ``domain`` is the part of its name behind ``_dmarc.``; ``tags`` have names in lower case."""

    domain: str
    tags: Mapping[str, str]


@dataclass(frozen=True)
class Walk:
    """What a tree walk from ``start`` found: the valid records, the longest name first, and the domains with several records, of
    which receivers believe none."""

    start: str
    records: tuple[DmarcRecord, ...]
    doubled: tuple[str, ...]

    def organisation(self) -> str:
        """Return the organisational domain of ``start``; ``start`` itself where no record says otherwise."""
        for record in self.records:
            if record.tags.get("psd") == "n":
                return record.domain
            if record.tags.get("psd") == "y" and record.domain != self.start:
                return ".".join(self.start.split(".")[-(record.domain.count(".") + 2) :])
        return self.records[-1].domain if self.records else self.start

    def record(self) -> DmarcRecord | None:
        """The record that holds for mail from ``start``: its own, else its organisation's, else its public suffix's. One in between
        does not count."""
        own = self.record_at(self.start) or self.record_at(self.organisation())
        return own or next((r for r in self.records if r.tags.get("psd") == "y"), None)

    def record_at(self, domain: str) -> DmarcRecord | None:
        """Return the record of this very domain."""
        return next((record for record in self.records if record.domain == domain), None)


def walk(start: str, ask: AskTexts) -> Walk:
    """Look for records from ``start`` up to its top-level domain. Raises :class:`Unheard` when a name is not answered for."""
    start = start.rstrip(".").lower()
    found, doubled = [], []
    for domain in _domains(start):
        valid = [text for text in ask(f"_dmarc.{domain}") if _VERSION.match(text)]
        if len(valid) > 1:
            doubled.append(domain)
        elif valid:
            found.append(DmarcRecord(domain, tags_of(valid[0])))
            if found[-1].tags.get("psd") in ("y", "n"):
                break
    return Walk(start, tuple(found), tuple(doubled))


def policy(record: DmarcRecord, domain: str) -> str | None:
    """What receivers are asked to do with mail from ``domain`` that fails: none, quarantine or reject. None when the record is so wrong that
    they do nothing with it."""
    tags = record.tags
    subdomains = [tags[name] for name in ("sp", "np") if name in tags]
    if tags.get("p") not in _POLICIES or not all(each in _POLICIES for each in subdomains):
        return "none" if re.search(r"[a-z][a-z0-9+.-]*:\S", tags.get("rua", ""), re.I) else None
    return tags["p"] if record.domain == domain else tags.get("sp", tags["p"])


def tags_of(text: str) -> dict[str, str]:
    """``v=DMARC1; p=none`` as a mapping; BIMI's records are written alike. Values that are words are in lower case."""
    pairs = (part.partition("=") for part in text.split(";") if "=" in part)
    tags = {name.strip().lower(): value.strip() for name, _, value in pairs}
    return {name: value.lower() if value.isalpha() else value for name, value in tags.items()}


def _domains(start: str) -> list[str]:
    """Return where the walk asks, in its order."""
    labels = start.split(".")
    rest = labels[1:] if len(labels) < MOST_LABELS else labels[-(MOST_LABELS - 1) :]
    return [start, *(".".join(rest[n:]) for n in range(len(rest)))]
