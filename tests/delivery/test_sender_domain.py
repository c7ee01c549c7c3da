"""Our Senders' domains, asked of a real DNS server: the tree walk of RFC 9989, alignment, SPF's look-ups, BIMI, and a DNS that fails."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta

import dns.resolver
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID, ObjectIdentifier

from newsletter.delivery.mail import sender_domain
from newsletter.delivery.mail.sender_domain import dmarc, dns_texts
from newsletter.delivery.mail.sender_domain.records import Signing
from newsletter.settings import Settings
from tests.servers.dns_server import DnsServer

SIGNED_ELSEWHERE = Signing(("s1",), by_us=False, own_return_path=True)
NOW = datetime(2026, 3, 2, tzinfo=UTC)


@pytest.fixture
def names() -> Iterator[DnsServer]:
    with DnsServer() as server:
        yield server


def resolver(names: DnsServer, patience: float = 2.0) -> dns.resolver.Resolver:
    made = dns.resolver.Resolver(configure=False)
    made.nameservers, made.port = ["127.0.0.1"], int(names.place.rpartition(":")[2])
    made.lifetime = patience
    return made


def walk(names: DnsServer, start: str, records: Mapping[str, str]) -> dmarc.Walk:
    names.records = {f"_dmarc.{domain}": [f"v=DMARC1; {rest}"] for domain, rest in records.items()}
    return dmarc.walk(start, dns_texts.asker(resolver(names)))


def found(names: DnsServer, domain: str, how: Signing = SIGNED_ELSEWHERE) -> dict[str, sender_domain.Record]:
    return {each.name: each for each in sender_domain.records(domain, how, dns_texts.asker(resolver(names)))}


def test_a_long_name_is_asked_for_eight_times_at_most_and_in_the_standards_order(names: DnsServer) -> None:
    walk(names, "a.b.c.d.e.f.g.h.i.j.mail.example.com", {})
    assert names.asked == [
        f"_dmarc.{each}"
        for each in (
            *("a.b.c.d.e.f.g.h.i.j.mail.example.com", "g.h.i.j.mail.example.com", "h.i.j.mail.example.com"),
            *("i.j.mail.example.com", "j.mail.example.com", "mail.example.com", "example.com", "com"),
        )
    ]


@pytest.mark.parametrize("labels", range(1, 12))
def test_no_walk_asks_twice_or_more_than_eight_times(names: DnsServer, labels: int) -> None:
    walk(names, ".".join("abcdefghijk"[:labels]), {})
    assert len(names.asked) == len(set(names.asked)) == min(labels, 8)


@pytest.mark.parametrize(
    ("start", "records", "organisation", "holding"),
    [
        ("a.mail.example.com", {"mail.example.com": "p=none", "example.com": "p=reject"}, "example.com", "example.com"),
        ("a.mail.example.com", {"mail.example.com": "p=none; psd=n", "example.com": "p=reject"}, "mail.example.com", "mail.example.com"),
        ("a.mail.example.com", {"com": "p=reject; psd=y"}, "example.com", "com"),
        ("a.mail.example.com", {"example.com": "p=none", "com": "p=reject; psd=y"}, "example.com", "example.com"),
        ("mail.example.com", {"mail.example.com": "p=none", "example.com": "p=reject"}, "example.com", "mail.example.com"),
        ("example.com", {"example.com": "p=none; psd=y", "com": "p=reject"}, "example.com", "example.com"),
        ("Mail.Example.COM.", {"example.com": "P=None"}, "example.com", "example.com"),
        ("a.example.com", {}, "a.example.com", None),
        ("a.example.com", {"com": "p=none; psd=u"}, "com", "com"),
    ],
)  # fmt: skip
def test_the_record_that_holds_and_the_organisation_are_the_standards(
    names: DnsServer, start: str, records: dict[str, str], organisation: str, holding: str | None
) -> None:
    walked = walk(names, start, records)
    record = walked.record()
    assert (walked.organisation(), record.domain if record else None) == (organisation, holding)


@pytest.mark.parametrize(
    ("rest", "own", "subdomain"),
    [
        ("p=reject", "reject", "reject"),
        ("p=reject; sp=none", "reject", "none"),
        ("p=None ;sp = Quarantine", "none", "quarantine"),
        ("rua=mailto:d@example.com", "none", "none"),
        ("p=nonsense; rua=mailto:d@example.com", "none", "none"),
        ("p=reject; sp=nonsense; rua=mailto:d@example.com", "none", "none"),
        ("p=nonsense", None, None),
        ("sp=reject", None, None),
        ("p=reject; rua=nobody", "reject", "reject"),
    ],
)
def test_what_a_record_asks_for(names: DnsServer, rest: str, own: str | None, subdomain: str | None) -> None:
    record = walk(names, "example.com", {"example.com": rest}).record()
    assert record is not None
    assert (dmarc.policy(record, "example.com"), dmarc.policy(record, "news.example.com")) == (own, subdomain)


def test_several_records_are_as_none_and_the_walk_goes_on(names: DnsServer) -> None:
    names.records = {
        "_dmarc.news.example.com": ["v=DMARC1; p=none", "v=DMARC1; p=reject"],
        "_dmarc.example.com": ["v=spf1 -all", "v=DMARC10; p=none", "v=DMARC1;p=quarantine"],
    }
    said = found(names, "news.example.com")["DMARC"]
    assert not said.is_well
    assert "_dmarc.news.example.com has several" in said.said
    assert "_dmarc.example.com (quarantine)" in said.said
    del names.records["_dmarc.example.com"]
    assert "several records" in found(names, "news.example.com")["DMARC"].said


def test_a_record_of_the_organisation_counts_for_its_subdomain(names: DnsServer) -> None:
    names.records = {"_dmarc.example.com": ["v=DMARC1; p=reject; sp=quarantine"]}
    said = found(names, "mail.example.com")["DMARC"]
    assert (said.is_well, said.said) == (
        True,
        "_dmarc.example.com holds for mail.example.com and asks for quarantine.",
    )


@pytest.mark.parametrize(
    ("key_at", "rest", "by_us", "well"),
    [
        ("mail.example.com", "p=none", False, True),
        ("example.com", "p=none", False, True),  # relaxed: the same organisation
        ("example.com", "p=none; adkim=s", False, False),
        ("mail.example.com", "p=none; adkim=s", False, True),
        ("example.com", "p=none", True, False),  # we sign as the domain in From
        ("com", "p=none", False, False),  # above the organisation
    ],
)
def test_a_signature_is_aligned_within_the_organisation(
    names: DnsServer, key_at: str, rest: str, by_us: bool, well: bool
) -> None:
    names.records = {"_dmarc.example.com": [f"v=DMARC1; {rest}"], f"s1._domainkey.{key_at}": ["p=MIGf"]}
    how = Signing(("s1",), by_us=by_us, own_return_path=True)
    assert found(names, "mail.example.com", how)["DKIM"].is_well is well


def test_spf_counts_at_the_return_path(names: DnsServer) -> None:
    """A provider with a return path of its own needs no record of ours; a broken one is told all the same."""
    theirs = Signing(("s1",), by_us=False, own_return_path=False)
    assert found(names, "news.example.com", theirs)["SPF"].is_well
    assert not found(names, "news.example.com")["SPF"].is_well
    names.records = {"news.example.com": ["v=spf1 +all"]}
    assert not found(names, "news.example.com", theirs)["SPF"].is_well


@pytest.mark.parametrize(
    ("records", "part"),
    [
        ({"example.com": ["v=spf1 ip4:192.0.2.1 include:a.example -all"], "a.example": ["v=spf1 a mx -all"]}, None),
        ({"example.com": ["V=SPF1 ip4:192.0.2.1 ~all"]}, None),
        ({"example.com": ["v=spf1 include:%{d}.spf.example -all"]}, None),
        ({"example.com": ["v=spf1 " + "a mx " * 5 + "-all"]}, None),
        ({"example.com": ["v=spf1 " + "a mx " * 5 + "exists:x.example -all"]}, "more than 10"),
        ({"example.com": ["v=spf1 include:a.example -all"], "a.example": ["v=spf1 include:example.com -all"]}, "more than 10"),
        ({"example.com": ["v=spf1 redirect=example.com"]}, "more than 10"),
        ({"example.com": ["v=spf1 include:a.example -all"]}, "a.example, which has no SPF record"),
        ({"example.com": ["v=spf1 include:a.example -all"], "a.example": ["v=spf1 -all", "v=spf1 ~all"]}, "which has 2 SPF records"),
        ({"example.com": ["v=spf1 -all"]}, "nobody may send"),
    ],
)  # fmt: skip
def test_spf_is_counted_as_receivers_count(
    names: DnsServer, records: dict[str, list[str]], part: str | None
) -> None:
    names.records = records
    said = found(names, "example.com")["SPF"]
    assert said.is_well is (part is None)
    assert part is None or part in said.said
    assert len(names.asked) < 30, "a loop ends"


@pytest.mark.parametrize("fault", ["servfail", "silent", "loop"])
@pytest.mark.parametrize(
    ("name", "place"),
    [("SPF", "news.example.com"), ("DKIM", "s1._domainkey.news.example.com"), ("DMARC", "_dmarc.com")],
)
def test_a_dns_that_fails_is_no_missing_record(names: DnsServer, name: str, place: str, fault: str) -> None:
    names.records = {
        "news.example.com": ["v=spf1 a -all"],
        "s1._domainkey.news.example.com": ["p=MIGf"],
        "_dmarc.news.example.com": ["v=DMARC1; p=none"],
    }
    names.faults[place] = fault
    ask = dns_texts.asker(resolver(names, patience=0.5))
    told = {each.name: each for each in sender_domain.records("news.example.com", SIGNED_ELSEWHERE, ask)}
    assert (told[name].is_well, told[name].unheard) == (False, True)
    assert place in told[name].said


def test_the_check_looks_at_both_senders(names: DnsServer, make_settings: Callable[..., Settings]) -> None:
    names.records = {
        "example.com": ["v=spf1 a -all"],
        "s1._domainkey.example.com": ["p=MIGf"],
        "_dmarc.example.com": ["v=DMARC1; p=none"],
    }
    one = make_settings(MAIL_FROM="News <morning@example.com>")
    assert sender_domain.look(one, resolver(names))[0] == "pass"
    both = make_settings(MAIL_FROM="News <morning@example.com>", NOTICE_FROM="News <hello@note.example.com>")
    level, said = sender_domain.look(both, resolver(names))
    assert (level, "note.example.com. SPF:" in said) == ("warn", True)
    names.records["note.example.com"] = ["v=spf1 a -all"]
    level, said = sender_domain.look(both, resolver(names))
    assert (level, said) == ("pass", "SPF, DKIM and DMARC of example.com and note.example.com are in place.")


@pytest.mark.parametrize(
    ("dmarc_rest", "bimi", "well", "part"),
    [
        ("p=reject", [], True, "not needed"),
        ("p=reject", ["v=BIMI1; l=https://example.com/l.svg; a="], True, "CMC or a VMC"),
        ("p=reject", ["v=BIMI1; l=https://example.com/l.svg; a=https://example.com/m.pem"], True, "certificate"),
        ("p=none", ["v=BIMI1; l=https://example.com/l.svg"], False, "quarantine or reject"),
        ("p=reject; sp=none", ["v=BIMI1; l=https://example.com/l.svg"], False, "quarantine or reject"),
        ("p=reject; t=y", ["v=BIMI1; l=https://example.com/l.svg"], False, "for all mail"),
        ("p=reject; pct=50", ["v=BIMI1; l=https://example.com/l.svg"], False, "for all mail"),
        ("p=reject", ["v=BIMI1; l=http://example.com/l.svg"], False, "https"),
        ("p=reject", ["v=BIMI1; l=; a=;"], False, "no logo is wanted"),
        ("p=reject", ["v=BIMI1; l=https://a.example/l.svg", "v=BIMI1; l=https://b.example/l.svg"], False, "2 records"),
    ],
)  # fmt: skip
def test_what_a_bimi_record_is_worth(
    names: DnsServer, dmarc_rest: str, bimi: list[str], well: bool, part: str
) -> None:
    names.records = {"_dmarc.example.com": [f"v=DMARC1; {dmarc_rest}"], "default._bimi.example.com": bimi}
    told, certificate = sender_domain.bimi.record("news.example.com", dns_texts.asker(resolver(names)))
    assert (told.is_well, part in told.said) == (well, True)
    assert certificate == ("https://example.com/m.pem" if "m.pem" in str(bimi) else "")


def _certificate(mark: str | None, days: int = 300) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    attributes = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, "The Port Linden Courier")]
    if mark is not None:
        attributes.append(x509.NameAttribute(ObjectIdentifier("1.3.6.1.4.1.53087.1.13"), mark))
    name = x509.Name(attributes)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(NOW - timedelta(days=30))
        .not_valid_after(NOW + timedelta(days=days))
        .sign(key, hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM)


@pytest.mark.parametrize(
    ("pem", "well", "part"),
    [
        (_certificate("Registered Mark"), True, "VMC until 2026-12-27"),
        (_certificate("Government Mark"), True, "VMC"),
        (_certificate("Prior Use Mark"), True, "CMC"),
        (_certificate("Modified Registered Mark"), True, "Apple Mail asks for a VMC"),
        (_certificate("Prior Use Mark", days=-1), False, "holds until 2026-03-01"),
        (_certificate(None), False, "no mark certificate"),
        (b"<html>", False, "no certificate in PEM"),
        (b"", False, "no certificate in PEM"),
    ],
)
def test_a_mark_certificate_is_a_vmc_or_a_cmc(pem: bytes, well: bool, part: str) -> None:
    told = sender_domain.bimi.mark(pem, now=NOW)
    assert (told.is_well, part in told.said) == (well, True)
