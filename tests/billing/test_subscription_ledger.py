"""The subscription ledger: the months of a whole paying life add up, in whatever order facts arrive and however often."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from newsletter import db
from newsletter.billing import cancellation, comps, subscription_ledger, subscriptions
from newsletter.billing.revenue import Month, months_of
from newsletter.db.models import Subscriber, SubscriptionEvent
from newsletter.settings import Settings
from newsletter.subscribers import erasure, signup
from newsletter.subscribers.tokens import CONFIRM, subject_of
from tests.billing.money_harness import JANUARY, PaymentHarness
from tests.subscribers.readers import link_for, make_reader, tokens_at


def figures(sessions: db.Sessions, settings: Settings, now: datetime) -> list[Month]:
    with db.reading(sessions) as session:
        return list(
            subscription_ledger.months(
                session, first=date(2026, 1, 1), last=date(2026, 6, 1), settings=settings, now=now
            )
        )


def told(month: Month) -> tuple[int, ...]:
    return month.mrr_cents, month.new, month.back, month.lost


def tell(
    sessions: db.Sessions, settings: Settings, harness: PaymentHarness, *, shuffled: bool = False
) -> None:
    """Deliver what Stripe has to say, each event twice, in its own order or in any."""
    assert harness.server is not None
    events = [*harness.server.events, *harness.server.events]
    harness.server.events.clear()
    if shuffled:
        random.Random(7).shuffle(events)
    for event in events:
        body, headers = harness.server.webhook(event)
        subscriptions.handle_webhook(
            sessions, harness.processor, body, headers, settings=settings, clock=lambda: harness.now
        )


@pytest.mark.parametrize("shuffled", [False, True])
def test_a_life_of_paying_adds_up_month_by_month(
    each_sessions: db.Sessions, settings: Settings, harness: PaymentHarness, shuffled: bool
) -> None:
    assert harness.server is not None
    reader = make_reader(each_sessions, JANUARY)
    agreement = harness.pay(harness.begin(reference=subject_of(reader.id, reader.address_hash)))
    tell(each_sessions, settings, harness, shuffled=shuffled)
    harness.server.renew(agreement)  # 4 February
    tell(each_sessions, settings, harness, shuffled=shuffled)
    harness.server.renew(
        agreement, paid=False
    )  # 6 March: owing, past the week's grace, in April it is put right
    tell(each_sessions, settings, harness, shuffled=shuffled)
    harness.now = datetime(2026, 4, 1, 12, tzinfo=UTC)
    harness.server.recover(agreement)
    tell(each_sessions, settings, harness, shuffled=shuffled)
    harness.server.refund_by_hand(agreement, 200)
    tell(each_sessions, settings, harness, shuffled=shuffled)
    harness.now = datetime(2026, 4, 3, 12, tzinfo=UTC)
    assert cancellation.cancel_at_period_end(
        each_sessions, harness.processor, reader.id, clock=lambda: harness.now
    )
    tell(each_sessions, settings, harness, shuffled=shuffled)
    months = figures(each_sessions, settings, datetime(2026, 6, 9, tzinfo=UTC))
    # Cancelled on the third of the month in which it came back: both within April, which so ends as it began.
    assert [told(m) for m in months[:4]] == [(500, 1, 0, 0), (500, 0, 0, 0), (0, 0, 0, 1), (0, 0, 0, 0)]
    assert [m.paid_cents for m in months[:5]] == [500, 500, 0, 500, 0]
    assert [m.refunded_cents for m in months[:5]] == [0, 0, 0, 200, 0]
    assert months[2].loss == 1.0


def test_erasing_the_reader_leaves_the_sums(
    each_sessions: db.Sessions, settings: Settings, harness: PaymentHarness
) -> None:
    reader = make_reader(each_sessions, JANUARY)
    harness.pay(harness.begin(reference=subject_of(reader.id, reader.address_hash)))
    tell(each_sessions, settings, harness)
    before = figures(each_sessions, settings, JANUARY + timedelta(days=20))[0]
    assert cancellation.cancel_now(
        each_sessions, harness.processor, reader.id, clock=lambda: harness.now + timedelta(days=1)
    )
    with each_sessions.begin() as session:
        erasure.erase(session, session.get_one(Subscriber, reader.id), now=JANUARY + timedelta(days=1))
    with db.reading(each_sessions) as session:
        rows = session.scalars(select(SubscriptionEvent)).all()
        words = " ".join(str(value) for row in rows for value in vars(row).values())
    assert "ann@" not in words
    assert "sub_" not in words
    assert reader.address_hash[:16] not in words
    after = figures(each_sessions, settings, JANUARY + timedelta(days=20))[0]
    assert (before.paid_cents, after.paid_cents) == (500, 500)


def test_a_trial_that_was_paid_for_later_is_converted(
    each_sessions: db.Sessions, settings: Settings, harness: PaymentHarness
) -> None:
    for name in ("ann", "bo"):
        with each_sessions.begin() as session:
            request = signup.FormRequest(f"{name}@example.com", hour=6, came_from="x")
            signup.ask(session, request, settings=settings, now=JANUARY)
        with db.reading(each_sessions) as session:
            reader = session.scalars(select(Subscriber).order_by(Subscriber.id.desc())).first()
        assert reader is not None
        token = link_for(reader, CONFIRM, JANUARY)
        for _ in range(2):
            with each_sessions.begin() as session:
                signup.confirm(session, token, tokens=tokens_at(JANUARY), settings=settings, now=JANUARY)
    ends = JANUARY + timedelta(days=7)
    harness.pay(harness.begin(reference=subject_of(reader.id, reader.address_hash), trial_ends_at=ends))
    tell(each_sessions, settings, harness)
    month = figures(each_sessions, settings, JANUARY + timedelta(days=1))[0]
    assert (month.trials, month.converted, month.mrr_cents) == (2, 0, 0)  # a card is not yet money
    assert harness.server is not None
    harness.server.renew(next(iter(harness.server.agreements)))
    tell(each_sessions, settings, harness)
    month = figures(each_sessions, settings, JANUARY + timedelta(days=9))[0]
    assert (month.trials, month.converted, month.mrr_cents) == (2, 1, 500)


def test_a_present_is_no_revenue(each_sessions: db.Sessions, settings: Settings) -> None:
    reader = make_reader(each_sessions, JANUARY)
    with each_sessions.begin() as session:
        comps.give(session, reader.id, until=None, reason="thanks", by="operator:1", now=JANUARY)
        comps.end(session, reader.id, reason="over", by="operator:1", now=JANUARY + timedelta(days=2))
    assert [told(m) for m in figures(each_sessions, settings, JANUARY + timedelta(days=40))[:2]] == [
        (0, 0, 0, 0)
    ] * 2


@dataclass(frozen=True)
class _Fact:
    at: datetime
    agreement: str
    status: str
    paid_until: datetime | None
    past_due_at: datetime | None
    cancel_at: datetime | None
    month_cents: int | None
    kind: str = "changed"
    processor: str = "stripe"
    trial: str | None = None
    cents: int | None = None


_moments = st.datetimes(datetime(2026, 1, 1), datetime(2026, 6, 30)).map(lambda d: d.replace(tzinfo=UTC))
_facts = st.lists(
    st.builds(
        _Fact,
        at=_moments,
        agreement=st.sampled_from("abcde"),
        status=st.sampled_from(["trialing", "active", "past_due", "canceled"]),
        paid_until=st.none() | _moments,
        past_due_at=st.none() | _moments,
        cancel_at=st.none() | _moments,
        month_cents=st.none() | st.sampled_from([0, 400, 500]),
    ),
    max_size=25,
)


@given(facts=_facts, now=_moments)
def test_every_month_is_the_month_before_and_its_ups_and_downs(facts: list[_Fact], now: datetime) -> None:
    line = sorted(facts, key=lambda f: f.at)
    months = months_of(
        line,
        first=date(2025, 11, 1),  # the first hours of the year in UTC are still December in New York
        last=date(2026, 7, 1),
        zone="America/New_York",
        month_cents=500,
        now=now,
    )
    assert (months[0].mrr_cents, months[0].paying) == (0, 0)
    for before, month in pairwise(months):
        ups = month.new_cents + month.back_cents + month.repriced_cents
        assert month.mrr_cents == before.mrr_cents + ups - month.lost_cents
        assert month.paying == before.paying + month.new + month.back - month.lost
        assert month.loss is None or 0 <= month.loss <= 1
