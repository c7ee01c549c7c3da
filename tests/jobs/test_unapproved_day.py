"""The drill of a day on which nobody approves, hour by hour: ``pytest -s tests/jobs/test_unapproved_day.py`` prints it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from newsletter import db
from newsletter.cli import opening
from newsletter.db.models import Delivery, Issue, Notice
from newsletter.jobs import today
from newsletter.jobs.tick import tick
from tests.conftest import MORNING
from tests.subscribers.readers import make_reader
from tests.web.sample_site import service_with

HOUR = timedelta(hours=1)
FIRST_HOUR = MORNING.replace(hour=12)  # 7 in New York


def day_of(sessions: db.Sessions, settings: Any) -> Iterator[tuple[datetime, str, list[str]]]:
    """Each hour of the day: its time, the desk's one answer, and what operators were told since the hour before."""
    clocks = [MORNING.replace(hour=5, minute=0)]
    service = service_with(sessions, settings, lambda: clocks[0])
    parts = opening.open_sample(service)
    told = 0
    for _ in range(24):
        for _ in range(4):
            for _ in range(12):  # a tick does what is due, and what becomes due by it is the next one's
                if not tick(parts, clocks[0]):
                    break
            clocks[0] += HOUR / 4
        with db.reading(sessions) as session:
            answer = today.answer(session, settings, now=clocks[0]).in_one_sentence
            words = session.scalars(
                select(Notice.values).where(Notice.kind == "alert").order_by(Notice.id)
            ).all()
        yield clocks[0], str(answer), [w["what"] for w in words[told:]]
        told = len(words)


@pytest.mark.slow
def test_nothing_goes_out_and_nobody_can_miss_it(make_settings: Any, sessions: db.Sessions) -> None:
    settings = make_settings(APPROVAL="manual", OPERATORS="desk@example.com")
    make_reader(sessions, MORNING, "ann@example.com", hour=7, zone="America/New_York")
    answers: dict[datetime, str] = {}
    alerts: list[tuple[datetime, str]] = []
    for at, answer, told in day_of(sessions, settings):
        print(f"{at:%H:%M}  {answer}")
        for what in told:
            print(f"         → operators: {what}")
        answers[at] = answer
        alerts += [(at, what) for what in told]
    with db.reading(sessions) as session:
        assert session.scalars(select(Issue.state)).all()[0] == "draft"
        assert session.scalar(select(func.count()).select_from(Delivery)) == 0
    said = [what for _, what in alerts]
    assert any("is ready" in what for what in said)
    assert any("60 minutes left" in what for what in said)
    assert any("15 minutes left" in what for what in said)
    assert any("hour passed" in what for what in said)
    assert max(at for at, what in alerts if "is ready" in what) < FIRST_HOUR
    waiting = [answer for at, answer in answers.items() if alerts[0][0] <= at < FIRST_HOUR]
    assert waiting
    assert all("approve" in answer.lower() for answer in waiting)
    assert "passed 17 hours ago" in list(answers.values())[-1]
    assert not any("Nothing to do" in answer for at, answer in answers.items() if at >= FIRST_HOUR)
