"""Asks the DNS whether mail from our Senders' domains will be believed: SPF, DKIM and DMARC (RFC 7208, 6376, 9989)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from email.utils import parseaddr

import dns.resolver

from newsletter.delivery.mail.sender_domain import dmarc, spf
from newsletter.delivery.mail.sender_domain.dns_texts import AskTexts, Unheard, asker
from newsletter.settings import Settings

PATIENCE = 5.0  # seconds for one DNS query
SELECTORS = ("s1", "s2")  # what email services most often name the DKIM keys of a domain


@dataclass(frozen=True)
class Record:
    """One of the records: whether it is well, and the sentence that says so. ``unheard``: the DNS did not answer."""

    name: str
    is_well: bool
    said: str
    unheard: bool = False


@dataclass(frozen=True)
class Signing:
    """How mail of a domain leaves: the DKIM selectors to look for, whether we sign ourselves, and whether bounces come back to the Sender's own domain (the
    provider's otherwise), which is then the domain whose SPF counts."""

    selectors: Sequence[str]
    by_us: bool
    own_return_path: bool


def domain_of(sender: str) -> str:
    """Return the domain of ``Name <address>``, in ASCII where it can be written so."""
    domain = parseaddr(sender)[1].rpartition("@")[2].lower()
    try:
        return domain if domain.isascii() else domain.encode("idna").decode()
    except UnicodeError:
        return domain


def senders(settings: Settings) -> Mapping[str, str]:
    """Return each domain that our mail comes from, and the setting that names it."""
    named = {"MAIL_FROM": settings.MAIL_FROM, "NOTICE_FROM": settings.NOTICE_FROM}
    domains: dict[str, str] = {}
    for name, sender in named.items():
        if sender:
            domains.setdefault(domain_of(sender), name)
    return domains


def signing(settings: Settings, *, selectors: Sequence[str] = (), own_return_path: bool) -> Signing:
    """Return how our mail leaves. Without ``selectors`` they are DKIM_SELECTOR, or else the most usual ones."""
    usual = (settings.DKIM_SELECTOR,) if settings.DKIM_SELECTOR else SELECTORS
    return Signing(selectors or usual, settings.DKIM_KEY_FILE is not None, own_return_path)


def records(domain: str, how: Signing, ask: AskTexts) -> Iterator[Record]:
    """SPF, DKIM and DMARC of a domain in From, one after the other."""
    for name, judge in (("SPF", _spf), ("DKIM", _dkim), ("DMARC", _dmarc)):
        try:
            yield judge(domain, how, ask)
        except Unheard as error:
            yield Record(name, False, str(error), unheard=True)


def look(
    settings: Settings, resolver: dns.resolver.Resolver | None = None, *, own_return_path: bool = True
) -> tuple[str, str]:
    """What the Check says: "pass" or "warn", and one sentence. ``resolver`` is the machine's own when None."""
    if resolver is None:
        try:
            resolver = dns.resolver.Resolver()
        except dns.resolver.NoResolverConfiguration:
            return (
                "warn",
                "This machine has no DNS server configured, so the sender’s domain cannot be asked for.",
            )
        resolver.lifetime = PATIENCE
    how, ask = signing(settings, own_return_path=own_return_path), asker(resolver)
    said = []
    for domain in senders(settings):
        found = []
        for each in records(domain, how, ask):
            if each.unheard:  # the others would be waited for as long
                return "warn", f"The sender’s domain {domain} could not be asked for: {each.said}"
            found.append(each)
        if faults := [each for each in found if not each.is_well]:
            words = " ".join(f"{each.name}: {each.said}" for each in faults)
            said.append(f"Mailboxes may not believe mail from {domain}. {words}")
    if said:
        return "warn", " ".join(said)
    return "pass", f"SPF, DKIM and DMARC of {' and '.join(senders(settings))} are in place."


def _spf(domain: str, how: Signing, ask: AskTexts) -> Record:
    if not how.own_return_path and not spf.records(domain, ask):
        return Record(
            "SPF",
            True,
            f"not needed at {domain}: the provider has a return path of its own, and DKIM is aligned.",
        )
    problem = spf.problem(domain, ask)
    strict = how.own_return_path and problem is None
    aligned = ", which is the return path’s as well, so it is aligned" if strict else ""
    return Record("SPF", problem is None, problem or f"{domain} has a record{aligned}.")


def _dkim(domain: str, how: Signing, ask: AskTexts) -> Record:
    """Return a key at the domain itself, or, where others sign, at a parent within its organisation, unless its DMARC record asks for more (``adkim=s``)."""
    found = dmarc.walk(domain, ask)
    organisation, holds = found.organisation(), found.record()
    signers = [domain]
    while not how.by_us and signers[-1] != organisation and "." in signers[-1]:
        signers.append(signers[-1].partition(".")[2])
    for signer in signers:
        for place in (f"{each}._domainkey.{signer}" for each in how.selectors):
            keys = [text for text in ask(place) if _has_key(text)]
            if len(keys) > 1:
                return Record("DKIM", False, f"{place} has {len(keys)} records; receivers then believe none.")
            if keys and signer != domain and holds is not None and holds.tags.get("adkim") == "s":
                said = f"{place} has a key, but _dmarc.{holds.domain} asks for {domain} itself (adkim=s)."
                return Record("DKIM", False, said)
            if keys:
                return Record("DKIM", True, f"{place} has a key; a signature of {signer} is aligned.")
    places = " or ".join(f"{each}._domainkey.{domain}" for each in how.selectors)
    return Record("DKIM", False, f"there is no TXT record with p= at {places}; name others with --selector.")


def _dmarc(domain: str, how: Signing, ask: AskTexts) -> Record:
    found = dmarc.walk(domain, ask)
    record = found.record()
    if record is None:
        doubled = [
            f"_dmarc.{each} has several records; receivers then believe none." for each in found.doubled
        ]
        return Record("DMARC", False, " ".join(doubled) or f"no TXT record with v=DMARC1 holds for {domain}.")
    asked = dmarc.policy(record, domain)
    if asked is None:
        return Record(
            "DMARC", False, f"_dmarc.{record.domain} asks for nothing that receivers know (p=, sp=)."
        )
    if domain in found.doubled:
        said = f"_dmarc.{domain} has several records, so receivers go by _dmarc.{record.domain} ({asked})."
        return Record("DMARC", False, said)
    testing = ", as a test (t=y)" if record.tags.get("t") == "y" else ""
    return Record("DMARC", True, f"_dmarc.{record.domain} holds for {domain} and asks for {asked}{testing}.")


def _has_key(text: str) -> bool:
    """Return whether a DKIM record holds a key; an empty ``p=`` is a revoked one."""
    return any(part.strip().startswith("p=") and part.strip() != "p=" for part in text.split(";"))
