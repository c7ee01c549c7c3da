"""Stripe through its own SDK over real HTTP: requests, answers, and failures."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings, strategies
from pydantic import SecretStr
from sqlalchemy import delete, select

from newsletter import db
from newsletter.app import create_app
from newsletter.billing import subscriptions
from newsletter.billing.processors.protocol import (
    AgreementFact,
    ForgedWebhook,
    NoSuchAgreement,
    Price,
    ProcessorError,
    ProcessorUnreachable,
    UnreadableWebhook,
)
from newsletter.billing.processors.stripe_answers import event_in, fact_in
from newsletter.db.models import AuditEntry, Notice, Subscriber, Subscription
from newsletter.jobs import today
from newsletter.links import Links
from newsletter.settings import Settings
from newsletter.subscribers.addresses import address_hash, person_hash
from newsletter.subscribers.tokens import subject_of
from tests.billing.money_harness import REFERENCE, PaymentHarness, stripe_over
from tests.servers.stripe_server import CENTS, KEY, MONTH, PRICE, WEBHOOK_SECRET, StripeServer

SECRET = "a-key-for-the-tests-of-32-letters-or-more"
ADDRESS = "ann@example.com"


@pytest.fixture
def server(now: datetime) -> Iterator[StripeServer]:
    made = StripeServer(now)
    yield made
    made.close()


@pytest.fixture
def harness(server: StripeServer, now: datetime) -> PaymentHarness:
    return PaymentHarness(stripe_over(server), server, now)


def _add_reader(sessions: db.Sessions, now: datetime) -> Subscriber:
    with sessions.begin() as session:
        reader = Subscriber(
            address=ADDRESS,
            address_hash=address_hash(SECRET, ADDRESS),
            person_hash=person_hash(SECRET, ADDRESS),
            asked_at=now,
            confirmed_at=now,
        )
        session.add(reader)
    return reader


def _paid(harness: PaymentHarness, reader: Subscriber) -> str:
    return harness.pay(harness.begin(reference=subject_of(reader.id, reader.address_hash)))


# ---- what is asked


def test_stripe_learns_the_address_and_nothing_else_about_a_person(
    harness: PaymentHarness, server: StripeServer
) -> None:
    harness.begin()
    method, path, form = server.calls[0]
    assert (method, path) == ("POST", "/v1/checkout/sessions")
    assert form["client_reference_id"] == form["subscription_data"]["metadata"]["reference"] == REFERENCE
    assert json.dumps(form).count(ADDRESS) == 1
    assert form["customer_email"] == ADDRESS
    assert form["line_items"] == {"0": {"price": PRICE, "quantity": "1"}}
    assert form["success_url"].endswith("?checkout={CHECKOUT_SESSION_ID}")


def test_pressing_twice_begins_one_checkout(harness: PaymentHarness, server: StripeServer) -> None:
    assert harness.begin() == harness.begin()
    harness.now += timedelta(minutes=1)
    assert harness.begin() not in [f"{server.base}/pay/{id}" for id in list(server.checkouts)[:1]]
    assert len(server.checkouts) == 2


def test_the_exact_end_of_the_trial_is_kept_when_stripe_takes_it(
    harness: PaymentHarness, server: StripeServer
) -> None:
    ends = harness.now + timedelta(days=5, hours=3)
    harness.begin(trial_ends_at=ends)
    assert server.calls[0][2]["subscription_data"]["trial_end"] == str(int(ends.timestamp()))


# ---- what goes wrong


@pytest.mark.parametrize("fault", ["500", "503", "429", "reset", "half", "slow", "nonsense"])
def test_a_fault_is_unreachable_and_asking_again_begins_one_checkout(
    server: StripeServer, fault: str
) -> None:
    harness = PaymentHarness(stripe_over(server, timeout=0.3), server, server.now)
    server.faults.append(fault)
    with pytest.raises(ProcessorUnreachable):
        harness.begin()
    harness.begin()
    assert len(server.checkouts) == 1


def test_the_sdk_asks_again_by_itself_with_the_same_key(server: StripeServer) -> None:
    harness = PaymentHarness(stripe_over(server, retries=1), server, server.now)
    server.faults.extend(["500"])
    harness.begin()
    assert len(server.calls) == 2
    assert len(server.checkouts) == 1


@pytest.mark.parametrize("fault", ["500", "reset", "half"])
def test_a_refund_whose_answer_was_lost_is_given_once(
    harness: PaymentHarness, server: StripeServer, fault: str
) -> None:
    agreement_id = harness.pay(harness.begin())
    server.faults.extend(["", "", fault])  # the two looks answer, the giving back does not
    with pytest.raises(ProcessorUnreachable):
        harness.processor.refund(agreement_id)
    harness.processor.refund(agreement_id)
    assert len(server.refunds) == 1


def test_a_wrong_key_and_an_unknown_price_are_said_plainly(server: StripeServer) -> None:
    from newsletter.billing.processors.stripe import StripeProcessor

    wrong = StripeProcessor("sk_wrong", base=server.base, webhook_secret=WEBHOOK_SECRET, retries=0)
    with pytest.raises(ProcessorError, match="STRIPE_API_KEY") as said:
        wrong.read_object("sub_1", now=server.now)
    assert "sk_wrong" not in str(said.value)
    with pytest.raises(ProcessorError):
        stripe_over(server).begin_checkout(
            REFERENCE,
            ADDRESS,
            Price("price_unknown", "$5"),
            done_url="https://x.example",
            back_url="https://x.example",
            trial_ends_at=None,
            now=server.now,
        )


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"id": "sub_1", "status": "renewing"},
        {"id": "sub_1", "status": "active", "created": "soon"},
        {"id": "sub_1", "status": "active", "created": 10**20},
        {"id": "sub_1", "status": "active", "created": 1, "items": {"data": [{"current_period_end": "x"}]}},
        {"id": "sub_1", "status": "active", "created": 1, "items": []},
        {"id": "sub_1", "status": "active", "created": 1, "metadata": "no"},
    ],
)
def test_an_answer_that_is_no_subscription_is_not_believed(said: Any, now: datetime) -> None:
    with pytest.raises(ProcessorUnreachable):
        fact_in(said, now)


def test_the_older_form_of_the_api_is_understood(now: datetime) -> None:
    stamp = int(now.timestamp())
    fact = fact_in(
        {
            "id": "sub_1",
            "status": "past_due",
            "created": stamp,
            "current_period_start": stamp,
            "current_period_end": stamp + 86_400,
            "latest_invoice": "in_1",
        },
        now,
    )
    assert (fact.status, fact.paid_until, fact.past_due_at, fact.reference) == ("past_due", now, None, "")
    paid = {"id": "in_1", "subscription": "sub_1", "amount_paid": 500, "currency": "eur", "created": stamp}
    event = event_in({"id": "evt_1", "type": "invoice.paid", "data": {"object": paid}})
    assert event is not None
    assert event.agreement_id == "sub_1"
    assert event.payment is not None
    assert (event.payment.cents, event.payment.paid_at, event.payment.paid_until) == (500, now, None)


@pytest.mark.parametrize("status", ["incomplete", "incomplete_expired", "paused", "canceled"])
def test_what_never_paid_reads_nothing(status: str, now: datetime) -> None:
    fact = fact_in({"id": "sub_1", "status": status, "created": int(now.timestamp())}, now)
    assert (fact.status, fact.cancel_at) == ("canceled", now)


# ---- webhooks


def _event(harness: PaymentHarness, server: StripeServer) -> dict[str, Any]:
    harness.pay(harness.begin())
    return server.events[-1]


def test_a_signed_webhook_is_believed_for_five_minutes_either_way(
    harness: PaymentHarness, server: StripeServer
) -> None:
    body, headers = server.webhook(_event(harness, server))
    for seconds, good in ((0, True), (299, True), (301, False), (-299, True), (-301, False)):
        at = server.now + timedelta(seconds=seconds)
        if good:
            assert harness.processor.parse_webhook(body, headers, at)
        else:
            with pytest.raises(ForgedWebhook):
                harness.processor.parse_webhook(body, headers, at)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda body, head: (body, {}),
        lambda body, head: (body, {"Stripe-Signature": ""}),
        lambda body, head: (body, {"Stripe-Signature": head["Stripe-Signature"].replace("v1=", "v0=")}),
        lambda body, head: (body, {"Stripe-Signature": "t=,v1=" + "0" * 64}),
        lambda body, head: (body, {"Stripe-Signature": "v1=é\x00,t=1"}),
        lambda body, head: (body.replace(b"sub_", b"SUB_"), head),
        lambda body, head: (body + b" ", head),
        lambda body, head: (body[:-1], head),
        lambda body, head: (b"\xff\xfe", head),
        lambda body, head: (b"", head),
        lambda body, head: (b"x" * 300_000, head),
    ],
)
def test_what_stripe_did_not_sign_is_refused(
    harness: PaymentHarness, server: StripeServer, spoil: Callable[[bytes, dict[str, str]], Any]
) -> None:
    body, headers = spoil(*server.webhook(_event(harness, server)))
    with pytest.raises(ForgedWebhook):
        harness.processor.parse_webhook(body, headers, server.now)


def test_another_secret_or_none_is_refused(harness: PaymentHarness, server: StripeServer) -> None:
    event = _event(harness, server)
    body, headers = server.webhook(event, secret="whsec_other")
    with pytest.raises(ForgedWebhook):
        harness.processor.parse_webhook(body, headers, server.now)
    body, headers = server.webhook(event, secret="")
    with pytest.raises(ForgedWebhook):  # an empty secret must not make everybody's signature good
        stripe_over(server, webhook_secret="").parse_webhook(body, headers, server.now)


@pytest.mark.parametrize(
    "said", ["null", "[]", "{}", '{"id":"evt_1","type":"invoice.paid"}', "7", "{", "", "[" * 100_000]
)
def test_signed_nonsense_is_named_so_and_strange_kinds_pass_by(
    harness: PaymentHarness, server: StripeServer, said: str
) -> None:
    with pytest.raises(UnreadableWebhook):
        harness.processor.parse_webhook(*server.signed(said.encode()), server.now)
    other = {"id": "evt_1", "type": "payout.paid", "data": {"object": {"id": "po_1"}}}
    assert harness.processor.parse_webhook(*server.webhook(other), server.now) == ()


# ---- any order, any number of times


ACTS = ("renew", "fail", "recover", "cancel", "end")


def _act(server: StripeServer, agreement_id: str, act: str) -> None:
    """Something happens at Stripe, if it can."""
    state = server.agreements[agreement_id]["status"]
    server.now += timedelta(minutes=7)
    if act in ("renew", "fail") and state == "active":
        server.renew(agreement_id, paid=act == "renew")
    elif act == "recover" and state == "past_due":
        server.recover(agreement_id)
    elif act == "cancel" and state == "active":
        server._change(agreement_id, {"cancel_at_period_end": "true"})
    elif act == "end" and state != "canceled":
        server.end(agreement_id)


def _hear(harness: PaymentHarness, sessions: db.Sessions, config: Settings, event: dict[str, Any]) -> None:
    assert harness.server is not None
    body, headers = harness.server.webhook(event)
    subscriptions.handle_webhook(
        sessions, harness.processor, body, headers, settings=config, clock=lambda: harness.now
    )


def _columns(kept: Subscription | AgreementFact) -> tuple[Any, ...]:
    return (
        kept.processor_id,
        kept.status,
        kept.started_at,
        kept.paid_until,
        kept.past_due_at,
        kept.cancel_at,
    )


@given(
    acts=strategies.lists(strategies.sampled_from(ACTS), max_size=5),
    during=strategies.lists(strategies.integers(0, 99), max_size=6),
    shuffle=strategies.randoms(use_true_random=False),
    copies=strategies.integers(1, 2),
)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_order_with_repeats_ends_the_same(
    sessions: db.Sessions,
    settings: Settings,
    now: datetime,
    acts: list[str],
    during: list[int],
    shuffle: Any,
    copies: int,
) -> None:
    with sessions.begin() as session:
        for table in (Notice, Subscription, Subscriber):
            session.execute(delete(table))
    reader = _add_reader(sessions, now)
    server = StripeServer(now)
    try:
        harness = PaymentHarness(stripe_over(server), server, now)
        agreement_id = _paid(harness, reader)
        for place, act in enumerate(
            acts
        ):  # some webhooks arrive while things still happen, some twice, some never yet
            for choice in during[place::5]:
                _hear(harness, sessions, settings, server.events[choice % len(server.events)])
            _act(server, agreement_id, act)
        rest = server.events * copies
        shuffle.shuffle(rest)
        for event in rest:
            _hear(harness, sessions, settings, event)
        truth = harness.processor.read_object(agreement_id, now=harness.now)
        with db.reading(sessions) as session:
            kept = session.scalars(select(Subscription)).one()
            receipts = set(session.scalars(select(Notice.key)))
        assert _columns(kept) == _columns(truth)
        charged = {f"receipt:stripe:{i['id']}" for i in server.invoices.values() if i["amount_paid"]}
        assert receipts == charged
    finally:
        server.close()


def test_two_at_once(
    each_sessions: db.Sessions, settings: Settings, now: datetime, server: StripeServer
) -> None:
    reader = _add_reader(each_sessions, now)
    harness = PaymentHarness(stripe_over(server), server, now)
    agreement_id = _paid(harness, reader)
    server.renew(agreement_id)
    broken: list[BaseException] = []
    gate = threading.Barrier(8)

    def deliver(event: dict[str, Any]) -> None:
        try:
            gate.wait()
            _hear(harness, each_sessions, settings, event)
        except BaseException as error:
            broken.append(error)

    threads = [threading.Thread(target=deliver, args=(e,)) for e in (server.events * 3)[:8]]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert broken == []
    with db.reading(each_sessions) as session:
        kept = session.scalars(select(Subscription)).one()
        assert (kept.status, kept.paid_until) == ("active", now + 2 * MONTH)
        keys = session.scalars(select(Notice.key)).all()
    assert len(keys) == len(set(keys)) == 2


def test_a_reading_that_arrives_late_does_not_undo_a_newer_one(
    each_sessions: db.Sessions, now: datetime, harness: PaymentHarness, server: StripeServer
) -> None:
    reader = _add_reader(each_sessions, now)
    agreement_id = _paid(harness, reader)
    early = harness.processor.read_object(agreement_id, now=harness.now)
    harness.now += timedelta(seconds=1)
    server.end(agreement_id)
    late = harness.processor.read_object(agreement_id, now=harness.now)
    for fact in (late, early, late):
        with each_sessions.begin() as session:
            kept = subscriptions.apply(session, "stripe", fact)
            assert kept is not None
            assert kept.status == "canceled"


# ---- through the door


@pytest.fixture
def door(settings: Settings, sessions: db.Sessions, server: StripeServer) -> Flask:
    changed = settings.model_copy(
        update={
            "STRIPE_API_KEY": SecretStr(KEY),
            "STRIPE_API_BASE": server.base,
            "STRIPE_WEBHOOK_SECRET": SecretStr(WEBHOOK_SECRET),
            "STRIPE_PRICE_ID": PRICE,
        }
    )
    return create_app(changed, sessions=sessions, clock=lambda: server.now)


def test_the_door_takes_what_is_signed_and_nothing_else(
    door: Flask, sessions: db.Sessions, server: StripeServer, now: datetime
) -> None:
    browser, reader = door.test_client(), _add_reader(sessions, now)
    found = door.extensions["newsletter"]
    url = subscriptions.begin_checkout(
        sessions,
        found.processor,
        reader.id,
        settings=found.settings,
        links=Links("https://x.example"),
        now=now,
    )
    server.pay(url)
    for event in [*server.events, *server.events]:
        body, headers = server.webhook(event)
        assert browser.post("/webhooks/stripe", data=body, headers=headers).status_code == 204
    stale = server.webhook(server.events[0], at=now - timedelta(minutes=6))
    assert browser.post("/webhooks/stripe", data=stale[0], headers=stale[1]).status_code == 403
    assert browser.post("/webhooks/stripe", data=b"{}").status_code == 403
    assert browser.get("/webhooks/stripe").status_code == 405
    with db.reading(sessions) as session:
        assert session.scalars(select(Subscription)).one().subscriber_id == reader.id
        assert session.scalars(select(Notice)).one().values["amount"] == f"${CENTS / 100:.2f}"


def test_the_door_asks_for_another_delivery_while_stripe_cannot_be_read(
    door: Flask, sessions: db.Sessions, server: StripeServer, now: datetime
) -> None:
    browser, reader = door.test_client(), _add_reader(sessions, now)
    harness = PaymentHarness(stripe_over(server), server, now)
    _paid(harness, reader)
    body, headers = server.webhook(server.events[-1])
    server.faults.extend(["429"])
    answer = browser.post("/webhooks/stripe", data=body, headers=headers)
    assert answer.status_code == 503
    assert answer.headers["Retry-After"]
    with db.reading(sessions) as session:
        assert session.scalars(select(Subscription)).all() == []
    assert browser.post("/webhooks/stripe", data=body, headers=headers).status_code == 204
    with db.reading(sessions) as session:
        assert session.scalars(select(Subscription)).one().status == "active"


def test_agreements_of_others_in_the_same_books_are_passed_by(
    door: Flask, sessions: db.Sessions, server: StripeServer, now: datetime
) -> None:
    harness = PaymentHarness(stripe_over(server), server, now)
    harness.pay(harness.begin(reference="not one of ours"))
    harness.pay(harness.begin(reference="7.0123456789abcdef"))  # erased since
    for event in server.events:
        body, headers = server.webhook(event)
        assert door.test_client().post("/webhooks/stripe", data=body, headers=headers).status_code == 204
    with db.reading(sessions) as session:
        assert session.scalars(select(Subscription)).all() == []
        assert session.scalars(select(Notice)).all() == []


@pytest.mark.parametrize(
    ("said", "about", "kind"),
    [
        (b'{"id":"evt_5","type":"invoice.paid","data":{"object":[]}}', "event:evt_5", "invoice.paid"),
        (b'{"id":"evt_<b>6@x.example","type":"invoice.paid"}', "event:evt_b6x.example", "invoice.paid"),
        (b"{", "event:without an id", "none"),
        (b"\xff\xfe", "event:without an id", "none"),
    ],
)
def test_a_signed_event_that_is_not_understood_is_acknowledged_and_told(
    door: Flask, sessions: db.Sessions, server: StripeServer, said: bytes, about: str, kind: str
) -> None:
    body, headers = server.signed(said)
    answer = door.test_client().post("/webhooks/stripe", data=body, headers=headers)
    assert answer.status_code in (200, 204), "Stripe repeats what is refused, and switches the webhook off"
    with db.reading(sessions) as session:
        (noted,) = session.scalars(select(AuditEntry)).all()
        assert (noted.by, noted.about, noted.detail) == ("stripe", about, {"type": kind})
        found = door.extensions["newsletter"]
        told = list(today.troubles(session, found.settings, now=server.now))
    assert any("1 genuine payment event was not understood" in trouble.words for trouble in told)


def test_a_byte_that_is_no_utf8_costs_a_signed_event_nothing(
    door: Flask, sessions: db.Sessions, server: StripeServer, now: datetime
) -> None:
    harness, reader = PaymentHarness(stripe_over(server), server, now), _add_reader(sessions, now)
    _paid(harness, reader)
    event = {**server.events[-1], "request": "BYTE"}
    body, headers = server.signed(json.dumps(event).encode().replace(b"BYTE", b"\xe4"))
    assert door.test_client().post("/webhooks/stripe", data=body, headers=headers).status_code == 204
    with db.reading(sessions) as session:
        assert session.scalars(select(Subscription)).one().subscriber_id == reader.id


def test_without_stripe_there_is_no_door(settings: Settings, sessions: db.Sessions) -> None:
    assert create_app(settings, sessions=sessions).test_client().post("/webhooks/stripe").status_code == 404


def test_an_unknown_agreement_is_no_reason_to_deliver_again(
    door: Flask, server: StripeServer, harness: PaymentHarness
) -> None:
    with pytest.raises(NoSuchAgreement):
        harness.processor.read_object("sub_gone", now=server.now)
    event = {
        "id": "evt_9",
        "object": "event",
        "type": "customer.subscription.updated",
        "data": {"object": {"id": "sub_gone"}},
    }
    body, headers = server.webhook(event)
    assert door.test_client().post("/webhooks/stripe", data=body, headers=headers).status_code == 204
