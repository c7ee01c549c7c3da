"""One way to write a day, one to write a moment: in mails to one reader, to all, to operators, and on pages."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from pathlib import Path

from newsletter import dates
from newsletter.subscribers.preferences import local_day
from newsletter.web import template_words

ROOT = Path(__file__).parent.parent


def test_a_day_and_a_moment() -> None:
    assert dates.day(date(2026, 3, 2)) == "Monday, 2 March 2026"
    at = datetime(2026, 3, 2, 10, 10, tzinfo=UTC)
    assert dates.moment(at, "America/New_York") == "2 March 2026, 05:10 EST"
    assert dates.moment(at, "Asia/Kathmandu") == "2 March 2026, 15:55 +0545"
    assert template_words.day is dates.day


def test_the_day_it_is_where_a_reader_lives() -> None:
    at = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
    assert local_day(at, "Pacific/Auckland", default="America/New_York") == "Tuesday, 3 March 2026"
    assert local_day(at, "Mars/Olympus", default="America/New_York") == "Monday, 2 March 2026"


def test_no_mail_writes_months_in_a_way_of_its_own() -> None:
    """Whatever makes mail leaves the names of months to ``dates``."""
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
