"""A till in January, for the tests that follow a paying reader from there."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.billing.money_harness import JANUARY, Till, stripe_over
from tests.servers.stripe_server import StripeServer


@pytest.fixture
def till() -> Iterator[Till]:
    server = StripeServer(JANUARY)
    yield Till(stripe_over(server), server, JANUARY)
    server.close()
