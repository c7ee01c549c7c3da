"""The page after the button in the first mail: it promises what this reader gets, and nothing a second time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask

from newsletter import db
from newsletter.subscribers.tokens import CONFIRM
from tests.subscribers.readers import link_for, make_reader

DAY = timedelta(days=1)
FREE = "For 7 days you read everything, free."


@pytest.mark.parametrize(
    ("was", "free", "welcome"),
    [
        ({"confirmed_at": None, "trial_started_at": None}, FREE, True),
        ({"trial_started_at": -40 * DAY, "unsubscribed_at": -9 * DAY}, "", False),
        (
            {"trial_started_at": -2 * DAY, "unsubscribed_at": -DAY},
            "run until 7 March 2026, 05:00 EST.",
            False,
        ),
    ],
    ids=["new", "back, the trial over", "back within the trial"],
)
def test_days_are_promised_to_those_alone_who_have_them(
    make_site: Callable[..., Flask],
    sessions: db.Sessions,
    now: datetime,
    was: dict[str, Any],
    free: str,
    welcome: bool,
) -> None:
    facts = {name: now + value if isinstance(value, timedelta) else value for name, value in was.items()}
    ann = make_reader(sessions, now, asked_at=now, **facts)
    path = f"/confirm/{link_for(ann, CONFIRM, now)}"
    done = make_site().test_client().post(path).text
    assert "Welcome to Evenhand" in done
    assert free in done
    assert ("free" in done.partition("Three things")[0].rpartition("standfirst")[2]) == bool(free)
    assert ("Answer our welcome mail" in done) == welcome
