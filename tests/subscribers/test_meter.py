"""The Meter's promises on both databases: five a month, the same Story once, two presses at once never six."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select

from newsletter import db
from newsletter.db.models import Read, Story
from newsletter.settings import Settings
from newsletter.subscribers import meter
from newsletter.subscribers.access import Access
from tests.subscribers.readers import make_reader

MARCH = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
READER = "a-random-word"


@pytest.fixture
def stories(each_sessions: db.Sessions) -> list[int]:
    with each_sessions.begin() as session:
        rows = [
            Story(
                slug=f"story-{n}",
                created_at=MARCH,
                first_published_at=MARCH,
                last_published_at=MARCH,
                grouped_at=MARCH,
            )
            for n in range(12)
        ]
        session.add_all(rows)
        session.flush()
        return [row.id for row in rows]


def test_five_a_month_and_coming_back_is_free(
    each_sessions: db.Sessions, stories: list[int], settings: Settings
) -> None:
    def press(story: int, reader: str = READER, now: datetime = MARCH) -> meter.Allowance:
        return meter.open_story(each_sessions, reader, story, settings=settings, now=now)

    lefts = [(press(story).opened, press(story).left) for story in stories[:5]]
    assert lefts == [(True, 4), (True, 3), (True, 2), (True, 1), (True, 0)]
    assert not press(stories[5]).opened
    assert press(stories[0]).opened, "what was opened this month stays open"
    assert press(stories[5], reader="another").opened
    with db.reading(each_sessions) as session:
        assert session.scalar(select(func.count()).where(Read.reader == READER)) == 5


def test_the_month_ends_where_the_newsletter_is(
    each_sessions: db.Sessions, stories: list[int], settings: Settings
) -> None:
    assert settings.EDITION_TZ == "America/New_York"
    still_march = datetime(2026, 4, 1, 3, 59, tzinfo=UTC)  # 23:59 on the 31st there
    for story in stories[:5]:
        meter.open_story(each_sessions, READER, story, settings=settings, now=MARCH)
    assert not meter.open_story(each_sessions, READER, stories[5], settings=settings, now=still_march).opened
    april = meter.open_story(
        each_sessions, READER, stories[5], settings=settings, now=still_march + timedelta(minutes=1)
    )
    assert (april.opened, april.left) == (True, 4)


def test_presses_at_once_cannot_exceed(
    each_sessions: db.Sessions, stories: list[int], settings: Settings
) -> None:
    def press(story: int) -> bool:
        return meter.open_story(each_sessions, READER, story, settings=settings, now=MARCH).opened

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(press, stories)) == settings.FREE_STORIES
        again = list(threads.map(press, [stories[0]] * 4))
    assert len(set(again)) == 1
    with db.reading(each_sessions) as session:
        assert session.scalar(select(func.count()).select_from(Read)) == settings.FREE_STORIES


def test_access_is_read_from_the_facts(sessions: db.Sessions, settings: Settings) -> None:
    trial = make_reader(sessions, MARCH, trial_started_at=MARCH).id
    with db.reading(sessions) as session:
        owed = [
            meter.access_of(session, number, settings=settings, now=MARCH + timedelta(days=days))
            for number, days in ((trial, 1), (trial, 8), (trial + 1, 1))
        ]
    assert owed == [Access.TRIAL, Access.METERED, None]


def test_what_was_read_before_signing_in_counts_after_it(
    each_sessions: db.Sessions, stories: list[int], settings: Settings
) -> None:
    number = make_reader(each_sessions, MARCH).id
    mine = meter.reader_key(number)
    for story in stories[:3]:
        meter.open_story(each_sessions, READER, story, settings=settings, now=MARCH)
    meter.open_story(each_sessions, mine, stories[2], settings=settings, now=MARCH)
    for expected in (2, 0):  # the second time nothing is new
        with each_sessions.begin() as session:
            assert meter.carry_over(session, READER, number, settings=settings, now=MARCH) == expected
    with db.reading(each_sessions) as session:
        signed_in = meter.allowance(session, mine, stories[0], settings=settings, now=MARCH)
        browser = meter.allowance(session, READER, stories[0], settings=settings, now=MARCH)
    assert (signed_in.opened, signed_in.left, browser.left) == (True, 2, 2)
