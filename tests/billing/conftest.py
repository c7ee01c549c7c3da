"""Fixtures of both payment processors with a paying reader, from January on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.billing.money_harness import JANUARY, PaymentHarness, stripe_over
from tests.servers.stripe_server import StripeServer


@pytest.fixture
def harness() -> Iterator[PaymentHarness]:
    server = StripeServer(JANUARY)
    yield PaymentHarness(stripe_over(server), server, JANUARY)
    server.close()
