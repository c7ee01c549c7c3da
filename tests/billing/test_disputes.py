"""Disputed payments are recorded, audited and reported to operators once, in whatever order events arrive."""

from __future__ import annotations

import random
from datetime import date, timedelta

import pytest
from sqlalchemy import inspect, select

from newsletter import db
from newsletter.billing import subscription_ledger, subscriptions
from newsletter.billing.processors.protocol import UnreadableWebhook
from newsletter.billing.processors.stripe_answers import event_in
from newsletter.db.models import AuditEntry, Notice, SubscriptionEvent
from newsletter.settings import Settings
from newsletter.subscribers import operators
from newsletter.subscribers.tokens import subject_of
from tests.billing.money_harness import JANUARY, PaymentHarness
from tests.servers.stripe_server import CENTS
from tests.subscribers.readers import make_reader


@pytest.fixture
def agreement(each_sessions: db.Sessions, harness: PaymentHarness) -> str:
    reader = make_reader(each_sessions, JANUARY)
    with each_sessions.begin() as session:
        for address in ("ed@desk.example", "flo@desk.example"):
            operators.add(session, address, now=JANUARY)
    return harness.pay(harness.begin(reference=subject_of(reader.id, reader.address_hash)))


def hear(
    sessions: db.Sessions, settings: Settings, harness: PaymentHarness, events: list[dict[str, object]]
) -> None:
    assert harness.server is not None
    for event in events:
        body, headers = harness.server.webhook(event, at=harness.now)
        subscriptions.handle_webhook(
            sessions, harness.processor, body, headers, settings=settings, clock=lambda: harness.now
        )


def january(sessions: db.Sessions, settings: Settings) -> int:
    with db.reading(sessions) as session:
        (month,) = subscription_ledger.months(
            session, first=date(2026, 1, 1), last=date(2026, 1, 31), settings=settings,
            now=JANUARY + timedelta(days=25),
        )  # fmt: skip
    return month.disputed_cents


def told(sessions: db.Sessions) -> list[str]:
    with db.reading(sessions) as session:
        return [n.values["what"] for n in session.scalars(select(Notice).where(Notice.kind == "alert"))]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("end", ["won", "lost"])
def test_a_dispute_is_booked_and_told_once_in_whatever_order(
    each_sessions: db.Sessions,
    settings: Settings,
    harness: PaymentHarness,
    agreement: str,
    end: str,
    seed: int,
) -> None:
    assert harness.server is not None
    harness.server.events.clear()
    harness.server.dispute(agreement)
    harness.server.dispute(agreement, end)
    events = harness.server.events * 2
    random.Random(seed).shuffle(events)
    hear(each_sessions, settings, harness, events)
    assert january(each_sessions, settings) == (0 if end == "won" else CENTS)
    with db.reading(each_sessions) as session:
        trail = session.scalars(select(AuditEntry).where(AuditEntry.act == "payment.disputed")).all()
    said = {"open", end} if trail[0].detail["standing"] == "open" else {end}
    assert said <= {entry.detail["standing"] for entry in trail}
    assert len(trail) == len({entry.detail["standing"] for entry in trail})
    assert {(entry.by, entry.about) for entry in trail} == {("stripe", "dispute:du_1")}
    assert len(told(each_sessions)) == 2 * len(trail), "each of two operators, once for each standing"


def test_the_operators_learn_how_much_why_where_and_until_when(
    each_sessions: db.Sessions, settings: Settings, harness: PaymentHarness, agreement: str
) -> None:
    assert harness.server is not None
    harness.server.events.clear()
    harness.server.dispute(agreement, "warning_needs_response", id="du_2")
    hear(each_sessions, settings, harness, harness.server.events)
    assert january(each_sessions, settings) == 0, "a question takes no money"
    harness.server.events.clear()
    harness.server.dispute(agreement, id="du_2")
    hear(each_sessions, settings, harness, harness.server.events)
    asked, _, opened, _ = told(each_sessions)
    assert "nothing was taken yet" in asked
    assert opened == (
        "A payment of $5.00 is disputed (product not received): the bank took it back, and a fee."
        " Answer the bank by Wednesday, 14 January 2026 on Stripe’s page of du_2, or give it up there."
    )
    assert january(each_sessions, settings) == CENTS


@pytest.mark.parametrize("id", [None, 7, "du_1\r\nX: 1", "<b>", "", "d" * 65])
def test_an_id_that_is_none_is_not_printed(harness: PaymentHarness, agreement: str, id: object) -> None:
    assert harness.server is not None
    harness.server.dispute(agreement, id=id)  # type: ignore[arg-type]
    with pytest.raises(UnreadableWebhook):
        event_in(harness.server.events[-1])


def test_an_older_program_gets_its_tables_back_without_disputes_and_with_everything_else(
    each_sessions: db.Sessions, settings: Settings, harness: PaymentHarness, agreement: str
) -> None:
    assert harness.server is not None
    harness.server.dispute(agreement)
    hear(each_sessions, settings, harness, harness.server.events)
    engine = each_sessions.kw["bind"]

    def kinds() -> set[str]:
        with db.reading(each_sessions) as session:
            return set(session.scalars(select(SubscriptionEvent.kind)))

    before, indexes = kinds(), inspect(engine).get_indexes("subscription_event")
    assert "disputed" in before
    db.downgrade(engine, "0011")
    assert kinds() == before - {"disputed"}
    db.upgrade(engine)
    assert kinds() == before - {"disputed"}
    named = lambda found: sorted(str(index["name"]) for index in found)  # noqa: E731
    assert named(inspect(engine).get_indexes("subscription_event")) == named(indexes)
