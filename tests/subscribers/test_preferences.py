"""A reader's choices of hour, zone, cadence and topics, and when an Issue is due."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.subscribers.preferences import BEFORE_STALE, due_at, hour_on

ZONES = (
    "America/New_York",
    "America/Los_Angeles",
    "America/St_Johns",
    "Europe/London",
    "Europe/Lisbon",
    "Asia/Kolkata",
    "Asia/Tokyo",
    "Australia/Lord_Howe",
    "Pacific/Auckland",
    "Pacific/Honolulu",
    "America/Santiago",
    "UTC",
)
YEAR = [date(2026, 1, 1) + timedelta(days=n) for n in range(365)]


@pytest.mark.parametrize("zone", ZONES)
def test_on_every_day_of_a_year_the_hour_is_the_readers_own(zone: str) -> None:
    """Unless the clocks skip it, the moment is the asked-for hour on the asked-for day; skipped ones come right after."""
    skipped = 0
    for day in YEAR:
        for hour in range(24):
            moment = hour_on(day, hour, zone)
            local = moment.astimezone(ZoneInfo(zone))
            assert moment.tzinfo is UTC
            assert local.date() == day
            if (local.hour, local.minute) == (hour, 0):
                # Of two moments that show this hour it is the earlier one.
                assert (moment - timedelta(hours=1)).astimezone(
                    ZoneInfo(zone)
                ).hour != hour or local.fold == 0
                continue
            skipped += 1
            before = (moment - timedelta(hours=1, minutes=1)).astimezone(ZoneInfo(zone))
            assert before.utcoffset() != local.utcoffset()
            assert 0 < (local.hour - hour) * 60 + local.minute <= 60
    assert skipped <= 1


def test_an_hour_the_clocks_skip_comes_when_they_have_jumped() -> None:
    assert hour_on(date(2026, 3, 8), 2, "America/New_York") == datetime(
        2026, 3, 8, 7, tzinfo=UTC
    )  # 03:00 there


def test_an_hour_the_clocks_repeat_comes_the_first_time() -> None:
    assert hour_on(date(2026, 11, 1), 1, "America/New_York") == datetime(2026, 11, 1, 5, tzinfo=UTC)


def test_a_day_a_zone_left_out_gives_a_moment_all_the_same() -> None:
    assert hour_on(date(2011, 12, 30), 6, "Pacific/Apia").tzinfo is UTC


def due(day: date, hour: int, zone: str, ready: datetime) -> datetime:
    return due_at(day, hour, zone, ready_at=ready, stale_at=ready + timedelta(hours=18))


DAY = date(2026, 3, 2)
READY = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)  # 04:30 in New York


@pytest.mark.parametrize(
    ("zone", "hour", "expected"),
    [
        ("America/New_York", 6, datetime(2026, 3, 2, 11, tzinfo=UTC)),
        ("America/Los_Angeles", 6, datetime(2026, 3, 2, 14, tzinfo=UTC)),
        ("America/New_York", 4, READY),  # half an hour late: at once
        ("Europe/London", 6, READY),  # three and a half hours late: at once
        ("Asia/Kolkata", 6, READY),
        (
            "Asia/Tokyo",
            6,
            datetime(2026, 3, 2, 21, tzinfo=UTC),
        ),  # it is 18:30 there: tomorrow at six is nearer
        ("Pacific/Auckland", 6, datetime(2026, 3, 2, 17, tzinfo=UTC)),
        ("Pacific/Honolulu", 23, READY + timedelta(hours=18) - BEFORE_STALE),  # would be stale by then
    ],
)
def test_the_issue_made_in_new_york_reaches_each_zone_at_its_hour(
    zone: str, hour: int, expected: datetime
) -> None:
    assert due(DAY, hour, zone, READY) == expected


@given(st.sampled_from(YEAR), st.integers(0, 23), st.sampled_from(ZONES), st.integers(0, 40 * 60))
def test_it_is_never_early_never_stale_and_at_most_half_a_day_late(
    day: date, hour: int, zone: str, minutes: int
) -> None:
    ready = hour_on(day, 0, "America/New_York") + timedelta(minutes=minutes)
    moment = due(day, hour, zone, ready)
    assert ready <= moment < ready + timedelta(hours=18)
    if moment != ready and moment != ready + timedelta(hours=18) - BEFORE_STALE:
        assert moment in (hour_on(day, hour, zone), hour_on(day + timedelta(days=1), hour, zone))


def test_a_late_evening_freeze_does_not_wait_for_the_next_issues_morning() -> None:
    composed = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
    frozen = datetime(2026, 3, 3, 1, tzinfo=UTC)  # 20:00 in New York
    assert (
        due_at(DAY, 6, "America/New_York", ready_at=frozen, stale_at=composed + timedelta(hours=18)) == frozen
    )
