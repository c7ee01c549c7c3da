"""Clocks stand still here, so nobody is asked whether they were too quick."""

from __future__ import annotations

from datetime import timedelta

import pytest

from newsletter.web import haste


@pytest.fixture(autouse=True)
def _no_haste(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(haste, "LEAST", timedelta(0))
