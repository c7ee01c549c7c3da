"""Operators are mailed about what no Step notices, once for each cause and day, and not about their own acts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from newsletter import clock, db
from newsletter.billing import subscriptions
from newsletter.billing.processors.protocol import AgreementFact
from newsletter.db.models import Check, Delivery, Feed, Issue, Notice, Outlet, Run, Subscriber
from newsletter.delivery import approval, providers
from newsletter.issues.service import IssueService
from newsletter.jobs import alerts
from newsletter.links import Links
from newsletter.subscribers import erasure
from newsletter.subscribers.tokens import Tokens, subject_of
from tests.conftest import MORNING
from tests.subscribers.readers import make_reader

Told = Callable[..., list[str]]


@pytest.fixture
def make_service(make_settings: Any, sessions: db.Sessions) -> Callable[..., IssueService]:
    def make(now: datetime = MORNING, **changes: str) -> IssueService:
        settings = make_settings(OPERATORS="desk@example.com", **changes)
        fixed = clock.fixed(now)
        tokens = Tokens(settings.SECRET_KEY.get_secret_value(), clock=fixed)
        provider = providers.make(make_settings(), now=fixed)
        return IssueService(settings, sessions, fixed, Links(settings.SITE_URL), tokens, provider)

    return make


@pytest.fixture
def told(sessions: db.Sessions) -> Told:
    """Look around, and say what the operators are told from then on."""

    def look(service: IssueService) -> list[str]:
        def all_told() -> list[str]:
            with db.reading(sessions) as session:
                return [n.values["what"] for n in session.scalars(select(Notice).order_by(Notice.id))]

        before = len(all_told())
        alerts.alert_about_state(service, service.clock())
        alerts.alert_about_state(service, service.clock())  # what was told is not told again
        return all_told()[before:]

    return look


def _issue(session: Any, state: str = "dispatching", **values: Any) -> Issue:
    issue = Issue(
        issued_on=MORNING.date(), state=state, subject="x", composed_at=MORNING - timedelta(hours=2), **values
    )
    session.add(issue)
    session.flush()
    return issue


def _copies(session: Any, issue: Issue, count: int, state: str, submitted_at: datetime) -> None:
    for n in range(count):
        reader = Subscriber(
            address=f"r{n}@example.com", address_hash=f"h{n}", person_hash=f"p{n}", asked_at=MORNING
        )
        session.add(reader)
        session.flush()
        session.add(
            Delivery(issue_id=issue.id, subscriber_id=reader.id, address_hash=f"h{n}", rendition="full", content_hash="x",
                     due_at=MORNING, state=state, submitted_at=submitted_at, provider="sendgrid")
        )  # fmt: skip


def test_a_missing_issue(make_service: Any, told: Told, sessions: db.Sessions) -> None:
    early, late = datetime.fromisoformat("2026-03-02T10:29Z"), datetime.fromisoformat("2026-03-02T10:31Z")
    assert told(make_service(early)) == []  # composed at 4:30 in New York, 9:30 UTC
    (said,) = told(make_service(late))
    assert "no issue of Monday, 2 March 2026" in said
    with sessions.begin() as session:
        _issue(session, "draft")
    assert told(make_service(late + timedelta(days=0, hours=1))) == []


def test_feeds_of_one_side_that_fail(make_service: Any, told: Told, sessions: db.Sessions) -> None:
    with sessions.begin() as session:
        for n, lean in enumerate(["left"] * 4 + ["right"] * 4):
            outlet = Outlet(name=f"O{n}", homepage="https://o.example", lean=lean)
            outlet.feeds = [Feed(url=f"https://o{n}.example/feed", checked_at=MORNING)]
            session.add(outlet)
        _issue(session)
    assert told(make_service()) == []
    with sessions.begin() as session:
        session.execute(update(Feed).where(Feed.id.in_([5, 6])).values(last_error="It is gone.", failures=3))
    assert told(make_service()) == []  # nothing was gathered lately, so nobody could answer
    with sessions.begin() as session:
        session.add(Run(step="gather", due_at=MORNING, started_at=MORNING, outcome="done"))
    (said,) = told(make_service())
    assert said == "Feeds fail: 2 of 4 outlets of the right did not answer within a day."
    with sessions.begin() as session:
        session.execute(update(Feed).where(Feed.id.in_([5, 6])).values(paused_at=MORNING))
    assert told(make_service()) == []


def test_an_issue_held_by_the_machine_but_not_one_held_by_hand(
    make_service: Any, told: Told, sessions: db.Sessions
) -> None:
    with sessions.begin() as session:
        approval.hold(session, _issue(session), by="operator:1", now=MORNING, reason="A name is wrong.")
    assert told(make_service()) == []
    with sessions.begin() as session:
        session.execute(update(Issue).values(hold_reason="too much went wrong: 120 of 900 bounced"))
    (said,) = told(make_service())
    assert "120 of 900" in said


def test_doubts_that_wait(make_service: Any, told: Told, sessions: db.Sessions) -> None:
    with sessions.begin() as session:
        _copies(session, _issue(session), 3, "uncertain", MORNING - timedelta(minutes=30))
    assert told(make_service()) == []
    (said,) = told(make_service(MORNING + timedelta(hours=1)))
    assert said.startswith("3 copies are of unknown fate in the issue of Monday, 2 March 2026")


def test_money_that_should_not_come(make_service: Any, told: Told, sessions: db.Sessions) -> None:
    """Two checkouts in two windows, both paid; and one that is paid after its reader was erased."""
    service = make_service()
    ann, bo = (make_reader(sessions, MORNING, address) for address in ("ann@example.com", "bo@example.com"))
    with sessions.begin() as session:
        erasure.erase(session, session.get_one(Subscriber, bo.id), now=MORNING)
    for name, reader, cancel_at in (
        ("sub_1", ann, None),
        ("sub_2", ann, None),
        ("sub_3", bo, None),
        ("sub_4", bo, MORNING),  # ends by itself
        ("sub_5", None, None),  # another shop's with the same processor
    ):
        fact = AgreementFact(
            processor_id=name,
            status="active",
            started_at=MORNING,
            paid_until=MORNING + timedelta(days=30),
            past_due_at=None,
            cancel_at=cancel_at,
            changed_at=MORNING,
            reference=subject_of(reader.id, reader.address_hash) if reader else "order-7",
        )
        for _ in range(2):
            with sessions.begin() as session:
                subscriptions.apply(session, "stripe", fact)
    twice, nobody = told(service)
    assert twice.startswith(f"Reader {ann.id} is charged by stripe for two agreements at once")
    assert nobody.startswith("The agreement sub_3 with stripe charges a reader who is no longer kept here")
    assert told(make_service(MORNING + timedelta(days=3))) == []


def test_there_is_an_end_to_it(make_service: Any, sessions: db.Sessions) -> None:
    with sessions.begin() as session:
        issue = _issue(session, "held", hold_reason="first")
    for n in range(40):
        with sessions.begin() as session:
            session.execute(update(Issue).where(Issue.id == issue.id).values(hold_reason=f"reason {n}"))
        alerts.alert_about_state(make_service(), MORNING)
    with db.reading(sessions) as session:
        assert len(session.scalars(select(Notice)).all()) == alerts.MOST_A_DAY


def _draft(session: Any, **check: str) -> Issue:
    issue = _issue(session, "draft")
    session.add(
        Check(issue_id=issue.id, name="words", checked_at=MORNING, **{"level": "pass", "reason": "", **check})
    )
    return issue


def test_a_draft_that_nobody_approves_is_said_to_be_ready_and_again_as_the_first_hour_comes_near(
    make_service: Any, told: Told, sessions: db.Sessions
) -> None:
    """With APPROVAL=manual no mail went to anybody within a day."""
    make_reader(sessions, MORNING, "ann@example.com", hour=7, zone="America/New_York")  # 12:00 UTC
    with sessions.begin() as session:
        _draft(session)
    noon = MORNING.replace(hour=12)
    said = []
    for minutes in (-120, -90, -60, -30, -15, -1, 0, 5, 60):
        service = make_service(noon + timedelta(minutes=minutes), APPROVAL="manual")
        said += [(minutes, what) for what in told(service)]
    assert [minutes for minutes, _ in said] == [-120, -60, -15, 0]
    ready, hour, quarter, passed = (what for _, what in said)
    assert "The draft of Monday, 2 March 2026 is ready (120 minutes left" in ready
    assert "/desk/issues/2026-03-02" in ready
    assert "Nobody has approved" in hour
    assert "60 minutes left" in hour
    assert "15 minutes left" in quarter
    assert "hour passed" in passed


@pytest.mark.parametrize("blocked", [True, False])
def test_with_automatic_approval_only_a_blocked_draft_is_said_to_wait(
    make_service: Any, told: Told, sessions: db.Sessions, blocked: bool
) -> None:
    make_reader(sessions, MORNING, "ann@example.com", hour=7, zone="America/New_York")
    with sessions.begin() as session:
        _draft(session, level="block" if blocked else "pass")
    said = told(make_service(MORNING.replace(hour=11, minute=30)))
    assert ["Nobody has approved" in what for what in said] == [True] * blocked
