"""The one answer: is today's Issue reaching readers, and if not, what must an operator do?"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from newsletter import db
from newsletter.db.models import Delivery, Issue, Notice, Run
from newsletter.delivery import approval, ledger
from newsletter.jobs import today
from newsletter.settings import Settings
from tests.conftest import MORNING
from tests.delivery.mailing import add_issue, frozen_issue
from tests.subscribers.readers import make_reader

LATER = MORNING + timedelta(minutes=20)
Ask = Callable[..., today.Answer]


@pytest.fixture
def ask(sessions: db.Sessions, make_settings: Callable[..., Settings]) -> Ask:
    def look(now: datetime = LATER, **changes: str) -> today.Answer:
        with db.reading(sessions) as session:
            return today.answer(session, make_settings(**changes), now=now)

    return look


def _act(sessions: db.Sessions, what: Callable[..., Any]) -> None:
    with sessions.begin() as session:
        issue = session.scalars(select(Issue)).one()
        what(session, issue, by="test", now=MORNING, reason="wrong words")


def test_from_nothing_composed_to_all_accepted(ask: Ask, sessions: db.Sessions, settings: Settings) -> None:
    early = ask(MORNING - timedelta(minutes=25))
    assert (early.tone, "is being composed" in early.sentence) == ("calm", True)
    assert (ask().tone, "There is no issue of Monday, 2 March 2026" in ask().sentence) == ("stop", True)
    number = frozen_issue(sessions, settings, 4)
    assert (ask(MORNING).tone, "on its way: 0 of 4" in ask(MORNING).sentence) == ("calm", True)
    assert (ask().tone, "4 copies are overdue" in ask().sentence) == ("stop", True)
    _act(sessions, approval.hold)
    assert (ask().tone, "is held: wrong words." in ask().sentence) == ("stop", True)
    with sessions.begin() as session:
        session.execute(update(Issue).values(state="dispatched"))
        session.execute(update(Delivery).values(state="accepted"))
        assert ledger.sum_up(session, number).adds_up
    assert ask().is_well
    assert ask().in_one_sentence == "The issue of Monday, 2 March 2026 went out: 4 of 4 copies were accepted."


@pytest.mark.parametrize(
    ("booked", "unread", "told"), [(0, 9, False), (3, 10, True), (30, 12, False), (None, None, False)]
)
def test_bounce_mails_that_mostly_cannot_be_booked_are_told(
    each_sessions: db.Sessions, settings: Settings, booked: int | None, unread: int | None, told: bool
) -> None:
    with each_sessions.begin() as session:
        for n, share in enumerate((1, 0)):
            detail = {} if booked is None else {"reports_by_mail": booked * share, "reports_unread": unread}
            at = LATER - timedelta(hours=20 + 5 * n)  # the second is older than a day
            session.add(Run(step="settle", due_at=at, started_at=at, outcome="done", detail=detail))
    with db.reading(each_sessions) as session:
        assert today.bounce_mails(session, now=LATER) == (booked or 0, unread or 0)
        troubles = [t.words for t in today.troubles(session, settings, now=LATER) if t.about == "bounces"]
    assert bool(troubles) == told
    assert not told or "Of 13 bounce mails since yesterday 10 could not be booked" in troubles[0]


def test_an_unapproved_draft_says_how_long_is_left(ask: Ask, sessions: db.Sessions) -> None:
    make_reader(sessions, MORNING, "ann@example.com", hour=6, zone="America/New_York")
    with sessions.begin() as session:
        add_issue(session)
    said = ask(APPROVAL="manual")
    assert (said.tone, "40 minutes left until the first reader's hour" in said.sentence) == ("stop", True)
    assert "passed 10 minutes ago" in ask(MORNING + timedelta(minutes=70), APPROVAL="manual").sentence


def test_a_relay_that_refuses_our_password_says_what_to_mend(
    ask: Ask, sessions: db.Sessions, settings: Settings
) -> None:
    frozen_issue(sessions, settings, 4)
    detail = {"paused_until": str(LATER), "paused_because": "the relay refused our name and password (535)"}
    for refused, tone in ((True, "stop"), (False, "look")):
        with sessions.begin() as session:
            session.add(
                _run("dispatch", LATER + timedelta(seconds=refused), {**detail, "refused_us": refused})
            )
        said = ask(MAIL_PROVIDER="smtp", SMTP_URL="smtp://127.0.0.1")
        assert (said.tone, "refused our name and password (535)" in said.sentence) == (tone, True)
        assert ("SMTP_URL" in said.sentence) == refused
        with sessions.begin() as session:
            session.execute(update(Run).values(step="settle"))


def _run(step: str, at: datetime, detail: dict[str, Any] | None = None) -> Run:
    return Run(step=step, due_at=at, started_at=at, outcome="done", detail=detail or {})


def test_each_trouble_beside_it_is_named(
    ask: Ask, sessions: db.Sessions, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def found(now: datetime = LATER) -> set[str]:
        return {each.about for each in ask(now).troubles}

    frozen_issue(sessions, settings, 40)
    assert found() == set()
    with sessions.begin() as session:
        session.add(_run("settle", MORNING))
        session.add(_run("lapse", MORNING, {"payments_read_again": 1}))
        session.add(Notice(kind="welcome", key="x", due_at=MORNING, state="pending", values={}))
        ledger.claim(session, 1, limit=5, now=MORNING - timedelta(minutes=30))
        ids = session.scalars(select(Delivery.id).where(Delivery.state == "pending")).all()
        session.execute(update(Delivery).where(Delivery.id.in_(ids[:20])).values(state="failed"))
    assert found() == {"payments", "queue", "refused:2026-03-02"}
    with sessions.begin() as session:
        ledger.claim(session, 1, limit=5, now=MORNING)
    assert found(MORNING + timedelta(minutes=50)) == {
        "payments", "queue", "refused:2026-03-02", "stuck:2026-03-02", "scheduler",
    }  # fmt: skip
    assert "clock" in found(MORNING - timedelta(hours=1))
    monkeypatch.setattr(today, "SHORT", 10**18)
    assert "disk" in found()


def test_the_command_says_it_with_its_exit_code(
    shell: Any, engine: Any, sessions: db.Sessions, settings: Settings
) -> None:
    given = {"DATABASE_URL": settings.DATABASE_URL, "SECRET_KEY": settings.SECRET_KEY.get_secret_value()}
    done = shell("status", "--json", "--now", LATER.isoformat(), env=given)
    said = json.loads(done.stdout)
    assert (done.returncode, said["is_well"], said["tone"]) == (7, False, "stop")
    assert said["said"].startswith("There is no issue of Monday, 2 March 2026")
    frozen_issue(sessions, settings, 2)
    with sessions.begin() as session:
        session.execute(update(Issue).values(state="dispatched"))
        session.execute(update(Delivery).values(state="accepted"))
    done = shell("status", "--now", LATER.isoformat(), env=given)
    assert (done.returncode, "2 of 2 copies were accepted" in done.stdout) == (0, True)
    away = {**given, "DATABASE_URL": "sqlite:////nowhere/at/all.db"}
    done = shell("status", env=away)
    assert (done.returncode, "database" in done.stdout) == (7, True)
