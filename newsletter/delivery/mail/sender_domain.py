"""Asks the DNS whether mail from the Sender's domain will be believed: SPF, DKIM and DMARC (RFC 7208, 6376, 7489)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from email.utils import parseaddr

import dns.exception
import dns.resolver

from newsletter.settings import Settings

PATIENCE = 5.0  # seconds for one DNS query
SELECTORS = ("s1", "s2")  # what email services most often name the DKIM keys of a domain


@dataclass(frozen=True)
class Record:
    """One of the three records: whether it is well, and the sentence that says so. ``unheard``: the DNS did not answer."""

    name: str
    is_well: bool
    said: str
    unheard: bool = False


def domain_of(settings: Settings) -> str:
    """The domain of MAIL_FROM."""
    return parseaddr(settings.MAIL_FROM)[1].rpartition("@")[2]


def selectors_of(settings: Settings) -> tuple[str, ...]:
    """The DKIM selectors to look for: DKIM_SELECTOR, or else the most usual ones."""
    return (settings.DKIM_SELECTOR,) if settings.DKIM_SELECTOR else SELECTORS


def records(domain: str, selectors: Sequence[str], resolver: dns.resolver.Resolver) -> Iterator[Record]:
    """SPF, DKIM and DMARC of the domain, one after the other, each at most PATIENCE."""
    yield record(resolver, "SPF", [domain], "v=spf1")
    yield record(resolver, "DKIM", [f"{each}._domainkey.{domain}" for each in selectors], "p=")
    yield record(resolver, "DMARC", [f"_dmarc.{domain}"], "v=DMARC1")


def record(resolver: dns.resolver.Resolver, name: str, places: Sequence[str], mark: str) -> Record:
    """One TXT record with ``mark`` at one of the places; two of SPF or DMARC are as bad as none."""
    for place in places:
        try:
            texts = [
                b"".join(each.strings).decode("utf-8", "replace") for each in resolver.resolve(place, "TXT")
            ]
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            continue
        except dns.exception.DNSException as error:
            said = f"the DNS gave no answer for {place} ({type(error).__name__})."
            return Record(name, False, said, unheard=True)
        if name == "DKIM":
            marked = [each for each in texts if _has_key(each)]
        else:
            marked = [each for each in texts if each.split(";")[0].split(" ")[0] == mark]
        if len(marked) > 1:
            return Record(name, False, f"{place} has {len(marked)} records; receivers then believe none.")
        if name == "SPF" and marked and {"+all", "all"} & set(marked[0].lower().split()):
            return Record(name, False, f"{place} ends in +all, which lets anybody send as you.")
        if marked:
            return Record(name, True, f"{place} has a record.")
    return Record(name, False, f"there is no TXT record with {mark} at {' or '.join(places)}.")


def look(settings: Settings, resolver: dns.resolver.Resolver | None = None) -> tuple[str, str]:
    """What the Check says: "pass" or "warn", and one sentence. ``resolver`` is the machine's own when None."""
    domain = domain_of(settings)
    if resolver is None:
        try:
            resolver = dns.resolver.Resolver()
        except dns.resolver.NoResolverConfiguration:
            return (
                "warn",
                "This machine has no DNS server configured, so the sender’s domain cannot be asked for.",
            )
        resolver.lifetime = PATIENCE
    found = []
    for each in records(domain, selectors_of(settings), resolver):
        if each.unheard:  # the others would be waited for as long
            return "warn", f"The sender’s domain {domain} could not be asked for: {each.said}"
        found.append(each)
    faults = [each for each in found if not each.is_well]
    if faults:
        said = " ".join(f"{each.name}: {each.said}" for each in faults)
        return "warn", f"Mailboxes may not believe mail from {domain}. {said}"
    return "pass", f"SPF, DKIM and DMARC of {domain} are in place."


def _has_key(text: str) -> bool:
    """Whether a DKIM record holds a key; an empty ``p=`` is a revoked one."""
    return any(part.strip().startswith("p=") and part.strip() != "p=" for part in text.split(";"))
