"""Reads the SPF record of a domain as receivers do, as far as it can be judged without a mail (RFC 7208)."""

from __future__ import annotations

import re
from typing import Final

from newsletter.delivery.mail.sender_domain.dns_texts import AskTexts

MOST_LOOKUPS: Final = (
    10  # terms that make a receiver ask the DNS; with more of them the record counts as broken
)
_ASKING: Final = re.compile(r"[+?~-]?(a|mx|ptr|exists|include)(?:[:/].*)?$|redirect=", re.I)
_LEADING_ON: Final = re.compile(r"[+?~-]?include:(.+)|redirect=(.+)", re.I)


def records(domain: str, ask: AskTexts) -> list[str]:
    """Return the SPF records of the domain; receivers believe one, and of several none."""
    return [text for text in ask(domain) if re.match(r"v=spf1(\s|$)", text, re.I)]


def problem(domain: str, ask: AskTexts) -> str | None:
    """Return why receivers will not believe the record of ``domain``, as a sentence; None when all is well. Raises :class:`Unheard`."""
    found = records(domain, ask)
    if len(found) != 1:
        return (
            f"{domain} has {len(found)} records; receivers then believe none."
            if found
            else f"there is no TXT record with v=spf1 at {domain}."
        )
    terms = found[0].lower().split()[1:]
    if {"+all", "all"} & set(terms):
        return f"{domain} ends in +all, which lets anybody send as you."
    if set(terms) <= {"-all", "~all", "?all"}:
        return f"{domain} names no server, so nobody may send as you, and neither may you."
    return _count(domain, ask)[1]


def _count(domain: str, ask: AskTexts, asked: int = 0) -> tuple[int, str | None]:
    """Return how many look-ups the record of ``domain`` costs on top of ``asked``, those of the records that it leads to included, and why that
    breaks it."""
    found = records(domain, ask)
    if len(found) != 1:
        return (
            asked,
            f"its record leads to {domain}, which has {len(found) or 'no'} SPF record{'s' * (len(found) > 1)}.",
        )
    for term in found[0].split()[1:]:
        if not _ASKING.match(term):
            continue
        asked += 1
        if asked > MOST_LOOKUPS:
            return asked, f"its record makes receivers ask more than {MOST_LOOKUPS} times, so they give up."
        leads = _LEADING_ON.match(term)
        target = (leads[1] or leads[2]) if leads else ""
        if target and "%" not in target:  # a macro is known only with a mail
            asked, broken = _count(target, ask, asked)
            if broken:
                return asked, broken
    return asked, None
