"""A machine's clock is set back by an hour or forward by a day: still one Issue a day at most, and no copy twice."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from sqlalchemy import func, select

from newsletter import db
from newsletter.cli import invented_readers, opening
from newsletter.db.models import Delivery, Issue, Notice, Run, Subscriber
from newsletter.delivery import ledger
from newsletter.jobs.pipeline import Parts
from newsletter.jobs.tick import tick
from newsletter.settings import Settings
from tests.clocks import Hands
from tests.web.sample_site import service_with

NIGHT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)  # half an hour before the Issue is composed
HOUR = timedelta(hours=1)
DAYS = int(os.environ.get("MOMENTS", "1"))  # the first has jumps of every kind; `make prove` asks for more


@pytest.fixture
def parts(sessions: db.Sessions, make_settings: Callable[..., Settings]) -> tuple[Parts, Hands]:
    settings = make_settings()
    hands = Hands(NIGHT)
    service = service_with(sessions, settings, hands)
    invented_readers.add_readers(sessions, settings, now=NIGHT - timedelta(days=30))
    return opening.open_sample(service), hands


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, 1 + DAYS))
def test_a_day_under_a_clock_that_jumps(parts: tuple[Parts, Hands], sessions: db.Sessions, seed: int) -> None:
    made, hands = parts
    chance = Random(seed)
    wrong = timedelta()  # what the clock shows too much
    for minutes in range(0, 14 * 60, 35):
        if chance.random() < 0.4:
            wrong = chance.choice((timedelta(), -HOUR, HOUR, timedelta(days=1)))
        hands.at = NIGHT + timedelta(minutes=minutes) + wrong
        tick(made, hands.at)
    for hours in (14, 15, 16, 17, 18, 30, 41, 42):
        hands.at = NIGHT + timedelta(hours=hours)
        tick(made, hands.at)
    with db.reading(sessions) as session:
        issues = session.scalars(select(Issue).order_by(Issue.issued_on)).all()
        for issue in issues:
            assert issue.frozen_at is None or ledger.sum_up(session, issue.id).adds_up
        twice = session.execute(
            select(Delivery.issue_id, Delivery.subscriber_id)
            .group_by(Delivery.issue_id, Delivery.subscriber_id)
            .having(func.count() > 1)
        ).all()
        states = Counter(session.scalars(select(Delivery.state)))
        notices = Counter((n.kind, n.subscriber_id) for n in session.scalars(select(Notice)))
        running = session.scalars(select(Run).where(Run.outcome == "running")).all()
        readers = session.scalar(select(func.count()).select_from(Subscriber))
    days = [issue.issued_on for issue in issues]
    assert len(days) == len(set(days))
    assert twice == []
    assert any(issue.state == "dispatched" for issue in issues), [issue.state for issue in issues]
    assert set(states) <= {"accepted", "pending", "withdrawn"}
    assert states["accepted"] > 0
    assert max((n for (kind, _), n in notices.items() if kind == "trial_ending"), default=1) == 1
    assert readers, "nobody was let go by a clock that ran ahead"
    assert running == []
