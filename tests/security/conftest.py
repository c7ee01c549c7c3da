"""Clocks stand still here, so nobody is asked whether they were too quick."""

from __future__ import annotations

from datetime import timedelta

import pytest

from newsletter.web.http import bot_timing


@pytest.fixture(autouse=True)
def _no_haste(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bot_timing, "LEAST", timedelta(0))
