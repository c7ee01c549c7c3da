"""A mail that arrived, judged: signed by us or by others, aligned or not, changed on the way, with one click or without."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from test_dkim import _record, key, key_file  # noqa: F401 - fixtures
from test_provider_contract import message

from newsletter import clock
from newsletter.cli.main import cli
from newsletter.delivery import providers
from newsletter.delivery.mail.sender_domain import arrived, dns_texts
from newsletter.delivery.providers.smtp.dkim import DkimSigner
from newsletter.settings import Settings
from tests.delivery.test_sender_domain import resolver
from tests.servers.dns_server import DnsServer
from tests.servers.smtp_server import SmtpServer

BY_RECEIVER = b"Return-Path: <morning@news.example.com>\r\nAuthentication-Results: mx.mail.example; spf=pass smtp.mailfrom=news.example.com\r\n"


@pytest.fixture
def names(key) -> Iterator[DnsServer]:
    with DnsServer() as server:
        text = _record(key)
        for domain in ("news.example.com", "example.com", "mailer.example.net"):
            server.records[f"k1._domainkey.{domain}"] = [text[:200] + '" "' + text[200:]]
        server.records["_dmarc.example.com"] = ["v=DMARC1; p=reject"]
        yield server


@pytest.fixture
def unsigned(make_settings: Callable[..., Settings]) -> bytes:
    """One mail as a relay has it that signs by itself."""
    with SmtpServer() as server:
        wanted = {
            "MAIL_PROVIDER": "smtp",
            "SMTP_URL": server.url,
            "MAIL_FROM": "News <morning@news.example.com>",
        }
        one = providers.make(make_settings(**wanted), now=clock.system)
        one.submit([message(1)])
        one.close()
    return server.mails[0][1]


def judged(raw: bytes, names: DnsServer) -> dict[str, tuple[bool, str]]:
    ask = dns_texts.asker(resolver(names))
    return {each.name.removeprefix("mail: "): (each.is_well, each.said) for each in arrived.records(raw, ask)}


@pytest.fixture
def sign(key_file) -> Callable[[bytes, str], bytes]:
    signer = DkimSigner(key_file.read_bytes(), selector="k1")
    return lambda raw, domain: signer.signed(raw, f"x@{domain}")


@pytest.mark.parametrize("line_end", [b"\r\n", b"\n"])
@pytest.mark.parametrize("domain", ["news.example.com", "example.com"])
def test_a_mail_as_it_should_be(names, unsigned, sign, domain: str, line_end: bytes) -> None:
    raw = BY_RECEIVER + sign(unsigned, domain)
    found = judged(raw.replace(b"\r\n", line_end), names)
    assert {name: well for name, (well, _) in found.items()} == dict.fromkeys(
        ("DKIM", "SPF", "DMARC", "one-click"), True
    )
    assert domain in found["DKIM"][1]
    assert "DKIM and SPF" in found["DMARC"][1]


def test_a_signature_of_the_parent_does_not_count_where_the_record_asks_for_more(
    names, unsigned, sign
) -> None:
    names.records["_dmarc.example.com"] = ["v=DMARC1; p=reject; adkim=s; aspf=s"]
    found = judged(BY_RECEIVER + sign(unsigned, "example.com"), names)
    assert (found["DKIM"][0], found["SPF"][0], found["DMARC"][0]) == (False, True, True)
    assert found["one-click"][0] is False, "no aligned signature covers it"


def test_a_provider_that_signs_as_itself_alone(names, unsigned, sign) -> None:
    signed = sign(unsigned, "mailer.example.net")
    found = judged(signed, names)
    assert [well for well, _ in found.values()] == [False] * 4
    assert "mailer.example.net verifies, but is not aligned" in found["DKIM"][1]
    both = judged(sign(signed, "news.example.com"), names)
    assert (both["DKIM"][0], both["DMARC"][0], both["SPF"][0]) == (True, True, True)
    assert "DKIM vouches for the mail" in both["SPF"][1]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda raw: re.sub(rb"\r\nSubject: ", b"\r\nSubject: [list] ", raw, count=1),
        lambda raw: raw.replace(b"%%%%", b"%%%", 1),
        lambda raw: raw.replace(b" d=news.example.com", b" d=nowhere.example.com"),
        lambda raw: re.sub(rb" b=[^;]*?\r\nFrom:", b" b=????\r\nFrom:", raw),
        lambda raw: re.sub(rb" h=[^;]*;", b"", raw, flags=re.S),
    ],
)
def test_what_was_changed_on_the_way_does_not_verify(names, unsigned, sign, spoil) -> None:
    signed = sign(unsigned, "news.example.com")
    assert spoil(signed) != signed
    found = judged(spoil(signed), names)
    assert (found["DKIM"][0], "does not verify" in found["DKIM"][1], found["DMARC"][0]) == (
        False,
        True,
        False,
    )


@pytest.mark.parametrize(
    ("take", "put", "said"),
    [
        (rb"List-Unsubscribe: <https:", b"List-Unsubscribe: <http:", "no https address"),
        (rb"List-Unsubscribe-Post: [^\r]*\r\n", b"", "List-Unsubscribe-Post"),
        (rb"List-Unsubscribe: [^\r]*\r\n", b"", "no https address"),
    ],
)
def test_one_click_needs_all_of_it(names, unsigned, sign, take: bytes, put: bytes, said: str) -> None:
    found = judged(sign(re.sub(take, put, unsigned), "news.example.com"), names)
    assert (found["one-click"][0], said in found["one-click"][1]) == (False, True)


@pytest.mark.parametrize(
    "raw", [b"", b"\r\n", b"From: a@example.com, b@example.com\r\n\r\n", b"From: nobody\r\n\r\nx"]
)
def test_what_is_no_mail_of_one_sender_is_said(names, raw: bytes) -> None:
    assert list(judged(raw, names)) == ["mail"]


def test_a_dns_that_fails_is_said(names, unsigned, sign) -> None:
    names.faults["_dmarc.example.com"] = "servfail"
    assert "_dmarc.example.com" in judged(sign(unsigned, "news.example.com"), names)["mail"][1]


def test_doctor_takes_it_as_a_file(
    names, unsigned, sign, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MAIL_FROM", "News <morning@news.example.com>")
    (tmp_path / "proof.eml").write_bytes(BY_RECEIVER + sign(unsigned, "news.example.com"))
    done = CliRunner().invoke(cli, ["doctor", "--json", "--dns", names.place, "--mail", "proof.eml"])
    found = {row["name"]: row["is_well"] for row in json.loads(done.stdout)}
    assert [found[f"mail: {each}"] for each in ("DKIM", "SPF", "DMARC", "one-click")] == [True] * 4
