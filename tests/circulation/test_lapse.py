"""What time itself changes, and that a second run changes nothing."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select

from newsletter import db
from newsletter.circulation import development, lapse
from newsletter.models import Notice, Subscriber, Subscription
from newsletter.settings import Settings
from tests.circulation.readers import make_reader

DAY = timedelta(days=1)


def announced(sessions: db.Sessions) -> list[tuple[int | None, int]]:
    with db.reading(sessions) as session:
        notices = session.scalars(select(Notice).where(Notice.kind == "trial_ending").order_by(Notice.id))
        return [(n.subscriber_id, n.values["days_left"]) for n in notices]


def test_a_trials_end_is_announced_two_days_before_and_when_it_comes(
    each_sessions: db.Sessions, settings: Settings, now: datetime
) -> None:
    reader = make_reader(each_sessions, now, trial_started_at=now)
    hour = timedelta(hours=1)
    for at, so_far in (
        (5 * DAY - hour, []),
        (5 * DAY + hour, [2]),
        (6 * DAY, [2]),
        (7 * DAY - hour, [2]),
        (7 * DAY + hour, [2, 0]),
        (8 * DAY, [2, 0]),
        (30 * DAY, [2, 0]),
    ):
        lapse.run(each_sessions, settings, now=now + at)
        assert announced(each_sessions) == [(reader.id, left) for left in so_far]


def test_a_machine_that_slept_announces_no_old_news(
    sessions: db.Sessions, settings: Settings, now: datetime
) -> None:
    make_reader(sessions, now, trial_started_at=now - 20 * DAY)
    assert lapse.run(sessions, settings, now=now) == lapse.LapseReport()


def test_only_those_it_concerns_are_told(sessions: db.Sessions, settings: Settings, now: datetime) -> None:
    begun = now - 6 * DAY
    make_reader(sessions, now, "gone@example.com", trial_started_at=begun, unsubscribed_at=now)
    make_reader(sessions, now, "never@example.com", trial_started_at=None)
    pays = make_reader(sessions, now, "pays@example.com", trial_started_at=begun)
    told = make_reader(sessions, now, "told@example.com", trial_started_at=begun)
    with sessions.begin() as session:
        session.add(
            Subscription(
                subscriber_id=pays.id,
                processor="offline",
                processor_id="1",
                status="trialing",
                started_at=now,
                changed_at=now,
                paid_until=now + DAY,
            )
        )
    assert lapse.run(sessions, settings, now=now).trials_ending == 1
    assert announced(sessions) == [(told.id, 2)]


def test_what_need_not_be_kept_is_let_go_once(
    each_sessions: db.Sessions, settings: Settings, now: datetime
) -> None:
    make_reader(each_sessions, now, "old@example.com", confirmed_at=None, asked_at=now - 31 * DAY)
    make_reader(each_sessions, now, "new@example.com", confirmed_at=None, asked_at=now - 29 * DAY)
    known = make_reader(
        each_sessions, now, "known@example.com", asked_at=now - 91 * DAY, consent_ip="203.0.113.9"
    )
    fresh = make_reader(
        each_sessions, now, "fresh@example.com", asked_at=now - 89 * DAY, consent_ip="203.0.113.9"
    )
    report = lapse.run(each_sessions, settings, now=now)
    assert (report.unconfirmed_let_go, report.networks_forgotten) == (1, 1)
    with db.reading(each_sessions) as session:
        left = {s.address for s in session.scalars(select(Subscriber))}
        assert left == {"new@example.com", "known@example.com", "fresh@example.com"}
        assert session.get_one(Subscriber, known.id).consent_ip is None
        assert session.get_one(Subscriber, fresh.id).consent_ip == "203.0.113.9"
    assert lapse.run(each_sessions, settings, now=now) == lapse.LapseReport()


def test_invented_readers_are_for_development_only(
    sessions: db.Sessions, settings: Settings, now: datetime
) -> None:
    for unsafe in ({"ENVIRONMENT": "production"}, {"MAIL_PROVIDER": "smtp"}):
        assert development.add_readers(sessions, settings.model_copy(update=unsafe), now=now) == 0
    assert development.add_readers(sessions, settings, now=now) == 2
    assert development.add_readers(sessions, settings, now=now) == 0
    with db.reading(sessions) as session:
        assert {s.address for s in session.scalars(select(Subscriber))} == set(development.READERS)


def test_invented_readers_do_not_come_to_real_ones(
    sessions: db.Sessions, settings: Settings, now: datetime
) -> None:
    make_reader(sessions, now)
    assert development.add_readers(sessions, settings, now=now) == 0
