"""The clocks of these tests stand still, so no form is refused for coming back too quickly."""

from __future__ import annotations

from datetime import timedelta

import pytest

from newsletter.web.http import bot_timing


@pytest.fixture(autouse=True)
def _no_bot_timing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bot_timing, "SHORTEST_FILL", timedelta(0))
