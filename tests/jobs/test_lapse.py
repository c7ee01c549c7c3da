"""Announcements and deletions as time passes, and a second run that changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select

from newsletter import db
from newsletter.billing import comps
from newsletter.cli import invented_readers
from newsletter.db.models import (
    Notice,
    PendingRequest,
    RateLimitHit,
    Read,
    Run,
    SignIn,
    Story,
    Subscriber,
    Subscription,
    UsedToken,
)
from newsletter.delivery.mail import templates
from newsletter.jobs import lapse
from newsletter.links import Links
from newsletter.settings import Settings
from tests.subscribers.readers import make_reader

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


def test_a_notice_names_the_days_that_are_left_in_truth(
    sessions: db.Sessions, make_settings: Callable[..., Settings], now: datetime
) -> None:
    """A short Trial, and a machine that slept over the second-last day."""
    reader = make_reader(sessions, now, trial_started_at=now)
    lapse.run(sessions, make_settings(TRIAL_DAYS=1), now=now + timedelta(hours=1))
    late = make_reader(sessions, now, "bo@example.com", trial_started_at=now - 6 * DAY)
    lapse.run(sessions, make_settings(), now=now + timedelta(hours=1))
    assert announced(sessions) == [(reader.id, 1), (late.id, 1)]


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
    assert announced(sessions) == [(told.id, 1)]


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
    assert (report.unconfirmed_deleted, report.consent_ips_cleared) == (1, 1)
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
        assert invented_readers.add_readers(sessions, settings.model_copy(update=unsafe), now=now) == 0
    assert invented_readers.add_readers(sessions, settings, now=now) == 2
    assert invented_readers.add_readers(sessions, settings, now=now) == 0
    with db.reading(sessions) as session:
        assert {s.address for s in session.scalars(select(Subscriber))} == set(invented_readers.READERS)


def test_invented_readers_do_not_come_to_real_ones(
    sessions: db.Sessions, settings: Settings, now: datetime
) -> None:
    make_reader(sessions, now)
    assert invented_readers.add_readers(sessions, settings, now=now) == 0


def test_who_asked_and_did_not_confirm_is_reminded_once(
    each_sessions: db.Sessions, settings: Settings, now: datetime
) -> None:
    def add(address: str, mailed: str | None, **changes: Any) -> int:
        reader = make_reader(each_sessions, now, address, confirmed_at=None, asked_at=now, **changes)
        with each_sessions.begin() as session:
            if mailed:
                session.add(
                    Notice(
                        kind="confirm",
                        key=address,
                        subscriber_id=reader.id,
                        due_at=now,
                        state=mailed,
                        values={},
                    )
                )
        return reader.id

    asked = add("ann@gmail.com", "accepted")
    add("a.nn@gmail.com", "accepted")  # the same mailbox
    add("capped@example.com", None)  # nothing was mailed to them: a flood is not repeated after two days
    add("dead@example.com", "failed")
    add("left@example.com", "accepted", unsubscribed_at=now)
    make_reader(each_sessions, now, "known@example.com", asked_at=now)
    hours: list[tuple[int, int]] = []
    for hour in (1, 47, 48, 49, 60, 71, 72, 100, 500):
        report = lapse.run(each_sessions, settings, now=now + timedelta(hours=hour))
        hours.append((hour, report.reminded))
    assert [line for line in hours if line[1]] == [(48, 1)]
    with db.reading(each_sessions) as session:
        notice = session.scalars(select(Notice).where(Notice.key.like("reminder:%"))).one()
    assert (notice.kind, notice.values) == ("confirm", {"again": True})
    assert notice.subscriber_id in (asked, asked + 1)
    mail = templates.notice(
        notice.kind, notice.values, settings=settings, links=Links("https://news.example")
    )
    assert "the only reminder" in mail.text
    assert mail.subject.startswith("Still want")


def test_what_is_kept_long_enough_is_let_go(
    each_sessions: db.Sessions, settings: Settings, now: datetime
) -> None:
    reader = make_reader(each_sessions, now)
    with each_sessions.begin() as session:
        story = Story(slug="s", created_at=now, first_published_at=now, last_published_at=now, grouped_at=now)
        session.add(story)
        session.flush()
        for month in ("2026-01", "2026-02", "2026-03"):
            session.add(Read(reader="a-word", story_id=story.id, month=month, read_at=now))
        for days in (0.5, 1.5):
            session.add(RateLimitHit(kind="read", network="a", wider_network="b", at=now - days * DAY))
        for days in (1, 3):
            session.add(PendingRequest(kind="signin", address="x@example.com", asked_at=now - days * DAY))
        for number, (expires, revoked) in enumerate(
            ((now + DAY, None), (now - DAY, None), (now - 40 * DAY, None), (now + DAY, now - 31 * DAY))
        ):
            session.add(
                SignIn(
                    secret_hash=str(number),
                    subscriber_id=reader.id,
                    began_at=now - 50 * DAY,
                    expires_at=expires,
                    revoked_at=revoked,
                )
            )
        for days in (1, 89, 91):
            at = now - days * DAY
            session.add(Run(step="gather", due_at=at, started_at=at, outcome="done"))
        for days in (0.1, 3):
            session.add(UsedToken(token_hash=str(days), used_at=now - days * DAY))
    report = lapse.run(each_sessions, settings, now=now)
    assert (report.reads_deleted, report.rate_limit_hits_deleted, report.pending_requests_deleted) == (
        2,
        1,
        1,
    )
    assert (report.signins_deleted, report.used_tokens_deleted, report.runs_deleted) == (2, 1, 1)
    assert lapse.run(each_sessions, settings, now=now) == lapse.LapseReport()


def test_a_present_to_who_never_confirmed_keeps_no_housekeeping_from_being_done(
    each_sessions: db.Sessions, settings: Settings, now: datetime
) -> None:
    long_ago = now - lapse.UNCONFIRMED_KEPT - DAY
    given = make_reader(each_sessions, now, confirmed_at=None, asked_at=long_ago, trial_started_at=None)
    make_reader(each_sessions, now, "bo@example.com", confirmed_at=None, asked_at=long_ago)
    with each_sessions.begin() as session:
        comps.give(session, given.id, until=None, reason="a friend", by="operator:1", now=now)
    assert lapse.run(each_sessions, settings, now=now).unconfirmed_deleted == 2
    with db.reading(each_sessions) as session:
        assert session.scalars(select(Subscriber.id)).all() == []
        assert session.scalars(select(Subscription.id)).all() == []
