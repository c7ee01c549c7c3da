"""Dates in every zone that publishers write, and no date rather than a wrong one."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.feeds import dates
from newsletter.feeds.parser import read_entries
from tests.servers.feed_server import entry, rss

NOW = datetime(2026, 7, 3, 10, 0, tzinfo=UTC)


def published(written: str) -> str:
    """The time in UTC of an RSS item with this pubDate; empty without one."""
    (found,) = read_entries(rss(entry(1, date=written)).encode(), "", "https://f.example/", now=NOW)
    return f"{found.published_at:%d %H:%M}" if found.published_at else ""


@pytest.mark.parametrize(
    ("written", "utc"),
    [
        ("Wed, 01 Jul 2026 10:00:00 GMT", "01 10:00"),
        ("Wed, 01 Jul 2026 10:00:00 EDT", "01 14:00"),
        ("Wed, 01 Jul 2026 10:00:00 +0530", "01 04:30"),
        ("Wed, 01 Jul 2026 10:00:00 BST", "01 09:00"),
        ("Wed, 01 Jul 2026 10:00:00 CEST", "01 08:00"),
        ("Wed, 01 Jul 2026 10:00:00 JST", "01 01:00"),
        ("Wed, 01 Jul 2026 10:00:00 AEST", "01 00:00"),
        ("Wed, 01 Jul 2026 10:00:00 UTC+0200", "01 08:00"),
        ("Wed, 01 Jul 2026 10:00:00 GMT-3", "01 13:00"),
        ("Wed, 01 Jul 2026 10:00:00 +0200 (Central European Summer Time)", "01 08:00"),
        ("Wed, 01 Jul 2026 02:30 PM PDT", "01 21:30"),
        ("Wed, 01 Jul 2026 12:05 a.m. EST", "01 05:05"),
        ("2026-07-01 10:00:00 Europe/Rome", "01 08:00"),
        ("2026-07-01T10:00:00+02:00", "01 08:00"),
        ("2026-07-01T10:00:00", "01 10:00"),
        ("Wed, 01 Jul 2026", "01 00:00"),
        ("Wed, 01 Jul 2026 10:00:00 IST", ""),
        ("Wed, 01 Jul 2026 10:00:00 Station Time", ""),
        ("2026-07-01 10:00:00 Europe/Nowhere", ""),
        ("2026-07-01 10:00:00 ../../etc/passwd", ""),
        ("Wed, 01 Jul 2026 25:00:00 GMT", ""),
        ("Wed, 01 Jul 2026 13:00 PM EST", "01 18:00"),
    ],
)
def test_a_date_is_right_or_there_is_none(written: str, utc: str) -> None:
    assert published(written) == utc


@pytest.mark.parametrize("written", ["2026-07-01T12:00:00+02:00", "Wed, 01 Jul 2026 12:00:00 CEST"])
def test_a_json_feed_may_write_its_dates_as_rss_does(written: str) -> None:
    item = {
        "id": "1",
        "url": "https://f.example/1",
        "title": "The ferry line opens",
        "date_published": written,
    }
    feed = {"version": "https://jsonfeed.org/version/1.1", "title": "T", "items": [item]}
    (found,) = read_entries(json.dumps(feed).encode(), "", "https://f.example/", now=NOW)
    assert found.published_at == datetime(2026, 7, 1, 10, 0, tzinfo=UTC)


@given(st.text(max_size=150) | st.from_regex(r"\d{1,5}-\d{1,3}-\d{1,3} \d{1,3}:\d\d [A-Z+\-]{1,5}\d{0,5}"))
def test_any_text_is_a_moment_in_utc_or_none(text: str) -> None:
    try:
        moment = dates.read(text)
    except dates.UnknownZone:
        return
    assert moment is None or moment.tzinfo is UTC
