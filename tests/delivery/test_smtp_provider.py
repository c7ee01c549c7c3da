"""SMTP: what each reply and each broken connection means, tried on a real server that misbehaves on demand."""

from __future__ import annotations

import datetime as dt
import socket
import ssl
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from test_provider_contract import message

from newsletter import clock
from newsletter.delivery.providers.protocol import Outcome
from newsletter.delivery.providers.smtp import conversation
from newsletter.delivery.providers.smtp.send import Smtp, parse_url
from newsletter.errors import SettingsError
from tests.delivery.harnesses import SmtpServer, closed_port

SENDER = "Evenhand <morning@example.com>"
ACCEPTED, FAILED, RETRY, UNCERTAIN = Outcome.ACCEPTED, Outcome.FAILED, Outcome.RETRY, Outcome.UNCERTAIN


def provider(url: str, **more) -> Smtp:
    relay, connections = parse_url(url)
    return Smtp(relay, sender=SENDER, now=clock.system, **{"connections": connections, **more})


def send(server: SmtpServer, *numbers: int, **more):
    one = provider(server.url, **{"connections": 1, **more})
    try:
        return one.submit([message(n) for n in numbers])
    finally:
        one.close()


def only(point: str, reader: int, said: str):
    """Misbehave at ``point`` for one reader, every time."""
    return lambda at, address: said if at == point and address.startswith(f"reader{reader}@") else None


@pytest.mark.parametrize("pipelining", [False, True])
@pytest.mark.parametrize(
    ("point", "said", "outcome", "words"),
    [
        ("rcpt", "550 5.1.1 <reader2@example.com> no such mailbox", FAILED, "the address was refused: 550"),
        ("rcpt", "450 4.2.1 reader2@example.com greylisted", RETRY, "the address was refused: 450"),
        ("dot", "452 4.3.1 no room", RETRY, "the mail was put off: 452"),
        ("dot", "421 4.3.2 going down", RETRY, "the mail was put off: 421"),
        ("dot", "554 5.7.1 not wanted", FAILED, "the mail was refused: 554"),
        ("dot", "999 what", UNCERTAIN, "the final dot was answered with 999"),
        ("dot", "take-and-drop", UNCERTAIN, "no answer after the final dot"),
        ("dot", "drop", UNCERTAIN, "no answer after the final dot"),
        ("rcpt", "drop", RETRY, "the connection ended before the mail was sent"),
    ],
)
def test_what_the_relay_says_of_one_costs_only_that_one(point, said, outcome, words, pipelining) -> None:
    with SmtpServer(only(point, 2, said), pipelining=pipelining) as server:
        receipts = send(server, 1, 2, 3)
        taken = [to for to, _ in server.mails]
    assert [r.outcome for r in receipts] == [ACCEPTED, outcome, ACCEPTED]
    assert receipts[1].reason.startswith(words)
    assert "example.com" not in receipts[1].reason
    assert taken.count("reader2@example.com") == (1 if said == "take-and-drop" else 0)
    assert taken.count("reader1@example.com") == taken.count("reader3@example.com") == 1


@pytest.mark.parametrize("pipelining", [False, True])
def test_a_refused_sender_is_our_fault_and_fails_nobody_for_good(pipelining) -> None:
    with SmtpServer(
        lambda at, _: "550 5.7.1 who are you" if at == "mail" else None, pipelining=pipelining
    ) as server:
        receipts = send(server, 1, 2)
    assert [r.outcome for r in receipts] == [RETRY, RETRY]
    assert "the Sender was refused: 550" in receipts[0].reason


@pytest.mark.parametrize("said", ["421 4.3.2 too busy", "554 5.7.1 go away", "drop"])
def test_who_is_turned_away_at_the_door_asks_again_later(said) -> None:
    with SmtpServer(lambda at, _: said if at == "greeting" else None) as server:
        receipts = send(server, 1, 2, 3)
        assert server.connections == 1  # once for all three: it does not keep knocking
    assert {r.outcome for r in receipts} == {RETRY}


def test_a_name_that_does_not_resolve_is_a_definite_no(monkeypatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "create_connection", unknown)
    receipts = provider("smtp://relay.example.com").submit([message(1)])
    assert (receipts[0].outcome, receipts[0].reason) == (
        RETRY,
        "the relay cannot be reached (name or service not known)",
    )


@pytest.mark.slow
def test_connections_are_kept_open_and_shared() -> None:
    with SmtpServer() as server:
        one = provider(server.url, connections=3)
        for start in (0, 100, 200):
            assert {r.outcome for r in one.submit([message(start + n) for n in range(30)])} == {ACCEPTED}
        assert 1 <= server.connections <= 3
        one.close()
    assert len(server.mails) == 90


def test_a_connection_that_went_stale_is_replaced() -> None:
    calls = iter([None, "drop"])
    with SmtpServer(lambda at, _: next(calls, None) if at == "mail" else None) as server:
        one = provider(server.url, connections=1)
        assert one.submit([message(1)])[0].outcome is ACCEPTED
        assert one.submit([message(2)])[0].outcome is ACCEPTED
        assert server.connections == 2
        one.close()
    assert [to for to, _ in server.mails] == ["reader1@example.com", "reader2@example.com"]


def test_a_relay_that_hangs_after_the_dot_leaves_doubt_for_few(monkeypatch) -> None:
    monkeypatch.setattr(conversation, "DOT_TIMEOUT", 0.2)
    with SmtpServer(lambda at, _: "take-and-hang" if at == "dot" else None) as server:
        receipts = send(server, *range(1, 21))
        taken = {to for to, _ in server.mails}
    outcomes = [r.outcome for r in receipts]
    assert outcomes == [UNCERTAIN] * 2 + [RETRY] * 18  # it stopped asking
    assert receipts[0].reason == "no answer after the final dot (it took too long)"
    assert taken == {"reader1@example.com", "reader2@example.com"}


def test_a_relay_that_hangs_before_the_mail_is_a_definite_no(monkeypatch) -> None:
    monkeypatch.setattr(conversation, "REPLY_TIMEOUT", 0.2)
    with SmtpServer(lambda at, _: "hang" if at == "rcpt" else None) as server:
        receipts = send(server, 1, 2, 3)
    assert {r.outcome for r in receipts} == {RETRY}
    assert server.mails == []


@pytest.mark.filterwarnings("ignore:Requiring AUTH")  # the server of the test says so, on loopback
def test_a_wrong_password_is_said_plainly() -> None:
    with SmtpServer(password="right") as server:
        url = server.url.replace("//", "//ann:wrong@")
        outcomes = []
        for address in (url, url.replace("wrong", "right")):
            one = provider(address)
            outcomes += one.submit([message(1)])
            one.close()
    refused, taken = outcomes
    assert (refused.outcome, refused.reason) == (RETRY, "the relay refused our name and password (535)")
    assert (refused.refused_us, refused.retry_after) == (True, 300.0)
    assert taken.outcome is ACCEPTED


@pytest.fixture(scope="module")
def certificate(tmp_path_factory) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """The server's side and ours, for 127.0.0.1."""
    import ipaddress

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "relay")])
    today = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(today - dt.timedelta(days=1))
        .not_valid_after(today + dt.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    folder: Path = tmp_path_factory.mktemp("certificate")
    (folder / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    theirs.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return theirs, ssl.create_default_context(cafile=str(folder / "cert.pem"))


@pytest.mark.parametrize("from_the_start", [True, False])
def test_the_conversation_is_encrypted(certificate, from_the_start) -> None:
    theirs, ours = certificate
    with SmtpServer(certificate=theirs, from_the_start=from_the_start) as server:
        assert send(server, 1, context=ours)[0].outcome is ACCEPTED
        assert server.encrypted >= 1


@pytest.mark.parametrize("from_the_start", [True, False])
def test_a_certificate_nobody_vouches_for_is_refused(certificate, from_the_start) -> None:
    theirs, _ = certificate
    with SmtpServer(certificate=theirs, from_the_start=from_the_start) as server:
        receipt = send(server, 1)[0]
        assert server.mails == []
    assert (receipt.outcome, receipt.reason) == (
        RETRY,
        "the relay cannot be reached (its certificate is not valid)",
    )


def test_encryption_can_be_required() -> None:
    with SmtpServer() as server:
        receipt = provider(f"{server.url}?starttls=required").submit([message(1)])[0]
    assert receipt.outcome is RETRY
    assert "no encryption" in receipt.reason


@pytest.mark.parametrize(
    ("url", "host", "port", "tls", "user", "password", "connections"),
    [
        ("smtp://relay.example.com", "relay.example.com", 587, "when-offered", "", "", 4),
        ("smtps://a:p%40ss@relay.example.com", "relay.example.com", 465, "from-the-start", "a", "p@ss", 4),
        ("smtp://localhost:25?starttls=never&connections=9", "localhost", 25, "never", "", "", 9),
    ],
)
def test_the_address_is_read(url, host, port, tls, user, password, connections) -> None:
    relay, kept = parse_url(url)
    assert (relay.host, relay.port, relay.tls, relay.user, relay.password, kept) == (
        host, port, tls, user, password, connections,
    )  # fmt: skip


@pytest.mark.parametrize(
    "url",
    [
        "",
        "relay.example.com",
        "http://relay",
        "smtp://relay:99999",
        "smtp://r?starttls=maybe",
        "smtp://r?connections=0",
        "smtp://r?x=1",
    ],
)
def test_a_wrong_address_is_said_plainly(url) -> None:
    with pytest.raises(SettingsError, match="SMTP_URL"):
        parse_url(url)


def test_an_unreachable_relay_is_tried_once(monkeypatch) -> None:
    tries = []
    real = conversation.SmtpConnection

    class Counting(real):
        def __init__(self, *more) -> None:
            tries.append(1)
            super().__init__(*more)

    monkeypatch.setattr("newsletter.delivery.providers.smtp.send.SmtpConnection", Counting)
    one = provider(f"smtp://127.0.0.1:{closed_port()}", connections=1)
    assert {r.outcome for r in one.submit([message(n) for n in range(10)])} == {RETRY}
    assert len(tries) == 1


def test_told_to_stop_it_finishes_the_message_in_hand_and_begins_no_other() -> None:
    stop = threading.Event()

    def third(point: str, address: str) -> str | None:
        if point == "dot" and address.startswith("reader3@"):
            stop.set()
        return None

    with SmtpServer(third) as server:
        receipts = send(server, *range(1, 9), stop=stop)
        assert len(server.mails) == 3
    assert [r.outcome for r in receipts] == [ACCEPTED] * 3 + [RETRY] * 5
    assert receipts[-1].reason == "we were told to stop"


@pytest.mark.parametrize("length", [60, 300, 850])
def test_header_lines_arrive_on_the_wire_as_one_line_each_and_never_as_encoded_words(length) -> None:
    """As bytes, not as a parser would mend them: mailbox providers do not unfold a List-Unsubscribe."""
    url = "https://news.example.com/unsubscribe/" + "aB3-_." * 200
    head = {
        "Message-ID": "<delivery.17@news.example.com>",
        "List-Unsubscribe": f"<{url[:length]}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        "List-Id": "<daily.news.example.com>",
        "Feedback-ID": "20260302:full:issue:evenhand",
        "Auto-Submitted": "auto-generated",
    }
    with SmtpServer() as server:
        one = provider(server.url)
        assert one.submit([replace(message(1), headers=head)])[0].outcome is ACCEPTED
        one.close()
    lines = server.mails[0][1].partition(b"\r\n\r\n")[0].split(b"\r\n")
    for name, value in head.items():
        assert lines.count(f"{name}: {value}".encode()) == 1, name
    assert not [line for line in lines if b"=?" in line and not line.startswith((b"Subject:", b" "))]


@pytest.mark.parametrize(
    ("said", "missing"),
    [
        ("550 5.1.1 no such user", True),
        ("550 5.1.10 the domain takes no mail", True),
        ("550 5.7.1 5.1.1 is not what this is", False),
        ("550 5.1.1 you are on a block list", False),
        ("550 no such user", False),
        ("552 5.2.2 full", False),
        ("450 4.1.1 perhaps later", False),
    ],
)
@pytest.mark.parametrize("point", ["rcpt", "dot"])
def test_only_a_code_that_says_so_means_that_there_is_no_such_mailbox(
    said: str, missing: bool, point: str
) -> None:
    with SmtpServer(only(point, 2, said)) as server:
        receipts = send(server, 1, 2)
    assert [r.no_such_mailbox for r in receipts] == [False, missing]
