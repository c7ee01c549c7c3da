"""SendGrid: what each answer and each broken call means, tried on a real HTTP server that misbehaves on demand."""

from __future__ import annotations

import logging
import socket

import pytest
from test_provider_contract import message

from newsletter import clock
from newsletter.delivery import providers
from newsletter.delivery.providers.protocol import Outcome
from newsletter.delivery.providers.sendgrid import send
from newsletter.delivery.providers.sendgrid.send import SendGrid
from newsletter.errors import SettingsError
from tests.delivery.harnesses import KEY, SendGridServer
from tests.delivery.mailing import MORNING

ACCEPTED, FAILED, RETRY, UNCERTAIN = Outcome.ACCEPTED, Outcome.FAILED, Outcome.RETRY, Outcome.UNCERTAIN


def provider(server: SendGridServer, key: str = KEY) -> SendGrid:
    return SendGrid(key, host=server.url, sender="Evenhand <morning@example.com>", now=clock.fixed(MORNING))


def outcomes(receipts) -> set[Outcome]:
    return {r.outcome for r in receipts}


def test_a_thousand_go_in_one_call_and_share_its_name() -> None:
    with SendGridServer() as server:
        receipts = provider(server).submit([message(n) for n in range(1000)])
        assert len(server.bodies) == 1
        assert len(server.mails) == 1000
    assert {(r.outcome, r.provider_id) for r in receipts} == {(ACCEPTED, "id000001")}


def test_nothing_personal_and_nothing_watched() -> None:
    with SendGridServer() as server:
        provider(server).submit([message(7)])
        (body,) = server.bodies
    assert body["personalizations"][0]["custom_args"] == {"reference": "delivery:7"}
    assert all(not setting["enable"] for setting in body["tracking_settings"].values())
    assert set(body["tracking_settings"]) == {
        "click_tracking",
        "open_tracking",
        "subscription_tracking",
        "ganalytics",
    }
    assert body["from"] == {"email": "morning@example.com", "name": "Evenhand"}
    assert "categories" not in body


def test_one_bad_address_among_a_thousand_is_split_out() -> None:
    with SendGridServer() as server:
        receipts = provider(server).submit(
            [message(n, to=f"reader{n}@nowhere.x" if n in (3, 700) else None) for n in range(1000)]
        )
        assert len(server.mails) == 998
        assert len(server.bodies) == 2
    assert [n for n, r in enumerate(receipts) if r.outcome is not ACCEPTED] == [3, 700]
    assert receipts[3].outcome is FAILED
    assert "address was refused" in receipts[3].reason
    assert "nowhere" not in receipts[3].reason


def test_a_reader_refused_without_being_named_is_looked_for() -> None:
    def unnamed(number, body):
        bad = any(p["to"][0]["email"] == "reader13@example.com" for p in body["personalizations"])
        return (400, {}, [{"message": "something is wrong with one of these"}]) if bad else None

    with SendGridServer(unnamed) as server:
        receipts = provider(server).submit([message(n) for n in range(64)])
        assert len(server.mails) == len({m["to"] for m in server.mails}) == 63
    assert [n for n, r in enumerate(receipts) if r.outcome is FAILED] == [13]


def test_looking_for_them_ends() -> None:
    with SendGridServer(lambda number, body: 400) as server:
        receipts = provider(server).submit([message(n) for n in range(300)])
        assert len(server.bodies) == send.MAX_POSTS
    assert outcomes(receipts) <= {FAILED, RETRY}
    assert sum(r.outcome is RETRY for r in receipts) > 200


def test_a_mail_refused_as_a_whole_fails_nobody_for_good() -> None:
    fault = (
        400,
        {},
        [{"field": "from.email", "message": "The from address does not match a verified Sender"}],
    )
    with SendGridServer(lambda number, body: fault) as server:
        receipts = provider(server).submit([message(n) for n in range(20)])
        assert len(server.bodies) == 1
    assert outcomes(receipts) == {RETRY}
    assert "verified Sender" in receipts[0].reason


def test_the_same_address_twice_goes_in_two_calls() -> None:
    with SendGridServer() as server:
        receipts = provider(server).submit([message(1), message(2, to="reader1@example.com")])
        assert [len(b["personalizations"]) for b in server.bodies] == [1, 1]
    assert outcomes(receipts) == {ACCEPTED}


@pytest.mark.parametrize(
    ("fault", "taken"),
    [
        ("accept-then-hang", True),
        ("accept-then-reset", True),
        ("accept-then-close", True),
        ("accept-then-half", True),
        ("accept-then-half-body", True),
        ("accept-then-garbage", True),
        ("accept-then-500", True),
        ("accept-then-502", True),
        ("accept-then-503", True),
        ("accept-then-200", True),
        ("hang", False),
        ("reset", False),
        ("close", False),
        (500, False),
        (502, False),
        (503, False),
        (504, False),
        (408, False),
    ],
)
def test_not_having_heard_is_doubt_whether_it_was_taken_or_not(fault, taken, monkeypatch) -> None:
    monkeypatch.setattr(send, "ANSWER_TIMEOUT", 0.3)
    with SendGridServer(lambda number, body: fault, hang=0.6) as server:
        receipts = provider(server).submit([message(n) for n in range(5)])
        assert len(server.bodies) == 1  # never asked again by itself
        assert len(server.mails) == (5 if taken else 0)
    assert outcomes(receipts) == {UNCERTAIN}
    assert all(r.reason and "@" not in r.reason for r in receipts)


@pytest.mark.parametrize("fault", ["accept-then-no-id", "accept-then-202-and-half"])
def test_an_answer_without_a_name_is_an_answer(fault) -> None:
    with SendGridServer(lambda number, body: fault) as server:
        receipt = provider(server).submit([message(1)])[0]
    assert (receipt.outcome, receipt.provider_id) == (ACCEPTED, None)


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"Retry-After": "17"}, 17.0),
        ({"X-RateLimit-Reset": str(int(MORNING.timestamp()) + 42)}, 42.0),
        ({"X-RateLimit-Reset": "12"}, 1.0),
        ({"Retry-After": "99999999"}, 900.0),
        ({"Retry-After": "soon"}, 60.0),
        ({}, 60.0),
    ],
)
def test_too_many_requests_are_asked_again_when_it_says(headers, wait) -> None:
    with SendGridServer(lambda number, body: (429, headers, [{"message": "too many"}])) as server:
        one = provider(server)
        first = one.submit([message(1), message(2)])
        assert {(r.outcome, r.retry_after) for r in first} == {(RETRY, wait)}
        second = one.submit([message(3)])  # at once: it is not asked
        assert len(server.bodies) == 1
    assert second[0].outcome is RETRY
    assert second[0].retry_after is not None
    assert 0 < second[0].retry_after <= wait


def test_an_allowance_used_up_is_waited_for() -> None:
    with SendGridServer(lambda number, body: "accept-then-no-requests-left") as server:
        one = provider(server)
        assert one.submit([message(1)])[0].outcome is ACCEPTED
        again = one.submit([message(2)])[0]
        assert len(server.bodies) == 1
    assert again.outcome is RETRY
    assert again.retry_after == pytest.approx(7.0, abs=2.0)


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key_is_said_plainly_and_pauses(status) -> None:
    with SendGridServer(lambda number, body: status) as server:
        receipts = provider(server).submit([message(n) for n in range(10)])
        assert len(server.bodies) == 1
    assert {(r.outcome, r.retry_after) for r in receipts} == {(RETRY, send.REFUSED_PAUSE)}
    assert receipts[0].reason.startswith(f"SendGrid refused our key ({status}")


def test_a_connection_is_kept_open_and_one_that_was_closed_meanwhile_is_not_used() -> None:
    with SendGridServer(keeps_open=True) as server:
        one = provider(server)
        for n in range(3):
            assert one.submit([message(n)])[0].outcome is ACCEPTED
        assert server.connections == 1
        server.hang_up()
        # Nothing was written to the dead connection: a fresh one takes the call, and there is no doubt.
        assert one.submit([message(9)])[0].outcome is ACCEPTED
        assert (server.connections, len(server.mails)) == (2, 4)
        one.close()


def test_a_connection_closed_in_the_very_moment_we_write_is_doubt(monkeypatch) -> None:
    # It closes just after we looked.
    monkeypatch.setattr("urllib3.connectionpool.is_connection_dropped", lambda connection: False)
    with SendGridServer(keeps_open=True) as server:
        one = provider(server)
        assert one.submit([message(1)])[0].outcome is ACCEPTED
        server.hang_up()
        assert one.submit([message(2)])[0].outcome is UNCERTAIN
        assert one.submit([message(3)])[0].outcome is ACCEPTED
        assert [m["reference"] for m in server.mails] == ["delivery:1", "delivery:3"]
        one.close()


def test_an_encryption_that_fails_is_a_definite_no() -> None:
    with SendGridServer() as server:
        url = server.url.replace("http:", "https:")
        lost = SendGrid(KEY, host=url, sender="a@example.com", now=clock.fixed(MORNING))
        assert lost.submit([message(1)])[0].outcome is RETRY
        assert server.bodies == []


def test_no_address_reaches_the_debug_log(caplog) -> None:
    with SendGridServer() as server, caplog.at_level(logging.DEBUG, logger="urllib3"):
        assert provider(server).submit([message(1)])[0].outcome is ACCEPTED
    assert "/v3/mail/send" in caplog.text
    assert "reader1" not in caplog.text


def test_a_wrong_key_really_is_refused() -> None:
    with SendGridServer() as server:
        assert provider(server, "SG.wrong").submit([message(1)])[0].outcome is RETRY
        assert server.mails == []


def test_a_wrong_host_takes_nothing() -> None:
    with SendGridServer() as server:
        lost = SendGrid(KEY, host=f"{server.url}/elsewhere", sender="a@example.com", now=clock.fixed(MORNING))
        assert lost.submit([message(1)])[0].outcome is RETRY


def test_a_host_that_does_not_resolve_is_a_definite_no(monkeypatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr("socket.getaddrinfo", unknown)
    lost = SendGrid(KEY, host="http://api.example.com", sender="a@example.com", now=clock.fixed(MORNING))
    receipt = lost.submit([message(1)])[0]
    assert (receipt.outcome, receipt.reason) == (
        RETRY,
        "SendGrid cannot be reached (name or service not known)",
    )


def test_without_a_key_it_is_not_made(make_settings) -> None:
    with pytest.raises(SettingsError, match="SENDGRID_API_KEY"):
        providers.make(make_settings(MAIL_PROVIDER="sendgrid"))
