"""Access, computed from consent, money and time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import pytest

from newsletter.subscribers.access import (
    PAST_DUE_GRACE,
    RENEWAL_GRACE,
    Access,
    Facts,
    MailFacts,
    access,
    trial_ends_at,
    why_not,
)

NOW = datetime(2026, 3, 2, 10, tzinfo=UTC)
DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)


@dataclass(frozen=True)
class Paying:
    status: str
    paid_until: datetime | None = None
    past_due_at: datetime | None = None
    cancel_at: datetime | None = None


@pytest.mark.parametrize(
    ("agreement", "full"),
    [
        (Paying("active", paid_until=NOW + DAY), True),
        (Paying("trialing", paid_until=NOW + DAY), True),
        (Paying("active"), True),  # a comp has no end
        (Paying("active", paid_until=NOW - RENEWAL_GRACE + SECOND), True),
        (Paying("active", paid_until=NOW - RENEWAL_GRACE), False),
        (Paying("past_due", past_due_at=NOW - PAST_DUE_GRACE + SECOND), True),
        (Paying("past_due", past_due_at=NOW - PAST_DUE_GRACE), False),
        (Paying("canceled", paid_until=NOW + DAY), False),
        (Paying("active", paid_until=NOW + DAY, cancel_at=NOW + SECOND), True),
        (Paying("active", paid_until=NOW + DAY, cancel_at=NOW), False),
    ],
)
def test_full_while_somebody_pays(agreement: Paying, full: bool) -> None:
    assert (access(Facts(agreements=(agreement,)), now=NOW) is Access.FULL) is full


def test_one_good_subscription_among_ended_ones_is_enough() -> None:
    assert access(Facts(agreements=(Paying("canceled"), Paying("active"))), now=NOW) is Access.FULL


@pytest.mark.parametrize(
    ("started", "answer"),
    [
        (None, Access.METERED),
        (NOW, Access.TRIAL),
        (NOW - 7 * DAY + SECOND, Access.TRIAL),
        (NOW - 7 * DAY, Access.METERED),
        (NOW + SECOND, Access.METERED),
    ],
)
def test_the_trial_runs_seven_days_to_the_second(started: datetime | None, answer: Access) -> None:
    facts = Facts(trial_started_at=started)
    assert access(facts, now=NOW) is answer
    assert trial_ends_at(facts) == (started + 7 * DAY if started else None)


def test_the_rendition_follows_from_access() -> None:
    assert {a: a.rendition for a in Access} == {"full": "full", "trial": "full", "metered": "metered"}


def test_paying_counts_before_the_trial() -> None:
    assert access(Facts(NOW, (Paying("active"),)), now=NOW) is Access.FULL


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({}, None),
        ({"confirmed_at": None}, "unconfirmed"),
        ({"unsubscribed_at": NOW}, "unsubscribed"),
        ({"suppressed": True}, "suppressed"),
        ({"paused_until": date(2026, 3, 3)}, "paused"),
        ({"paused_until": date(2026, 3, 2)}, None),  # mail resumes on that day
        ({"cadence": "weekly"}, "weekly-not-today"),
        ({"cadence": "weekly", "on": date(2026, 3, 7)}, None),  # a Saturday
        ({"confirmed_at": None, "unsubscribed_at": NOW}, "unconfirmed"),
    ],
)
def test_who_is_left_out_and_why(facts: dict[str, object], reason: str | None) -> None:
    usual: dict[str, object] = {
        "confirmed_at": NOW,
        "unsubscribed_at": None,
        "suppressed": False,
        "paused_until": None,
        "cadence": "daily",
        "on": date(2026, 3, 2),
    }
    known = {**usual, **facts}
    on = known.pop("on")
    assert why_not(MailFacts(**known), on=on) == reason  # type: ignore[arg-type]
