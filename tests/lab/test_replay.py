"""A replay of a day with a few readers balances, and a wrong total is reported."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import select

from newsletter.clock import ManualClock
from newsletter.db.models import Subscriber
from newsletter.delivery.mail.messages import Message, Template
from newsletter.errors import Refused
from newsletter.feeds.fetcher import Fetched
from newsletter.feeds.parser import read_entries
from newsletter.lab.simulate.commands import _replay, replay
from newsletter.lab.simulate.mailboxes import Mailboxes
from newsletter.lab.simulate.newsstand import Newsstand
from newsletter.lab.simulate.oracle import Expected, expected_of
from newsletter.lab.simulate.readers import Away, Pause, Reader
from newsletter.lab.simulate.run import Scenario
from tests.conftest import MORNING
from tests.subscribers.readers import make_reader

FROZEN = datetime(2026, 3, 2, 10, tzinfo=UTC)


@pytest.mark.slow
def test_readers_live_through_a_day_over_a_change_of_clocks_and_the_books_balance(tmp_path: Path) -> None:
    first = datetime(2025, 10, 25, 6, tzinfo=UTC)  # Europe's clocks go back in the night after
    scenario = Scenario(None, first, first + timedelta(hours=29), None, 24, 3, None)
    report = _replay(scenario, tmp_path, quiet=True)
    assert report["lost"] == []
    assert [e for e in report["books"] if not e["balances"]] == []
    owed = next(e for e in report["books"] if e["what"] == "issues that readers were owed and got")
    assert owed["expected"] > 10  # else nothing was shown
    assert report["issues"][0]["state"] == "dispatched"
    # Whoever set out to pay, pause or go got there by a mailed link: had nobody signed in, all the money's lines would be 0 of 0.
    assert _line(report, "errands in the account that were done") >= 5
    assert _line(report, "agreements") >= 3
    assert _line(report, "paying readers with the full edition") >= 1


def _line(report: dict[str, Any], what: str) -> int:
    return int(next(e for e in report["books"] if e["what"] == what)["expected"])


def test_a_time_that_runs_backwards_is_refused() -> None:
    said = CliRunner().invoke(replay, ["--from", "2026-01-02", "--to", "2026-01-01"])
    assert "--to must lie after --from." in str(said.exception)


def test_a_moment_that_is_none_is_refused_by_the_name_of_its_option() -> None:
    said = CliRunner().invoke(replay, ["--from", "soon", "--to", "2026-01-01"])
    assert str(said.exception).startswith("--from: 'soon'")


def test_a_database_with_real_readers_is_refused_and_left_as_it_was(
    tmp_path: Path, sessions, settings
) -> None:
    make_reader(sessions, MORNING)
    scenario = Scenario(None, MORNING, FROZEN + timedelta(days=1), None, 2, 1, settings.DATABASE_URL)
    with pytest.raises(Refused, match="issues or readers already"):
        _replay(scenario, tmp_path / "replay", quiet=True)
    with sessions() as session:
        assert len(session.scalars(select(Subscriber)).all()) == 1


def _life(**facts: object) -> Reader:
    reader = Reader(1, "stays", "UTC", 6, Random(1), None, lambda *_: None, lambda *_: None)  # type: ignore[arg-type]
    for name, value in facts.items():
        setattr(reader, name, value)
    return reader


LONG_AGO, SOON = FROZEN - timedelta(days=3), FROZEN + timedelta(hours=2)


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({}, Expected.MUST_NOT),
        ({"confirmed_at": LONG_AGO}, Expected.MUST),
        ({"confirmed_at": SOON}, Expected.MUST_NOT),
        ({"confirmed_at": LONG_AGO, "away": [Away(LONG_AGO)]}, Expected.MUST_NOT),
        ({"confirmed_at": LONG_AGO, "away": [Away(SOON)]}, Expected.MAY),
        ({"confirmed_at": LONG_AGO, "pauses": [Pause(LONG_AGO, date(2026, 3, 3))]}, Expected.MUST_NOT),
        ({"confirmed_at": LONG_AGO, "pauses": [Pause(LONG_AGO, date(2026, 3, 2))]}, Expected.MUST),
        ({"confirmed_at": LONG_AGO, "weekly_since": LONG_AGO}, Expected.MUST_NOT),  # a Monday
        ({"confirmed_at": LONG_AGO, "erased_at": LONG_AGO}, Expected.MUST_NOT),
        ({"confirmed_at": LONG_AGO, "unreachable_since": LONG_AGO}, Expected.MAY),
    ],
)
def test_what_a_reader_must_have_got(facts: dict[str, object], expected: Expected) -> None:
    assert expected_of(_life(**facts), date(2026, 3, 2), FROZEN, earlier=[date(2026, 2, 28)]) is expected


def test_who_reads_weekly_gets_the_first_issue_after_a_saturday_without_one() -> None:
    weekly = _life(confirmed_at=LONG_AGO, weekly_since=LONG_AGO)
    assert expected_of(weekly, date(2026, 3, 2), FROZEN, earlier=[date(2026, 2, 27)]) is Expected.MUST
    assert expected_of(weekly, date(2026, 3, 2), FROZEN, earlier=[date(2026, 3, 1)]) is Expected.MUST_NOT


def test_the_mailboxes_report_by_fate_and_notice_a_second_hand_over() -> None:
    clock = ManualClock(MORNING)
    boxes = Mailboxes(
        clock, Random(2), fates={"dead@mail.example": "dead", "cross@mail.example": "complains"}
    )
    template = Template("S", "h", "t", "hash")
    mails = [
        Message(f"delivery:{n}", f"{who}@mail.example", template)
        for n, who in enumerate(("ann", "dead", "cross"))
    ]
    boxes.submit(mails)
    boxes.submit(mails[:1])
    clock.forward(MORNING + timedelta(hours=3))
    told = {(e.reference, e.kind, e.bounce) for e in boxes.reports(clock())}
    assert told == {
        ("delivery:0", "delivered", None),
        ("delivery:1", "bounced", "hard"),
        ("delivery:2", "delivered", None),
        ("delivery:2", "complained", None),
    }
    assert boxes.reports(clock()) == []
    assert boxes.asked["delivery:0"] == 2
    assert [x.to for x in boxes.arrivals()].count("ann@mail.example") == 2


FEED = b"""<rss version="2.0"><channel><title>T</title><link>https://a.example/</link>
<item><title>Old news of the harbour</title><link>https://a.example/1</link><pubDate>Mon, 02 Mar 2026 05:00:00 GMT</pubDate></item>
<item><title>News of the bridge</title><link>https://a.example/2</link><pubDate>Tue, 03 Mar 2026 05:00:00 GMT</pubDate></item>
</channel></rss>"""


def test_the_newsstand_shows_what_was_published_by_now_and_tells_it_anew_later() -> None:
    clock = ManualClock(FROZEN)
    asked = []

    def fetch(url: str, *, etag: str | None = None, last_modified: str | None = None) -> Fetched:
        asked.append(url)
        return Fetched(200, FEED, None, None, "application/rss+xml", url, None)

    stand = Newsstand(fetch, clock, since=FROZEN, again_after=timedelta(days=7))

    def seen(etag: str | None = None) -> tuple[list[str], str | None]:
        got = stand("https://a.example/feed", etag=etag)
        if got.status == 304:
            return [], got.etag
        entries = read_entries(got.body, got.content_type, got.url, now=clock())
        assert all(e.published_at and e.published_at <= clock() for e in entries)
        return [e.url for e in entries], got.etag

    first, tag = seen()
    assert first == ["https://a.example/1"]
    assert seen(tag) == ([], tag)
    clock.forward(FROZEN + timedelta(days=1))
    assert seen(tag)[0] == ["https://a.example/1", "https://a.example/2"]
    clock.forward(FROZEN + timedelta(days=7, hours=1))
    assert seen()[0] == ["https://a.example/1?told=1"]
    assert len(asked) == 1


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (FEED.replace(b"Mon, 02 Mar 2026 05:00:00 GMT", b"Fri, 31 Dec 9999 23:59:59 -1200"), 1),
        (FEED.replace(b"Mon, 02 Mar 2026 05:00:00 GMT", b"0001-01-01T00:00:00+14:00"), 1),
        (b"", 0),
    ],
    ids=["after the last day", "before the first", "empty"],
)
def test_a_document_that_makes_no_sense_is_shown_as_it_is(body: bytes, shown: int) -> None:
    def fetch(url: str, **_: Any) -> Fetched:
        return Fetched(200, body, None, None, "application/rss+xml", url, None)

    clock = ManualClock(FROZEN)
    stand = Newsstand(fetch, clock, since=FROZEN, again_after=timedelta(days=7))
    for days in (0, 1, 6):  # told, told more, and told anew
        clock.forward(clock() + timedelta(days=days))
        assert stand("https://a.example/feed").body.count(b"harbour") == shown


def test_a_clock_moved_by_hand_never_goes_back() -> None:
    clock = ManualClock(MORNING)
    assert clock.forward(MORNING - timedelta(hours=1)) == MORNING
    assert clock.forward(MORNING + timedelta(hours=1)) == clock() == MORNING + timedelta(hours=1)
