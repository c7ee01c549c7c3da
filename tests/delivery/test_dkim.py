"""DKIM: what a relay took from us verifies against the DNS as a mailbox provider would ask it, list header lines included."""

from __future__ import annotations

import base64
import re
from dataclasses import replace

import dkim
import dns.resolver
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from test_provider_contract import message

from newsletter import clock
from newsletter.cli import doctor
from newsletter.delivery import providers
from newsletter.delivery.providers.protocol import Outcome
from newsletter.errors import SettingsError
from tests.delivery.harnesses import SmtpServer
from tests.servers.dns_server import DnsServer

PLACE = "k1._domainkey.news.example.com"
SENDER = "Evenhand <morning@news.example.com>"


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
def key_file(key, tmp_path):
    file = tmp_path / "dkim.pem"
    file.write_bytes(_pem(key))
    return file


def _pem(key) -> bytes:
    how = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, how, serialization.NoEncryption())


def _record(key) -> str:
    how = serialization.PublicFormat.SubjectPublicKeyInfo
    return (
        "v=DKIM1; k=rsa; p="
        + base64.b64encode(key.public_key().public_bytes(serialization.Encoding.DER, how)).decode()
    )


def _asks(server: DnsServer) -> dns.resolver.Resolver:
    resolver = dns.resolver.Resolver(configure=False)
    host, _, port = server.place.rpartition(":")
    resolver.nameservers, resolver.port = [host], int(port)
    return resolver


def _verifies(raw: bytes, server: DnsServer) -> bool:
    def text(name: bytes, timeout: int = 5) -> bytes:
        answer = _asks(server).resolve(name.decode().rstrip("."), "TXT")
        return b"".join(part for each in answer for part in each.strings)

    return bool(dkim.verify(raw, dnsfunc=text))


@pytest.fixture
def taken(make_settings, key_file) -> bytes:
    """One mail as the relay has it."""
    with SmtpServer() as server:
        wanted = {"MAIL_PROVIDER": "smtp", "SMTP_URL": server.url, "MAIL_FROM": SENDER}
        settings = make_settings(**wanted, DKIM_SELECTOR="k1", DKIM_KEY_FILE=key_file)
        one = providers.make(settings, now=clock.system)
        assert one.submit([message(1)])[0].outcome is Outcome.ACCEPTED
        one.close()
    return server.mails[0][1]


@pytest.fixture
def names(key):
    with DnsServer() as server:
        record = _record(key)  # longer than the 255 bytes of one string, as every 2048 bit key is
        server.records = {PLACE: [record[:200] + '" "' + record[200:]]}
        yield server


def test_what_arrives_verifies_and_no_change_goes_unnoticed(taken, names) -> None:
    assert _verifies(taken, names)
    for spoilt in (
        taken.replace(b"%%%%", b"%%%", 1),
        re.sub(rb"(List-Unsubscribe: <https://)", rb"\1evil.", taken),
        taken.replace(b"List-Unsubscribe-Post: List", b"List-Unsubscribe-Post: list"),
        re.sub(rb"\r\nList-Id: [^\r]*", b"", taken),
        re.sub(rb"\r\nFeedback-ID: ", b"\r\nFeedback-ID: x", taken),
        re.sub(rb"\r\nSubject: ", b"\r\nSubject: Win!\r\nSubject: ", taken),
        b"List-Unsubscribe: <https://evil.example>\r\n" + taken,
    ):
        assert spoilt != taken
        assert not _verifies(spoilt, names)


def test_each_sender_is_signed_for_by_its_own_domain(make_settings, key_file, key) -> None:
    with SmtpServer() as server, DnsServer() as names:
        names.records = {
            f"k1._domainkey.{each}": [_record(key)[:200] + '" "' + _record(key)[200:]]
            for each in ("news.example.com", "note.example.com")
        }
        wanted = {"MAIL_PROVIDER": "smtp", "SMTP_URL": server.url, "MAIL_FROM": SENDER}
        one = providers.make(
            make_settings(**wanted, DKIM_SELECTOR="k1", DKIM_KEY_FILE=key_file), now=clock.system
        )
        one.submit([message(1)])
        one.submit([replace(message(2), sender="Evenhand <hello@note.example.com>")])
        one.close()
        assert server.senders == ["morning@news.example.com", "hello@note.example.com"]
        for (_, raw), domain in zip(server.mails, (b"news", b"note"), strict=True):
            assert b"d=" + domain + b".example.com" in raw
            assert _verifies(raw, names)


def test_the_signature_names_our_domain_and_covers_the_list(taken) -> None:
    head = re.sub(rb"\r\n[ \t]+", b" ", taken.partition(b"\r\n\r\n")[0])
    tags = dict(t.strip().split("=", 1) for t in head.split(b"\r\n")[0].decode()[16:].split(";"))
    assert (tags["d"], tags["s"], tags["c"], tags["a"]) == (
        "news.example.com",
        "k1",
        "relaxed/relaxed",
        "rsa-sha256",
    )
    covered = [name.strip().lower() for name in tags["h"].split(":")]
    assert {"list-unsubscribe", "list-unsubscribe-post", "list-id", "feedback-id", "message-id"} <= set(
        covered
    )
    assert covered.count("from") == 2


def test_a_key_that_cannot_sign_is_refused_before_any_mail(make_settings, key_file, tmp_path) -> None:
    wanted = {"MAIL_PROVIDER": "smtp", "SMTP_URL": "smtp://127.0.0.1:9", "MAIL_FROM": SENDER}
    other = tmp_path / "ed.pem"
    other.write_bytes(_pem(ed25519.Ed25519PrivateKey.generate()))
    for broken, said in (
        ({"DKIM_SELECTOR": "k1"}, "go together"),
        ({"DKIM_KEY_FILE": key_file}, "go together"),
        ({"DKIM_SELECTOR": "k1", "DKIM_KEY_FILE": tmp_path / "none"}, "cannot be read"),
        ({"DKIM_SELECTOR": "k1", "DKIM_KEY_FILE": other}, "no private RSA key"),
    ):
        with pytest.raises(SettingsError, match=said):
            providers.make(make_settings(**wanted, **broken), now=clock.system)


def test_the_doctor_compares_our_key_with_the_dns(key_file, names) -> None:
    assert doctor._dkim_key(_asks(names), key_file, PLACE).is_well
    names.records[PLACE] = ["v=DKIM1; p=MIIBother"]
    assert not doctor._dkim_key(_asks(names), key_file, PLACE).is_well
    names.records.clear()
    assert not doctor._dkim_key(_asks(names), key_file, PLACE).is_well
