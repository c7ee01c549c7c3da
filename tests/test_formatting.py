"""Days, moments, numbers and lists are written in one way each: in mails to readers and operators, and on pages."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from newsletter import formatting
from newsletter.subscribers.preferences import local_day

ROOT = Path(__file__).parent.parent


def test_a_country_is_told_by_its_name() -> None:
    assert [formatting.country_name(code) for code in ("KE", "US", "ZZ", "")] == [
        "Kenya",
        "United States",
        "ZZ",
        "",
    ]


def test_a_day_and_a_moment() -> None:
    assert formatting.day(date(2026, 3, 2)) == "Monday, 2 March 2026"
    at = datetime(2026, 3, 2, 10, 10, tzinfo=UTC)
    assert formatting.moment(at, "America/New_York") == "2 March 2026, 05:10 EST"
    assert formatting.moment(at, "Asia/Kathmandu") == "2 March 2026, 15:55 +0545"


def test_the_day_it_is_where_a_reader_lives() -> None:
    at = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
    assert local_day(at, "Pacific/Auckland", default="America/New_York") == "Tuesday, 3 March 2026"
    assert local_day(at, "Mars/Olympus", default="America/New_York") == "Monday, 2 March 2026"


def test_no_mail_writes_months_in_a_way_of_its_own() -> None:
    """Whatever makes mail leaves the names of months to ``formatting``."""
    makers = (
        "delivery",
        "subscribers",
        "billing",
        "issues/render",
        "jobs/alerts.py",
        "issues/service.py",
        "jobs/pipeline.py",
        "issues/checks/context.py",
    )
    files = [f for name in makers for f in sorted((ROOT / "newsletter").glob(f"{name}/**/*.py"))]
    files += [ROOT / "newsletter" / name for name in makers if name.endswith(".py")]
    assert len(files) > 50
    files += sorted((ROOT / "templates" / "email").glob("**/*.*"))
    odd = [str(f.relative_to(ROOT)) for f in files if re.search(r"%[bB]\b|strftime\(", f.read_text())]
    assert odd == []


def test_moments_in_tables_and_feeds() -> None:
    at = datetime(2026, 3, 2, 10, 10, 33, tzinfo=UTC)
    assert formatting.short_moment(at, "America/New_York") == "2 Mar, 05:10"
    assert formatting.short_moment(at, "America/New_York", seconds=True) == "2 Mar, 05:10:33"
    assert formatting.rfc3339(at.astimezone(ZoneInfo("Asia/Tokyo"))) == "2026-03-02T10:10:33Z"
    assert (formatting.short_day(at), formatting.short_month(at)) == ("2 Mar", "Mar 26")


def test_counts_and_lists() -> None:
    assert [formatting.counted(n, "story", "stories") for n in (0, 1, 1204)] == [
        "0 stories",
        "1 story",
        "1,204 stories",
    ]
    assert [formatting.listed(["left", "center", "right"][:n]) for n in range(4)] == [
        "", "left", "left and center", "left, center and right",
    ]  # fmt: skip
    assert (formatting.number(1204), formatting.percent(97.46), formatting.share(0, 0)) == (
        "1,204",
        "97.5 %",
        "none",
    )


def test_nothing_else_writes_months_counts_or_moments_in_a_way_of_its_own() -> None:
    """The site, the desk and the mails leave days, moments and counted words to ``formatting``."""
    own = re.compile(
        r"%[bB]\b|%H:%M:%SZ|:,\} \{one if|def (?:plural|counted|listed|percent|short_day)\(\w+: (?:int|float|date)"
    )
    folders = ("web", "desk", "delivery", "subscribers", "billing", "issues", "jobs")
    files = [f for name in folders for f in sorted((ROOT / "newsletter" / name).rglob("*.py"))]
    assert len(files) > 100
    assert [str(f.relative_to(ROOT)) for f in files if own.search(f.read_text())] == []


def test_a_minute_for_operators_is_in_utc() -> None:
    assert (
        formatting.utc_minute(datetime(2026, 3, 2, 5, 10, tzinfo=ZoneInfo("America/New_York")))
        == "2026-03-02 10:10 UTC"
    )


def test_an_hour_stands_with_a_place_that_people_know() -> None:
    assert formatting.hour_in_zone(6, "America/Los_Angeles") == "6 am, Los Angeles time"
    assert formatting.hour_in_zone(18, "America/Argentina/Buenos_Aires") == "6 pm, Buenos Aires time"
    assert formatting.hour_in_zone(0, "UTC") == formatting.hour_in_zone(0, "Etc/UTC") == "midnight UTC"
