"""``doctor`` against a real DNS server: each record well, missing, doubled, revoked or too generous."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from newsletter import db
from newsletter.cli.main import cli
from newsletter.db.models import Subscription
from newsletter.errors import Refused
from newsletter.settings import Settings
from tests.servers.dns_server import DnsServer
from tests.servers.sendgrid_server import KEY as SENDGRID_KEY
from tests.servers.sendgrid_server import SendGridServer
from tests.servers.smtp_server import SmtpServer
from tests.servers.stripe_server import KEY as STRIPE_KEY
from tests.servers.stripe_server import PRICE as STRIPE_PRICE
from tests.servers.stripe_server import StripeServer
from tests.subscribers.readers import make_reader

SPF, DKIM, DMARC = "news.example.org", "s1._domainkey.news.example.org", "_dmarc.news.example.org"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[DnsServer]:
    for name in Settings.model_fields:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MAIL_FROM", "News <morning@news.example.org>")
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path}/x.db")
    monkeypatch.chdir(tmp_path)
    with DnsServer() as running:
        running.records = {
            SPF: ["unrelated=1", "v=spf1 ip4:192.0.2.7 -all"],
            DKIM: ["k=rsa; p=MIGf"],
            DMARC: ["v=DMARC1; p=reject"],
        }
        yield running


def examined(server: DnsServer) -> tuple[dict[str, bool], BaseException | None]:
    result = CliRunner().invoke(cli, ["doctor", "--json", "--dns", server.place])
    return {row["name"]: row["is_well"] for row in json.loads(result.stdout)}, result.exception


def test_all_three_records_are_well(server: DnsServer) -> None:
    found, _ = examined(server)
    assert [found[each] for each in ("SPF", "DKIM", "DMARC")] == [True, True, True]


@pytest.mark.parametrize(
    ("name", "place", "texts"),
    [
        ("SPF", SPF, []),
        ("SPF", SPF, ["v=spf1 -all", "v=spf1 ~all"]),
        ("SPF", SPF, ["v=spf1 +all"]),
        ("SPF", SPF, ["v=spf1 ip4:192.0.2.7 all "]),
        ("SPF", SPF, ["v=spf10 -all"]),
        ("DKIM", DKIM, []),
        ("DKIM", DKIM, ["k=rsa; p="]),
        ("DMARC", DMARC, []),
        ("DMARC", DMARC, ["v=DMARC1; p=none", "v=DMARC1; p=reject"]),
    ],
)
def test_a_faulty_record_is_named_alone(server: DnsServer, name: str, place: str, texts: list[str]) -> None:
    server.records[place] = texts
    found, error = examined(server)
    assert [each for each in ("SPF", "DKIM", "DMARC") if not found[each]] == [name]
    assert isinstance(error, Refused)
    assert error.exit_code == 7


def test_a_sender_of_notices_is_examined_beside_it(
    server: DnsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTICE_FROM", "News <hello@note.example.org>")
    found, _ = examined(server)
    named = ["SPF (NOTICE_FROM)", "DKIM (NOTICE_FROM)", "DMARC (NOTICE_FROM)"]
    assert [found[each] for each in named] == [False, False, False]
    server.records |= {
        "note.example.org": ["v=spf1 a -all"],
        "s2._domainkey.note.example.org": ["p=MIGf"],
        "_dmarc.example.org": ["v=DMARC1; p=none"],
    }
    found, _ = examined(server)
    assert [found[each] for each in ("SPF", "DKIM", "DMARC", *named)] == [True] * 6
    monkeypatch.setenv("NOTICE_FROM", "News <hello@news.example.org>")
    assert named[0] not in examined(server)[0], "one domain is asked for once"


def test_a_logo_whose_certificate_cannot_be_read_is_a_fault(server: DnsServer) -> None:
    found, _ = examined(server)
    assert (found["BIMI"], "BIMI certificate" in found) == (True, False)
    server.records["default._bimi.news.example.org"] = [
        "v=BIMI1; l=https://127.0.0.1:9/l.svg; a=https://127.0.0.1:9/mark.pem"
    ]
    found, _ = examined(server)
    assert (found["BIMI"], found["BIMI certificate"]) == (True, False)


def test_the_database_is_well_only_at_head(server: DnsServer, tmp_path: Path) -> None:
    assert examined(server)[0]["database"] is False
    engine = db.make_engine(f"sqlite:///{tmp_path}/x.db")
    db.upgrade(engine)
    engine.dispose()
    assert examined(server)[0]["database"] is True


def test_a_provider_that_does_not_listen_and_a_key_that_is_none_are_faults(
    server: DnsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAIL_PROVIDER", "sendgrid")
    monkeypatch.setenv("SENDGRID_HOST", "http://127.0.0.1:9")
    monkeypatch.setenv("SENDGRID_WEBHOOK_KEY", "not a key")
    found, _ = examined(server)
    assert found["provider"] is False
    assert found["webhook key"] is False


@pytest.mark.filterwarnings("ignore:Requiring AUTH")  # the server of the test says so, on loopback
def test_a_relay_that_refuses_our_password_is_a_fault(
    server: DnsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAIL_PROVIDER", "smtp")
    with SmtpServer(password="right") as relay:
        for password, well in (("right", True), ("wrong", False)):
            monkeypatch.setenv("SMTP_URL", relay.url.replace("//", f"//news:{password}@"))
            found, _ = examined(server)
            assert (found["provider"], found["login"]) == (True, well)
        assert relay.mails == []


def test_a_sendgrid_key_that_is_refused_or_may_not_mail_is_a_fault(
    server: DnsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAIL_PROVIDER", "sendgrid")
    with SendGridServer() as api:
        monkeypatch.setenv("SENDGRID_HOST", api.url)
        for key, scopes, well in (
            (SENDGRID_KEY, ("mail.send",), True),
            (SENDGRID_KEY, ("alerts.read",), False),
            ("SG.wrong", ("mail.send",), False),
        ):
            api.scopes = scopes
            monkeypatch.setenv("SENDGRID_API_KEY", key)
            assert examined(server)[0]["login"] is well
        assert api.bodies == []


def test_a_provider_without_a_login_is_not_said_to_accept_us(
    server: DnsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAIL_PROVIDER", "outbox")
    found, _ = examined(server)
    assert found["provider"] is True
    assert "login" not in found


def test_where_nothing_is_sold_somebody_who_is_still_charged_is_a_fault(
    server: DnsServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    engine = db.make_engine(f"sqlite:///{tmp_path}/x.db")
    db.upgrade(engine)
    assert "payments" not in examined(server)[0]
    monkeypatch.setenv("PRICE", "")
    assert examined(server)[0]["payments"] is True
    sessions, now = db.make_sessions(engine), datetime(2026, 3, 2, tzinfo=UTC)
    reader = make_reader(sessions, now)
    with sessions.begin() as session:
        agreement = Subscription(
            subscriber_id=reader.id,
            processor="stripe",
            processor_id="sub_1",
            status="active",
            started_at=now,
            changed_at=now,
        )
        session.add(agreement)
    assert examined(server)[0]["payments"] is False
    with sessions.begin() as session:
        session.merge(agreement).cancel_at = now
    engine.dispose()
    assert examined(server)[0]["payments"] is True


def test_a_price_that_is_not_the_one_shown_to_readers_is_a_fault(
    server: DnsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    stripe = StripeServer(datetime(2026, 3, 2, tzinfo=UTC))
    try:
        monkeypatch.setenv("STRIPE_API_BASE", stripe.base)
        monkeypatch.setenv("STRIPE_API_KEY", STRIPE_KEY)
        monkeypatch.setenv("STRIPE_PRICE_ID", STRIPE_PRICE)
        assert examined(server)[0]["payments"] is True
        for name, wrong in (
            ("PRICE", "$6"),
            ("STRIPE_PRICE_ID", "price_else"),
            ("STRIPE_API_KEY", "sk_test_x"),
        ):
            with monkeypatch.context() as one:
                one.setenv(name, wrong)
                assert examined(server)[0]["payments"] is False, name
        stripe.price["active"] = False
        assert examined(server)[0]["payments"] is False
    finally:
        stripe.close()
