"""Subscriptions: the newest state wins and is applied once, each payment gets one receipt, and MRR is the sum."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import delete, select

from newsletter import db
from newsletter.billing import cancellation, comps, reconciliation, subscriptions
from newsletter.billing.processors.protocol import AgreementFact, Payment, ProcessorUnreachable
from newsletter.billing.revenue import amount, cents_in, mrr_cents
from newsletter.db.models import AuditEntry, Notice, Subscriber, Subscription
from newsletter.delivery.mail import templates
from newsletter.errors import NotFound, Refused
from newsletter.links import Links
from newsletter.settings import Settings
from newsletter.subscribers import erasure
from newsletter.subscribers.access import Access, Facts, access, charges_on
from newsletter.subscribers.addresses import address_hash, person_hash
from newsletter.subscribers.tokens import subject_of
from tests.billing.money_harness import PaymentHarness, stripe_over
from tests.servers.stripe_server import MONTH, PRICE, StripeServer

KEY = "a-key-for-the-tests-of-32-letters-or-more"
LINKS = Links("https://news.example")


@pytest.fixture
def server(now: datetime) -> Iterator[StripeServer]:
    made = StripeServer(now)
    yield made
    made.close()


@pytest.fixture
def harness(server: StripeServer, now: datetime) -> PaymentHarness:
    return PaymentHarness(stripe_over(server), server, now)


@pytest.fixture
def priced(settings: Settings) -> Settings:
    return settings.model_copy(update={"STRIPE_PRICE_ID": PRICE})


def _add_reader(sessions: db.Sessions, now: datetime, address: str = "ann@example.com") -> Subscriber:
    with sessions.begin() as session:
        reader = Subscriber(
            address=address,
            address_hash=address_hash(KEY, address),
            person_hash=person_hash(KEY, address),
            asked_at=now,
            confirmed_at=now,
            trial_started_at=now - timedelta(days=30),
        )
        session.add(reader)
    return reader


def _fact(reader: Subscriber, now: datetime, **changes: object) -> AgreementFact:
    fact = AgreementFact(
        processor_id="sub_1",
        status="active",
        started_at=now,
        paid_until=now + MONTH,
        past_due_at=None,
        cancel_at=None,
        changed_at=now,
        reference=subject_of(reader.id, reader.address_hash),
    )
    return replace(fact, **changes)  # type: ignore[arg-type]


def _apply(sessions: db.Sessions, fact: AgreementFact) -> Subscription | None:
    with sessions.begin() as session:
        return subscriptions.apply(session, "stripe", fact)


def _access(sessions: db.Sessions, reader: Subscriber, now: datetime) -> Access:
    with db.reading(sessions) as session:
        row = session.get_one(Subscriber, reader.id)
        return access(Facts(row.trial_started_at, tuple(row.subscriptions)), now=now)


def test_a_fact_is_applied_once_and_opens_the_full_edition(each_sessions: db.Sessions, now: datetime) -> None:
    reader = _add_reader(each_sessions, now)
    assert _access(each_sessions, reader, now) is Access.METERED
    for _ in range(2):
        _apply(each_sessions, _fact(reader, now))
    with db.reading(each_sessions) as session:
        assert session.scalars(select(Subscription)).one().paid_until == now + MONTH
    assert _access(each_sessions, reader, now) is Access.FULL


def test_the_newest_fact_wins_whatever_the_order(sessions: db.Sessions, now: datetime) -> None:
    reader = _add_reader(sessions, now)
    later = now + timedelta(seconds=1)
    _apply(sessions, _fact(reader, later, status="canceled", cancel_at=later))
    kept = _apply(sessions, _fact(reader, now))
    assert kept is not None
    assert (kept.status, kept.changed_at) == ("canceled", later)


def test_a_failed_payment_is_owed_since_it_was_first_heard_of(sessions: db.Sessions, now: datetime) -> None:
    reader = _add_reader(sessions, now)
    for days in (1, 2, 3):
        kept = _apply(sessions, _fact(reader, now, status="past_due", changed_at=now + timedelta(days=days)))
        assert kept is not None
        assert kept.past_due_at == now + timedelta(days=1)
    assert _access(sessions, reader, now + timedelta(days=7)) is Access.FULL
    assert _access(sessions, reader, now + timedelta(days=9)) is Access.METERED
    kept = _apply(sessions, _fact(reader, now, changed_at=now + timedelta(days=4)))
    assert kept is not None
    assert kept.past_due_at is None


@pytest.mark.parametrize(
    "reference", ["", "x", "1.", "1.0000000000000000", "99.0123456789abcdef", "1.é", "-1.0123456789abcdef"]
)
def test_a_fact_about_nobody_of_ours_is_passed_by(
    sessions: db.Sessions, now: datetime, reference: str
) -> None:
    reader = _add_reader(sessions, now)
    assert _apply(sessions, _fact(reader, now, reference=reference)) is None
    with db.reading(sessions) as session:
        assert session.scalars(select(Subscription)).all() == []


def test_what_comes_after_an_erasure_brings_nobody_back(sessions: db.Sessions, now: datetime) -> None:
    reader = _add_reader(sessions, now)
    fact = _fact(reader, now)
    with sessions.begin() as session:
        erasure.erase(session, session.get_one(Subscriber, reader.id), now=now)
    _add_reader(sessions, now, "bo@example.com")  # SQLite gives the free number anew
    assert _apply(sessions, fact) is None


def test_money_is_receipted_once_and_nothing_is_not(
    sessions: db.Sessions, settings: Settings, now: datetime
) -> None:
    reader = _add_reader(sessions, now)
    _apply(sessions, _fact(reader, now))
    paid = Payment("in_1", 500, "usd", now, now + MONTH)
    given = [(paid, True), (paid, False), (replace(paid, processor_id="in_2", cents=0), False)]
    for payment, queued in given:
        with sessions.begin() as session:
            assert subscriptions.receipt(session, "stripe", "sub_1", payment, settings, now=now) is queued
    with sessions.begin() as session:
        assert not subscriptions.receipt(session, "stripe", "sub_unknown", paid, settings, now=now)
    with db.reading(sessions) as session:
        notice = session.scalars(select(Notice)).one()
    assert notice.subscriber_id == reader.id
    mail = templates.notice(notice.kind, notice.values, settings=settings, links=LINKS)
    for words in ("$5.00", "Monday, 2 March 2026", "Wednesday, 1 April 2026"):
        assert words in mail.text


@pytest.mark.parametrize(
    ("zone", "paid_on", "paid_until"),
    [
        ("Pacific/Auckland", "Tuesday, 3 March 2026", "Thursday, 2 April 2026"),
        ("America/New_York", "Monday, 2 March 2026", "Wednesday, 1 April 2026"),
        ("Mars/Olympus", "Monday, 2 March 2026", "Wednesday, 1 April 2026"),  # there is none (any more)
    ],
)
def test_a_receipt_names_the_days_where_its_reader_lives(
    sessions: db.Sessions, settings: Settings, now: datetime, zone: str, paid_on: str, paid_until: str
) -> None:
    reader = _add_reader(sessions, now)
    with sessions.begin() as session:
        session.get_one(Subscriber, reader.id).zone = zone
    _apply(sessions, _fact(reader, now))
    noon = now + timedelta(hours=2)  # past midnight in Auckland
    with sessions.begin() as session:
        paid = Payment("in_1", 500, "usd", noon, noon + MONTH)
        assert subscriptions.receipt(session, "stripe", "sub_1", paid, settings, now=noon)
    with db.reading(sessions) as session:
        values = session.scalars(select(Notice.values)).one()
    assert (values["paid_on"], values["paid_until"]) == (paid_on, paid_until)


def test_beginning_respects_trial_present_and_what_runs(
    sessions: db.Sessions, priced: Settings, harness: PaymentHarness, now: datetime
) -> None:
    reader = _add_reader(sessions, now)

    def begin() -> str:
        return subscriptions.begin_checkout(
            sessions, harness.processor, reader.id, settings=priced, links=LINKS, now=harness.now
        )

    agreement_id = harness.pay(begin())
    subscriptions.refresh(sessions, harness.processor, agreement_id, clock=lambda: harness.now)
    with pytest.raises(subscriptions.AlreadyPaying):
        begin()
    ends = cancellation.cancel_at_period_end(
        sessions, harness.processor, reader.id, clock=lambda: harness.now
    )
    assert ends == now + MONTH
    assert _access(sessions, reader, now + timedelta(days=29)) is Access.FULL
    assert _access(sessions, reader, now + MONTH) is Access.METERED
    # Who comes back before the end is not charged for days that they have paid for.
    assert harness.server is not None
    again = harness.pay(begin())
    line = harness.server.agreements[again]
    assert line["status"] == "trialing"
    assert line["items"]["data"][0]["current_period_end"] == int((now + MONTH).timestamp())
    with pytest.raises(NotFound):
        subscriptions.begin_checkout(sessions, harness.processor, 999, settings=priced, links=LINKS, now=now)


def test_coming_back_gives_no_days_for_nothing(
    sessions: db.Sessions, priced: Settings, harness: PaymentHarness, now: datetime
) -> None:
    """Neither the month that is owed, nor a free beginning over and over: Stripe's are whole days when they are short."""
    reader = _add_reader(sessions, now)
    assert harness.server is not None

    def begin() -> dict[str, Any]:
        url = subscriptions.begin_checkout(
            sessions, harness.processor, reader.id, settings=priced, links=LINKS, now=harness.now
        )
        assert harness.server is not None
        begun[:] = [url]
        _, _, form = harness.server.calls[-1]
        return {k: v for k, v in form["subscription_data"].items() if k.startswith("trial")}

    begun: list[str] = []
    owes = {"status": "past_due", "paid_until": now, "past_due_at": now, "cancel_at": now + MONTH}
    _apply(sessions, _fact(reader, now, **owes))
    assert begin() == {}
    with sessions.begin() as session:
        session.execute(delete(Subscription))
        session.get_one(Subscriber, reader.id).trial_started_at = now - timedelta(days=6)
    assert begin() == {"trial_period_days": "1"}
    for hours in (20, 40):
        agreement_id = harness.pay(begun[0])
        subscriptions.refresh(sessions, harness.processor, agreement_id, clock=lambda: harness.now)
        cancellation.cancel_at_period_end(sessions, harness.processor, reader.id, clock=lambda: harness.now)
        harness.now = now + timedelta(hours=hours)
        assert begin() == ({"trial_period_days": "1"} if hours < 24 else {})


def test_cancelling_nothing_and_cancelling_twice(
    sessions: db.Sessions, harness: PaymentHarness, now: datetime
) -> None:
    reader = _add_reader(sessions, now)

    def cancel() -> datetime | None:
        return cancellation.cancel_at_period_end(
            sessions, harness.processor, reader.id, clock=lambda: harness.now
        )

    assert cancel() is None
    assert harness.server is not None
    assert harness.server.calls == []  # nobody is asked about nothing
    agreement_id = harness.pay(harness.begin(reference=subject_of(reader.id, reader.address_hash)))
    subscriptions.refresh(sessions, harness.processor, agreement_id, clock=lambda: harness.now)
    assert cancel() == now + MONTH
    assert cancel() is None


def test_a_cancelling_that_stripe_did_not_hear_changes_nothing(
    sessions: db.Sessions, harness: PaymentHarness, now: datetime
) -> None:
    reader = _add_reader(sessions, now)
    assert harness.server is not None
    agreement_id = harness.pay(harness.begin(reference=subject_of(reader.id, reader.address_hash)))
    subscriptions.refresh(sessions, harness.processor, agreement_id, clock=lambda: harness.now)
    harness.server.faults.append("503")
    with pytest.raises(ProcessorUnreachable):
        cancellation.cancel_at_period_end(sessions, harness.processor, reader.id, clock=lambda: harness.now)
    with db.reading(sessions) as session:
        assert charges_on(session.scalars(select(Subscription)).one())


def test_a_lost_answer_to_cancelling_is_healed_by_pressing_again(
    sessions: db.Sessions, harness: PaymentHarness, now: datetime
) -> None:
    reader = _add_reader(sessions, now)
    assert harness.server is not None
    agreement_id = harness.pay(harness.begin(reference=subject_of(reader.id, reader.address_hash)))
    subscriptions.refresh(sessions, harness.processor, agreement_id, clock=lambda: harness.now)
    harness.server.faults.extend(["", "500"])  # read, then changed with the answer lost
    with pytest.raises(ProcessorUnreachable):
        cancellation.cancel_at_period_end(sessions, harness.processor, reader.id, clock=lambda: harness.now)
    ends = cancellation.cancel_at_period_end(
        sessions, harness.processor, reader.id, clock=lambda: harness.now
    )
    assert ends == now + MONTH


def test_ending_at_once_lets_a_paying_reader_be_erased(
    sessions: db.Sessions, harness: PaymentHarness, now: datetime
) -> None:
    reader = _add_reader(sessions, now)
    agreement_id = harness.pay(harness.begin(reference=subject_of(reader.id, reader.address_hash)))
    subscriptions.refresh(sessions, harness.processor, agreement_id, clock=lambda: harness.now)
    with pytest.raises(Refused), sessions.begin() as session:
        erasure.erase(session, session.get_one(Subscriber, reader.id), now=now)
    assert cancellation.cancel_now(sessions, harness.processor, reader.id, clock=lambda: harness.now) == 1
    with sessions.begin() as session:
        erasure.erase(session, session.get_one(Subscriber, reader.id), now=now)
    assert harness.server is not None
    assert harness.server.agreements[agreement_id]["status"] == "canceled"


def test_a_renewal_whose_webhook_was_lost_is_looked_up(
    sessions: db.Sessions, harness: PaymentHarness, now: datetime
) -> None:
    reader = _add_reader(sessions, now)
    assert harness.server is not None
    agreement_id = harness.pay(harness.begin(reference=subject_of(reader.id, reader.address_hash)))
    subscriptions.refresh(sessions, harness.processor, agreement_id, clock=lambda: harness.now)
    assert (
        reconciliation.run(sessions, harness.processor, clock=lambda: harness.now) == 0
    )  # nothing is overdue
    harness.server.renew(agreement_id)
    harness.now += timedelta(days=1)
    harness.server.faults.append("503")
    assert (
        reconciliation.run(sessions, harness.processor, clock=lambda: harness.now) == 0
    )  # not now; the next time
    assert reconciliation.run(sessions, harness.processor, clock=lambda: harness.now) == 1
    assert reconciliation.run(sessions, harness.processor, clock=lambda: harness.now) == 0
    assert _access(sessions, reader, now + timedelta(days=45)) is Access.FULL


@pytest.mark.parametrize("fault", ["400", "unknown"])
def test_an_agreement_that_is_refused_keeps_no_other_waiting(
    sessions: db.Sessions, harness: PaymentHarness, now: datetime, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    """Two that Stripe will not tell of, and one that was renewed; so few are read in one run that the two fill it."""
    monkeypatch.setattr(reconciliation, "MAX_ASKED", 2)
    reader = _add_reader(sessions, now)
    assert harness.server is not None
    for name in ("sub_gone_1", "sub_gone_2"):
        _apply(sessions, _fact(reader, now - timedelta(days=40), processor_id=name, paid_until=now))
    agreement_id = harness.pay(harness.begin(reference=subject_of(reader.id, reader.address_hash)))
    subscriptions.refresh(sessions, harness.processor, agreement_id, clock=lambda: harness.now)
    harness.server.renew(agreement_id)
    harness.now += timedelta(days=1)
    if fault == "400":
        harness.server.refused |= {"sub_gone_1", "sub_gone_2"}
    read = 0
    for _ in range(3):
        read += reconciliation.run(sessions, harness.processor, clock=lambda: harness.now)
        harness.now += timedelta(hours=1)
    assert read == 1
    assert _access(sessions, reader, now + timedelta(days=45)) is Access.FULL


def test_another_processors_agreement_is_not_claimed_to_be_cancelled(
    sessions: db.Sessions, harness: PaymentHarness, now: datetime
) -> None:
    reader = _add_reader(sessions, now)
    with sessions.begin() as session:
        subscriptions.apply(session, "offline", _fact(reader, now))
    with pytest.raises(Refused, match="offline"):
        cancellation.cancel_at_period_end(sessions, harness.processor, reader.id, clock=lambda: now)


def test_an_operator_gives_money_back_once(
    sessions: db.Sessions, harness: PaymentHarness, now: datetime
) -> None:
    reader = _add_reader(sessions, now)
    agreement_id = harness.pay(harness.begin(reference=subject_of(reader.id, reader.address_hash)))
    subscriptions.refresh(sessions, harness.processor, agreement_id, clock=lambda: harness.now)
    with db.reading(sessions) as session:
        number = session.scalars(select(Subscription.id)).one()
    given = [
        cancellation.refund(sessions, harness.processor, number, by="operator:1", clock=lambda: harness.now)
        for _ in range(2)
    ]
    assert given == [500, 0]
    with db.reading(sessions) as session:
        entry = session.scalars(select(AuditEntry)).one()
    assert (entry.act, entry.by, entry.detail["cents"]) == ("subscription.refunded", "operator:1", 500)
    with pytest.raises(NotFound):
        cancellation.refund(sessions, harness.processor, 999, by="operator:1", clock=lambda: harness.now)


def test_a_present_opens_the_full_edition_until_its_day(each_sessions: db.Sessions, now: datetime) -> None:
    reader = _add_reader(each_sessions, now)

    def give(until: datetime | None) -> None:
        with each_sessions.begin() as session:
            comps.give(session, reader.id, until=until, reason="thanks", by="operator:1", now=now)

    give(now + timedelta(days=3))
    assert _access(each_sessions, reader, now + timedelta(days=2)) is Access.FULL
    assert _access(each_sessions, reader, now + timedelta(days=3)) is Access.METERED
    give(None)
    assert _access(each_sessions, reader, now + timedelta(days=999)) is Access.FULL
    with each_sessions.begin() as session:
        assert comps.end(session, reader.id, reason="over", by="operator:1", now=now)
        assert not comps.end(session, reader.id, reason="over", by="operator:1", now=now)
    assert _access(each_sessions, reader, now) is Access.METERED
    with pytest.raises(Refused):
        give(now)
    with pytest.raises(NotFound), each_sessions.begin() as session:
        comps.give(session, 999, until=None, reason="x", by="operator:1", now=now)
    with db.reading(each_sessions) as session:
        acts = session.scalars(select(AuditEntry.act).order_by(AuditEntry.id)).all()
        assert acts == ["subscription.given", "subscription.given", "subscription.ended"]
        assert len(session.scalars(select(Subscription)).all()) == 1


@dataclass(frozen=True)
class _Kept:
    processor: str = "stripe"
    status: str = "active"
    paid_until: datetime | None = None
    past_due_at: datetime | None = None
    cancel_at: datetime | None = None


def test_mrr_counts_what_is_paid_and_renews(now: datetime) -> None:
    paid = _Kept(paid_until=now + MONTH)
    owing = _Kept(status="past_due", past_due_at=now - timedelta(days=2))
    nothing = [
        replace(paid, status="trialing"),
        replace(paid, processor="comp"),
        replace(paid, cancel_at=now + timedelta(days=9)),
        replace(paid, status="canceled"),
        replace(owing, past_due_at=now - timedelta(days=8)),
        replace(paid, paid_until=now - timedelta(days=3)),
    ]
    assert mrr_cents([paid, owing, *nothing], month_cents=500, now=now) == 1000
    assert mrr_cents([], month_cents=500, now=now) == 0


@pytest.mark.parametrize(
    ("words", "cents"),
    [
        ("$5", 500),
        ("$12.50", 1250),
        ("12,50 €", 1250),
        ("€7 a month", 700),
        ("free", 0),
        ("$4.99/month", 499),
    ],
)
def test_a_price_in_words_is_understood(words: str, cents: int) -> None:
    assert cents_in(words) == cents


def test_amounts_are_written_to_the_hundredth() -> None:
    assert [amount(500, "usd"), amount(1205, "EUR"), amount(7, "usd")] == ["$5.00", "12.05 EUR", "$0.07"]
