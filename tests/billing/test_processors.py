"""The contract of a payment processor, tested with the real SDK over HTTP and with the offline processor."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from newsletter.billing.processors import make
from newsletter.billing.processors.offline import OfflineProcessor
from newsletter.billing.processors.protocol import NoSuchAgreement, ProcessorUnreachable
from newsletter.billing.processors.stripe import StripeProcessor
from newsletter.settings import Settings
from tests.billing.money_harness import REFERENCE, PaymentHarness, stripe_over
from tests.servers.stripe_server import StripeServer

MONTH = timedelta(days=30)


@pytest.fixture(params=["stripe", "offline"])
def harness(request: pytest.FixtureRequest, now: datetime, tmp_path: Path) -> Iterator[PaymentHarness]:
    if request.param == "offline":
        page_url = "http://127.0.0.1:8000/checkout/offline"
        yield PaymentHarness(OfflineProcessor(tmp_path / "payments", page_url=page_url), None, now)
        return
    server = StripeServer(now)
    yield PaymentHarness(stripe_over(server), server, now)
    server.close()


def test_paying_leads_to_an_agreement_with_our_reference(harness: PaymentHarness) -> None:
    now = harness.now
    agreement_id = harness.pay(harness.begin())
    fact = harness.processor.read_object(agreement_id, now=now)
    assert (fact.processor_id, fact.status, fact.reference) == (agreement_id, "active", REFERENCE)
    assert (fact.started_at, fact.paid_until, fact.changed_at) == (now, now + MONTH, now)
    assert (fact.past_due_at, fact.cancel_at) == (None, None)


@pytest.mark.parametrize(
    "left", [timedelta(days=5), timedelta(days=2), timedelta(hours=30), timedelta(minutes=1)]
)
def test_nothing_is_charged_while_the_trial_runs(harness: PaymentHarness, left: timedelta) -> None:
    now = harness.now
    fact = harness.processor.read_object(harness.pay(harness.begin(trial_ends_at=now + left)), now=now)
    assert fact.status == "trialing"
    assert fact.paid_until is not None
    assert now + left <= fact.paid_until <= now + left + timedelta(days=1)


def test_a_trial_that_is_over_frees_nothing(harness: PaymentHarness) -> None:
    fact = harness.processor.read_object(
        harness.pay(harness.begin(trial_ends_at=harness.now - timedelta(hours=1))), now=harness.now
    )
    assert fact.status == "active"


def test_cancelling_keeps_what_is_paid_for_and_twice_is_once(harness: PaymentHarness) -> None:
    now = harness.now
    agreement_id = harness.pay(harness.begin())
    for _ in range(2):
        fact = harness.processor.cancel_at_period_end(agreement_id, now=now)
        assert (fact.status, fact.cancel_at) == ("active", now + MONTH)
    if harness.server:
        harness.server.renew(agreement_id)
    else:
        harness.now = now + MONTH
    fact = harness.processor.read_object(agreement_id, now=harness.now)
    assert (fact.status, fact.cancel_at) == ("canceled", now + MONTH)
    assert harness.processor.cancel_at_period_end(agreement_id, now=harness.now).status == "canceled"


def test_ending_at_once_twice_is_once(harness: PaymentHarness) -> None:
    agreement_id = harness.pay(harness.begin())
    for _ in range(2):
        fact = harness.processor.cancel_now(agreement_id, now=harness.now)
        assert (fact.status, fact.cancel_at) == ("canceled", harness.now)


def test_a_failed_payment_owes_since_then_and_has_paid_until_then(harness: PaymentHarness) -> None:
    agreement_id = harness.pay(harness.begin())
    harness.fail(agreement_id)
    fact = harness.processor.read_object(agreement_id, now=harness.now)
    assert (fact.status, fact.past_due_at) == ("past_due", harness.now)
    if harness.server:
        assert fact.paid_until == harness.now
    # Who owes and cancels must not be charged for the period that they do not get.
    assert harness.processor.cancel_at_period_end(agreement_id, now=harness.now).status == "canceled"


def test_a_refund_is_given_once(harness: PaymentHarness) -> None:
    agreement_id = harness.pay(harness.begin())
    given = harness.processor.refund(agreement_id)
    assert given is not None
    assert (given.cents, given.cents_in_all, given.currency) == (500, 500, "usd")
    assert harness.processor.refund(agreement_id) is None


def test_a_trial_has_nothing_to_refund(harness: PaymentHarness) -> None:
    agreement_id = harness.pay(harness.begin(trial_ends_at=harness.now + timedelta(days=5)))
    assert harness.processor.refund(agreement_id) is None


def test_the_portal_is_an_address(harness: PaymentHarness) -> None:
    agreement_id = harness.pay(harness.begin())
    assert harness.processor.portal_url(agreement_id, back_url="https://news.example/checkout").startswith(
        "http"
    )


def test_coming_back_from_a_checkout(harness: PaymentHarness) -> None:
    url = harness.begin()
    checkout_id = url.rpartition("/")[2]
    assert harness.processor.finished_checkout(checkout_id) is None
    agreement_id = harness.pay(url)
    assert harness.processor.finished_checkout(checkout_id) == agreement_id


@pytest.mark.parametrize(
    "strange", ["", "sub_none", "../../etc/passwd", "cs_test_none", "off_" + "0" * 24, "a/b?c"]
)
def test_what_is_unknown_is_said_to_be(harness: PaymentHarness, strange: str) -> None:
    with pytest.raises((NoSuchAgreement, ValueError)):
        harness.processor.finished_checkout(strange)
    if strange:
        with pytest.raises(NoSuchAgreement):
            harness.processor.read_object(strange, now=harness.now)


def test_the_offline_books_may_be_damaged(tmp_path: Path, now: datetime) -> None:
    harness = PaymentHarness(
        OfflineProcessor(tmp_path / "payments", page_url="http://127.0.0.1/x"), None, now
    )
    page_id = harness.pay(harness.begin())
    (tmp_path / "payments" / f"{page_id}.json").write_text('{"id": ')
    with pytest.raises(ProcessorUnreachable):
        harness.processor.read_object(page_id, now=now)


def test_a_stand_in_that_renews_by_itself_renews_each_month(tmp_path: Path, now: datetime) -> None:
    harness = PaymentHarness(
        OfflineProcessor(tmp_path / "payments", page_url="http://127.0.0.1/x"), None, now
    )
    page_id = harness.pay(harness.begin())
    fact = harness.processor.read_object(page_id, now=now + 2 * MONTH)
    assert (fact.status, fact.paid_until) == ("active", now + 3 * MONTH)


def test_the_key_decides_and_production_wants_it(settings: Settings) -> None:
    from pydantic import SecretStr

    assert isinstance(make(settings), OfflineProcessor)
    given = {
        "STRIPE_API_KEY": SecretStr("sk_live_x"),
        "STRIPE_WEBHOOK_SECRET": SecretStr("whsec_x"),
        "STRIPE_PRICE_ID": "price_x",
    }
    assert isinstance(make(settings.model_copy(update=given)), StripeProcessor)

    def refused(**without: object) -> str:
        return " ".join(r for r in settings.model_copy(update={**given, **without}).unsafe() if "STRIPE" in r)

    assert refused() == ""
    assert "the offline stand-in takes no money" in refused(STRIPE_API_KEY=SecretStr(""))
    assert "STRIPE_WEBHOOK_SECRET" in refused(STRIPE_WEBHOOK_SECRET=SecretStr(""))
    assert "STRIPE_PRICE_ID" in refused(STRIPE_PRICE_ID="")
    assert "STRIPE_API_BASE" in refused(STRIPE_API_BASE="http://127.0.0.1:1")
