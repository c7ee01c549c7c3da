"""Whatever bytes come from outside, a parser gives what it promises or its own refusal: hypothesis on those that no other test feeds.

The others have their property tests beside them: feeds and JSON feeds (tests/feeds/test_entries.py), OPML (test_opml.py), outlets.toml
(test_outlets.py), addresses to fetch (test_urls.py, tests/security/test_fetch_private.py), mail addresses (tests/subscribers/test_addresses.py),
tokens (test_tokens.py), Origin and Host (tests/web/test_csrf.py), a model's Draft (tests/summaries/test_published.py), forms and queries
(tests/security/test_openapi.py).
"""

from __future__ import annotations

import contextlib
import gzip
import hmac
import json
import zlib
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given
from hypothesis import settings as settings_of
from hypothesis import strategies as st
from pydantic import ValidationError

from newsletter import clock
from newsletter.billing.processors.protocol import (
    AgreementFact,
    ForgedWebhook,
    ProcessorUnreachable,
    UnreadableWebhook,
    WebhookEvent,
)
from newsletter.billing.processors.stripe import StripeProcessor
from newsletter.billing.processors.stripe_answers import event_in, fact_in
from newsletter.billing.revenue import cents_in
from newsletter.delivery.providers.sendgrid import events as sendgrid_events
from newsletter.delivery.providers.smtp import bounce_mail
from newsletter.delivery.providers.smtp.dkim import DkimSigner
from newsletter.errors import NewsletterError, SettingsError
from newsletter.feeds import fetcher
from newsletter.feeds.encoding import Damaged, Inflater, TooLarge, gunzip, to_text
from newsletter.lab.evaluate import jsonlines
from newsletter.subscribers.rate_limits import network_of
from newsletter.subscribers.subscriber_csv import (
    BadRow,
    FileError,
    Reading,
    Row,
    decode,
    ignored_columns,
    read_rows,
)
from newsletter.summaries.model.budget import Budget, KeptAnswers
from newsletter.summaries.model.schema import Draft
from tests.conftest import MORNING
from tests.servers.event_signing import Signer

pytestmark = pytest.mark.slow  # a small portion of what EXPLORE=1 does

patient = settings_of(
    deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)


def among(names: list[str], *values: Any) -> st.SearchStrategy[dict[str, Any]]:
    """Objects with some of these keys, and anything or something likely in them."""
    likely = st.sampled_from(values) if values else st.nothing()
    return st.dictionaries(st.sampled_from(names), JSON | likely, max_size=len(names))


# --- files of subscribers

CELLS = st.sampled_from(
    [
        "address", "consent_at", "consent_from", "consent_words", "hour", "zone", "cadence", "topics", "unsubscribed_at",
        "ann@example.com", "=cmd|'/c calc'!A1", "2025-06-01T08:00:00+00:00", "9999-12-31T23:59:59-23:59", "6", "²", "٣", "Europe/Rome",
        "../../etc/passwd", "daily", "politics|world", '"', '""', "\x00", "\u202e", "\ufeff", "\r", "'",
    ]
) | st.text(max_size=12)  # fmt: skip
TABLES = st.lists(st.lists(CELLS, max_size=6), max_size=6)


@patient
@given(TABLES, st.sampled_from([",", ";", "\t", "|"]), st.booleans())
def test_any_table_of_subscribers_is_rows_with_a_reason_or_a_refusal(
    table: list[list[str]], mark: str, headed: bool
) -> None:
    text = "\n".join(mark.join(cells) for cells in ([["address", "hour"]] if headed else []) + table)
    with contextlib.suppress(FileError):
        for row in read_rows(text, Reading(zone="UTC", now=MORNING)):
            if isinstance(row, BadRow):
                assert row.reason
            else:
                assert isinstance(row, Row)
                assert "@" in row.address
                assert not set(row.address) & set("\r\n\x00")
                assert 0 <= row.hour <= 23
        ignored_columns(text)


@patient
@given(
    st.binary(max_size=200),
    st.none()
    | st.sampled_from(["utf-8", "latin-1", "utf-16", "idna", "rot13", "zip", "hex"])
    | st.text(max_size=8),
)
def test_any_bytes_are_decoded_or_refused(body: bytes, encoding: str | None) -> None:
    with contextlib.suppress(FileError):
        assert isinstance(decode(body, encoding), str)


# --- what providers report

EVENT = among(
    ["event", "sg_event_id", "timestamp", "reason", "response", "type", "status", "reference"],
    "bounce", "dropped", "delivered", "delivery:7", "notice:7", 1_772_445_600, 4.4e9, float("nan"), "Bounced Address", "x" * 300,
)  # fmt: skip


@patient
@given(st.lists(EVENT | JSON, max_size=5) | JSON)
def test_any_events_of_sendgrid_are_read_or_refused(events: Any) -> None:
    with contextlib.suppress(ValueError):
        for event in sendgrid_events.read_events(json.dumps(events).encode()):
            assert len(event.provider_event_id) <= 200
            assert event.happened_at.tzinfo is UTC


@patient
@given(st.binary(max_size=200))
@example(b"[" * 100_000)
@example(b'[{"event":"bounce","sg_event_id":"1","timestamp":1e999}]')
@example(b"[" + b"9" * 5_000 + b"]")
def test_any_bytes_as_events_are_read_or_refused(body: bytes) -> None:
    with contextlib.suppress(ValueError):
        sendgrid_events.read_events(body)


SIGNER = Signer()
HEADER = st.text(st.characters(max_codepoint=255), max_size=30)  # what a server's parser lets through


@patient
@given(st.binary(max_size=60), HEADER, HEADER | st.just(str(int(MORNING.timestamp()))))
@example(b"[]", "MEUCIQ==", "²")
@example(b"\xff", "MEUCIQ==", str(int(MORNING.timestamp())))
def test_no_headers_are_sendgrids_signature_by_accident(body: bytes, signature: str, moment: str) -> None:
    headers = {sendgrid_events.SIGNATURE: signature, sendgrid_events.MOMENT: moment}
    with pytest.raises(sendgrid_events.ForgedEvents):
        sendgrid_events.verify(body, headers, key=SIGNER.public, now=MORNING)


SECRET = "whsec_of_the_tests"
STRIPE = StripeProcessor("sk_test_x", base="http://127.0.0.1:9", webhook_secret=SECRET)


@patient
@given(st.binary(max_size=60), HEADER)
@example(b"{}", "t=²,v1=0")
@example(b"{}", "t=99999999999999999999999999,v1=0")
@example(b"\xff", f"t={int(MORNING.timestamp())},v1=00")
def test_no_header_is_stripes_signature_by_accident(body: bytes, header: str) -> None:
    with pytest.raises(ForgedWebhook):
        STRIPE.parse_webhook(body, {"Stripe-Signature": header}, MORNING)


@patient
@given(st.binary(max_size=80) | JSON.map(lambda v: json.dumps(v).encode()))
@example(b"[" * 100_000)
@example(b"\xff\xfe")
def test_any_signed_bytes_are_an_event_nothing_or_a_refusal(body: bytes) -> None:
    stamp = int(MORNING.timestamp())
    mac = hmac.new(SECRET.encode(), f"{stamp}.".encode() + body, sha256).hexdigest()
    with contextlib.suppress(UnreadableWebhook):
        for event in STRIPE.parse_webhook(body, {"Stripe-Signature": f"t={stamp},v1={mac}"}, MORNING):
            assert isinstance(event, WebhookEvent)


OBJECT = among(
    ["id", "status", "created", "start_date", "items", "amount", "currency", "reason", "evidence_details", "amount_refunded", "payment_intent",
     "subscription", "parent", "lines", "amount_paid", "metadata", "cancel_at", "ended_at", "latest_invoice", "payments", "current_period_end"],
    "du_1", "sub_1", "active", "won", "lost", "warning_closed", 1_772_445_600, 10**30, -1, {"data": [{"period": {"end": 1}}]},
)  # fmt: skip
KINDS = ["customer.subscription.updated", "invoice.paid", "charge.refunded", "charge.dispute.created", "charge.dispute.closed",
         "checkout.session.completed", "invoice.", "x"]  # fmt: skip


@patient
@given(st.sampled_from(KINDS), OBJECT, JSON)
@example("charge.dispute.created", {"status": "du_1", "created": None}, None)
@example("invoice.paid", {"subscription": "sub_1", "amount_paid": 500, "created": None}, None)
def test_any_object_in_a_signed_event_is_understood_or_refused(
    kind: str, about: dict[str, Any], before: Any
) -> None:
    said = {"id": "evt_1", "type": kind, "data": {"object": about, "previous_attributes": before}}
    with contextlib.suppress(UnreadableWebhook):
        event = event_in(said)
        if event is not None and event.dispute is not None:
            assert event.dispute.processor_id.replace("_", "").isalnum()
            assert event.dispute.processor_id.isascii()


@patient
@given(OBJECT)
def test_any_answer_of_stripe_is_a_fact_or_makes_no_sense(said: dict[str, Any]) -> None:
    with contextlib.suppress(ProcessorUnreachable):
        assert isinstance(fact_in(said, MORNING), AgreementFact)


LINES = st.sampled_from(
    [
        "Content-Type: multipart/report; report-type=delivery-status; boundary=b", "Content-Type: message/delivery-status",
        "Content-Type: message/rfc822", "Content-Type: text/rfc822-headers", "Content-Type: message/feedback-report", "--b", "--b--", "",
        "Action: failed", "Status: 5.1.1", "Status: 4.²", "Diagnostic-Code: smtp; 550 no", "Message-ID: <delivery.7@example.com>",
        "Message-ID: <delivery.999999999999999999@x>", "List-Unsubscribe: <http://127.0.0.1:8000/unsubscribe/x>", "Feedback-Type: abuse",
        "Date: Mon, 2 Mar 2026 10:00:00 +0000", "Date: Mon, 99 Foo 99999 99:99:99 +9999", "Subject: =?utf-8?q?=FF?=", "\xff\xfe: x",
        "Content-Transfer-Encoding: base64", "From: MAILER-DAEMON", "550 5.1.1 no", "> List-Unsubscribe: <https://x/y>",
        "Content-Type: multipart/report; boundary=\"", "Content-Type: =?x?q?y?=",
    ]
) | st.text(st.characters(max_codepoint=255), max_size=30)  # fmt: skip


@patient
@given(st.lists(LINES, max_size=24), st.binary(max_size=40))
def test_any_mail_in_the_bounce_mailbox_is_a_report_of_ours_or_none(lines: list[str], tail: bytes) -> None:
    raw = "\r\n".join(lines).encode("latin-1") + b"\r\n" + tail
    report = bounce_mail.read_report(raw, now=MORNING)
    if isinstance(report, bounce_mail.Unread):
        assert report.reason
    elif report is not None:
        assert report.event.reference is None or report.event.reference.startswith("delivery:")
        assert report.link.startswith("http")
        assert report.event.happened_at.tzinfo is not None


# --- the network


@patient
@given(st.none() | HEADER | st.integers().map(str), st.none() | HEADER)
@example("²", None)
@example("9" * 4_000, None)
@example("Mon, 01 Jan 0001 00:00:00 +2359", "Fri, 31 Dec 9999 23:59:59 -2359")
def test_any_retry_after_is_seconds_or_nothing(said: str | None, server_date: str | None) -> None:
    seconds = fetcher._retry_after(said, server_date)
    assert seconds is None or 0 <= seconds < 10**12


PACKED = (
    st.binary(max_size=300)
    | st.binary(max_size=3_000).map(gzip.compress)
    | st.binary(max_size=300).map(zlib.compress)
)


@patient
@given(
    st.lists(PACKED, min_size=1, max_size=3).map(b"".join),
    st.sampled_from(["gzip", "deflate", "br", ""]),
    st.integers(0, 40),
)
@example(gzip.compress(b"0" * 1_000_000), "gzip", 0)
def test_any_bytes_are_unpacked_within_the_cap_or_damaged(body: bytes, coding: str, cut: int) -> None:
    with contextlib.suppress(TooLarge, Damaged):
        assert len(gunzip(body[: len(body) - cut], 1_000)) <= 1_000
    with contextlib.suppress(TooLarge, Damaged):
        inflater = Inflater(coding, 1_000)
        for place in range(0, len(body) - cut, 7):
            inflater.feed(body[place : place + 7])
        assert len(inflater.finish()) <= 1_001  # the head is held until two bytes are there


@patient
@given(st.binary(max_size=200), HEADER)
def test_any_bytes_and_any_charset_are_text(body: bytes, content_type: str) -> None:
    to_text(body, content_type).encode()


@patient
@given(st.none() | st.text(max_size=60) | st.ip_addresses().map(str))
@example("::ffff:1.2.3.4%eth0")
@example("1.2.3.4:80")
def test_any_forwarded_address_is_a_network_or_none(said: str | None) -> None:
    found = network_of(said)
    assert found is None or len(found) < 50


# --- keys, dates, prices, files of ours


@patient
@given(
    st.binary(max_size=200)
    | st.text(max_size=80).map(
        lambda t: f"-----BEGIN RSA PRIVATE KEY-----\n{t}\n-----END RSA PRIVATE KEY-----".encode()
    )
)
def test_no_bytes_but_a_key_sign_mail(key: bytes) -> None:
    with pytest.raises(SettingsError, match="DKIM_KEY_FILE"):
        DkimSigner(key, selector="s1")


@patient
@given(st.text(max_size=40) | st.datetimes().map(str))
@example("0001-01-01T00:00+23:59")
@example("9999-12-31T23:59-23:59")
def test_any_moment_is_one_in_utc_or_refused(text: str) -> None:
    with contextlib.suppress(SettingsError):
        assert clock.parse_moment(text).utcoffset() == timedelta()


@patient
@given(st.text(max_size=40))
@example("$٣.²²")
@example("9" * 5_000)
def test_any_price_is_a_number_of_cents(words: str) -> None:
    assert cents_in(words[:60]) >= 0


@patient
@given(st.binary(max_size=200))
def test_any_file_of_json_lines_is_objects_or_refused(tmp_path: Path, body: bytes) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_bytes(body)
    with contextlib.suppress(NewsletterError):
        assert all(isinstance(row, dict) for _, row in jsonlines.read_rows(file))


@patient
@given(JSON.map(json.dumps) | st.text(max_size=60))
@example("[" * 100_000)
@example('{"headline": {"text": null}}')
def test_any_answer_of_a_model_is_a_draft_or_refused(text: str) -> None:
    with contextlib.suppress(ValidationError):
        Draft.model_validate_json(text)


@patient
@given(st.binary(max_size=80))
def test_what_was_kept_of_a_model_may_be_damaged(tmp_path: Path, body: bytes) -> None:
    """Answers kept by content and the day's spending: a broken file costs a question, never a morning."""
    answers = KeptAnswers(tmp_path)
    answers.keep("{}", "model", "asked")
    for file in tmp_path.rglob("*"):
        if file.is_file():
            file.write_bytes(body)
    kept = answers.read("model", "asked")
    assert kept is None or isinstance(kept, str)
    budget = Budget(tmp_path, 1_000, lambda: MORNING.date())
    budget.reserve(1)
    for file in tmp_path.rglob("*"):
        if file.is_file():
            file.write_bytes(body)
    assert budget.left() <= 1_000


def test_the_likely_pieces_are_likely_enough() -> None:
    """That the reports above are reached at all: a whole one made of the same lines is read."""
    raw = (
        b"Content-Type: multipart/report; report-type=delivery-status; boundary=b"
        b"\r\n\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\nX: y\r\n\r\nAction: failed\r\nStatus: 5.1.1\r\n"
        b"--b\r\nContent-Type: message/rfc822\r\n\r\nMessage-ID: <delivery.7@example.com>\r\n"
        b"List-Unsubscribe: <http://127.0.0.1:8000/unsubscribe/x>\r\n\r\nbody\r\n--b--\r\n"
    )
    report = bounce_mail.read_report(raw, now=datetime(2026, 3, 2, tzinfo=UTC))
    assert report is not None
    assert (report.event.reference, report.event.bounce) == ("delivery:7", "hard")
