"""BIMI: the logo that some mailboxes show beside mail (draft-brand-indicators-for-message-identification), and its certificate.

A VMC is about a registered trademark, or a government's mark: Gmail (with a check mark) and Apple Mail show it. A CMC is about a logo in public use for
a year, or a changed trademark: Gmail shows it, without the check mark. Without a certificate Yahoo and a few others show it.
"""

from __future__ import annotations

from datetime import datetime

from cryptography import x509
from cryptography.x509.oid import ObjectIdentifier

from newsletter.delivery.mail.sender_domain import dmarc
from newsletter.delivery.mail.sender_domain.dns_texts import AskTexts, Unheard
from newsletter.delivery.mail.sender_domain.records import Record

_MARK_TYPE = ObjectIdentifier("1.3.6.1.4.1.53087.1.13")  # Minimum Security Requirements for Mark Certificates
_MARKS = {
    "registered mark": "VMC",
    "government mark": "VMC",
    "prior use mark": "CMC",
    "modified registered mark": "CMC",
}


def record(domain: str, ask: AskTexts) -> tuple[Record, str]:
    """What the BIMI record of ``domain`` is worth, and the address of its certificate, empty without one. No record is no fault."""
    try:
        found = dmarc.walk(domain, ask)
        places = dict.fromkeys(f"default._bimi.{each}" for each in (domain, found.organisation()))
        texts = next((own for place in places if (own := _records(place, ask))), [])
    except Unheard as error:
        return Record("BIMI", False, str(error), unheard=True), ""
    if not texts:
        return Record("BIMI", True, "no record, so no logo is shown beside the mail. It is not needed."), ""
    tags = dmarc.tags_of(texts[0])
    logo, certificate = tags.get("l", ""), tags.get("a", "")
    if problem := _problem(texts, logo, certificate, found):
        return Record("BIMI", False, problem), ""
    if not certificate:
        said = "a logo without a certificate: Yahoo may show it, Gmail asks for a CMC or a VMC, Apple Mail for a VMC."
        return Record("BIMI", True, said), ""
    return Record("BIMI", True, "a logo with a certificate."), certificate


def mark(pem: bytes, *, now: datetime) -> Record:
    """What the certificate is worth. ``pem`` is the file that the record leads to, its own certificate first."""
    try:
        certificate = x509.load_pem_x509_certificates(pem)[0]
        types = certificate.subject.get_attributes_for_oid(_MARK_TYPE)
    except ValueError:
        return Record("BIMI certificate", False, "the file is no certificate in PEM.")
    kind = _MARKS.get(str(types[0].value).lower()) if types else None
    ends = certificate.not_valid_after_utc
    if kind is None:
        return Record("BIMI certificate", False, "it is no mark certificate.")
    if not certificate.not_valid_before_utc <= now < ends:
        return Record("BIMI certificate", False, f"the {kind} holds until {ends:%Y-%m-%d}, and not today.")
    shown = (
        "Gmail, with a check mark, and Apple Mail"
        if kind == "VMC"
        else "Gmail, without a check mark; Apple Mail asks for a VMC"
    )
    return Record("BIMI certificate", True, f"a {kind} until {ends:%Y-%m-%d}: shown by {shown}.")


def _records(place: str, ask: AskTexts) -> list[str]:
    return [text for text in ask(place) if "".join(text.split(";")[0].split()).lower() == "v=bimi1"]


def _problem(texts: list[str], logo: str, certificate: str, found: dmarc.Walk) -> str | None:
    if len(texts) > 1:
        return f"there are {len(texts)} records; receivers then believe none."
    if not logo and not certificate:
        return "its record says that no logo is wanted (l= is empty)."
    if any(each and not each.lower().startswith("https://") for each in (logo, certificate)):
        return "l= and a= must be https addresses."
    # Both must ask for it: the record that holds for this domain, and the organisation's own.
    records = {r.domain: r for r in (found.record(), found.record_at(found.organisation())) if r is not None}
    if not records or not all(_enforces(record, found.start) for record in records.values()):
        return "a logo is shown only when DMARC asks for quarantine or reject, for all mail, here and at the organisational domain."
    return None


def _enforces(record: dmarc.DmarcRecord, domain: str) -> bool:
    tested = record.tags.get("t") == "y" or record.tags.get("pct", "100") != "100"
    return not tested and dmarc.policy(record, domain) in ("quarantine", "reject")
