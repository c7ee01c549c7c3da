"""Judges a mail that arrived, as its receiver did: whose signature it bears, whether that is aligned with From, and whether one click unsubscribes.

What the DNS promises is not yet what leaves: a relay may sign as another domain, or rewrite a header line that is signed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import Message
from email.utils import getaddresses

import dkim

from newsletter.delivery.mail.sender_domain import dmarc
from newsletter.delivery.mail.sender_domain.dns_texts import AskTexts, Unheard
from newsletter.delivery.mail.sender_domain.records import Record, domain_of

MOST_SIGNATURES = 5  # looked at; a provider's own and ours are two
_ONE_CLICK = {"list-unsubscribe", "list-unsubscribe-post"}


@dataclass(frozen=True)
class Signature:
    """One DKIM signature of the mail. ``covers`` are the names of the header lines that it signs, in lower case."""

    domain: str
    verifies: bool
    aligned: bool
    covers: frozenset[str]


def records(raw: bytes, ask: AskTexts) -> Iterator[Record]:
    """DKIM, SPF, DMARC and one-click unsubscribe of this very mail. ``raw`` is its source, as the receiver shows it."""
    mail = message_from_bytes(raw, policy=policy.compat32)
    senders = [address for _, address in getaddresses(mail.get_all("From", [])) if "@" in address]
    if len(senders) != 1:
        yield Record("mail", False, f"it has {len(senders)} addresses in From, and must have one.")
        return
    author = domain_of(senders[0])
    try:
        holds = dmarc.walk(author, ask).record()
        signatures = [_signature(raw, n, author, holds, ask) for n in range(_count(mail))]
        yield _dkim(author, signatures)
        by_dkim = any(each.verifies and each.aligned for each in signatures)
        spf, by_spf = _spf(mail, author, holds, ask, by_dkim)
        yield spf
    except Unheard as error:
        yield Record("mail", False, str(error), unheard=True)
        return
    passes = holds is not None and (by_dkim or by_spf)
    by = " and ".join(name for name, it in (("DKIM", by_dkim), ("SPF", by_spf)) if it)
    said = f"passes by {by}." if passes else "does not pass: nothing vouches for the domain in From."
    yield Record("mail: DMARC", passes, said if holds else f"no record holds for {author}.")
    if mail["List-Id"] or mail["List-Unsubscribe"]:
        yield _one_click(mail, signatures)


def _count(mail: Message) -> int:
    return min(MOST_SIGNATURES, len(mail.get_all("DKIM-Signature", [])))


def _signature(
    raw: bytes, place: int, author: str, holds: dmarc.DmarcRecord | None, ask: AskTexts
) -> Signature:
    def text(name: bytes, timeout: int = 5) -> bytes | None:
        found = ask(name.decode("ascii", "replace").rstrip("."))
        return found[0].encode() if found else None

    signer = dkim.DKIM(raw)
    try:
        verifies = bool(signer.verify(place, dnsfunc=text))
    except Unheard:
        raise
    except Exception:  # noqa: BLE001 - the library lets whatever its parsers raise through
        verifies = False
    fields = getattr(signer, "signature_fields", {})
    domain = fields.get(b"d", b"").decode("ascii", "replace").lower()
    covers = frozenset(
        each.strip().lower() for each in fields.get(b"h", b"").decode("ascii", "replace").split(":")
    )
    return Signature(domain, verifies, _aligned(domain, author, holds, "adkim", ask), covers)


def _aligned(domain: str, author: str, holds: dmarc.DmarcRecord | None, tag: str, ask: AskTexts) -> bool:
    """Return whether ``domain`` vouches for ``author``: the same, or of the same organisation where the record does not ask for more."""
    if not domain or domain == author:
        return bool(domain)
    strict = holds is not None and holds.tags.get(tag) == "s"
    return not strict and dmarc.walk(domain, ask).organisation() == dmarc.walk(author, ask).organisation()


def _dkim(author: str, signatures: list[Signature]) -> Record:
    good = [each for each in signatures if each.verifies and each.aligned]
    if good:
        return Record(
            "mail: DKIM", True, f"the signature of {good[0].domain} verifies and is aligned with {author}."
        )
    other = [each.domain for each in signatures if each.verifies]
    if other:
        said = f"the signature of {other[0]} verifies, but is not aligned with {author}."
    elif signatures:
        said = f"the signature of {signatures[0].domain or 'nobody'} does not verify: changed on the way, or another key in the DNS."
    else:
        said = "it is not signed."
    return Record("mail: DKIM", False, said)


def _spf(
    mail: Message, author: str, holds: dmarc.DmarcRecord | None, ask: AskTexts, by_dkim: bool
) -> tuple[Record, bool]:
    """Return what the receiver wrote of SPF, and whether that vouches for From. Where DKIM does, it need not."""
    written = " ".join(
        [*mail.get_all("Authentication-Results", [])[:1], *mail.get_all("Received-SPF", [])[:1]]
    )
    verdict = re.search(r"\bspf=(\w+)", written) or re.match(r"\s*(\w+)", str(mail.get("Received-SPF", "")))
    said = verdict[1].lower() if verdict else "nothing"
    domain = domain_of(str(mail.get("Return-Path", "")))
    aligned = bool(domain) and _aligned(domain, author, holds, "aspf", ask)
    vouches = aligned and said == "pass"
    if vouches:
        return Record(
            "mail: SPF", True, f"the return path {domain} passed and is aligned with {author}."
        ), True
    why = f"the return path {domain or '(none written)'} is {'' if aligned else 'not '}aligned; the receiver wrote {said} of it."
    return Record("mail: SPF", by_dkim, f"{why} DKIM vouches for the mail." if by_dkim else why), False


def _one_click(mail: Message, signatures: list[Signature]) -> Record:
    """Return whether mailbox providers offer their own button (RFC 8058)."""
    address = re.search(r"<(https://[^>]+)>", str(mail.get("List-Unsubscribe", "")))
    post = "".join(str(mail.get("List-Unsubscribe-Post", "")).split()).lower()
    signed = any(each.verifies and each.aligned and each.covers >= _ONE_CLICK for each in signatures)
    for well, said in (
        (address, "List-Unsubscribe has no https address."),
        (post == "list-unsubscribe=one-click", "List-Unsubscribe-Post is missing or says something else."),
        (
            signed,
            "no aligned signature covers List-Unsubscribe and List-Unsubscribe-Post, so providers do not act on them.",
        ),
    ):
        if not well:
            return Record("mail: one-click", False, said)
    return Record("mail: one-click", True, "mailbox providers can unsubscribe with one click.")
