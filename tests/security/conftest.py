"""Clocks stand still here, so nobody is asked whether they were too quick."""

from __future__ import annotations

from datetime import timedelta

import pytest

from newsletter import log
from newsletter.web import haste


@pytest.fixture(scope="module", autouse=True)
def _logs_of_this_module() -> None:
    """What a module sets up once must not log into what an earlier test caught."""
    log.configure(json=True)


@pytest.fixture(autouse=True)
def _no_haste(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(haste, "LEAST", timedelta(0))
