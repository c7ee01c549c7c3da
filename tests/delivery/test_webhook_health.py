"""A webhook that stopped reporting is noticed; one that reports, or of which nothing can be known, is not complained about."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from newsletter import db
from newsletter.db.models import Delivery, Issue, Notice, Run
from newsletter.delivery import approval, events, ledger, providers, resubmit, webhook_health
from newsletter.delivery.providers.protocol import Outcome, ProviderEvent, Receipt
from newsletter.delivery.providers.registration import RegisteredProvider
from newsletter.issues.service import IssueService
from newsletter.jobs import alerts
from newsletter.jobs.dispatch_wait import DispatchWait
from newsletter.links import Links
from newsletter.subscribers.tokens import Tokens
from tests.delivery.mailing import MORNING, Postbox, Ticking, frozen_issue
from tests.servers.event_signing import Signer

LATER = MORNING + timedelta(minutes=45)


@pytest.fixture
def mailed(each_sessions, make_settings):
    """Forty mails that SendGrid took, and a desk with one operator."""
    fixed = {"MAIL_PROVIDER": "sendgrid", "SENDGRID_API_KEY": "SG.x", "SENDGRID_WEBHOOK_KEY": Signer().public}
    settings = make_settings(OPERATORS="ed@example.com", **fixed)
    issue_id = frozen_issue(each_sessions, settings, 40)
    with each_sessions.begin() as session:
        claimed = ledger.claim(session, issue_id, limit=40, now=MORNING, provider="sendgrid")
        told = [Receipt(r.reference, Outcome.ACCEPTED) for r in claimed.rows]
        ledger.record(session, claimed, told, now=MORNING, provider="sendgrid")
    clock = Ticking(LATER)
    links, tokens = Links(settings.SITE_URL), Tokens("k" * 32, clock=clock)
    return IssueService(settings, each_sessions, clock, links, tokens, Postbox())


def hear(service: IssueService, count: int) -> None:
    words = [ProviderEvent(f"e{n}", f"delivery:{n}", "delivered", MORNING) for n in range(1, count + 1)]
    events.run(service.sessions, words, provider="sendgrid", now=MORNING)


def silent(service: IssueService, now=LATER) -> str | None:
    with db.reading(service.sessions) as session:
        return webhook_health.silent_because(session, service.settings, now=now)


def told(service: IssueService) -> list[str]:
    with db.reading(service.sessions) as session:
        return [n.values["what"] for n in session.scalars(select(Notice).where(Notice.kind == "alert"))]


def test_nothing_heard_is_said_once_a_day(mailed) -> None:
    assert "of 40 mails it took more than 30 minutes ago, 40 were never reported" in (silent(mailed) or "")
    alerts.webhook_silent(mailed)
    alerts.webhook_silent(mailed)
    assert len(told(mailed)) == 1
    assert "/webhooks/sendgrid" in told(mailed)[0]


def test_a_webhook_that_speaks_is_not_complained_about(mailed) -> None:
    hear(mailed, 19)
    assert silent(mailed) is not None
    hear(mailed, 20)
    assert silent(mailed) is None


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"MAIL_PROVIDER": "outbox"}, None),
        ({"MAIL_PROVIDER": "smtp", "BOUNCE_MAILDIR": "/var/mail/news"}, None),
        ({"MAIL_PROVIDER": "smtp"}, "BOUNCE_MAILDIR is not set"),
        ({"MAIL_PROVIDER": "sendgrid", "SENDGRID_WEBHOOK_KEY": Signer().public}, None),
        ({"MAIL_PROVIDER": "sendgrid"}, "SENDGRID_WEBHOOK_KEY is not set"),
        ({"MAIL_PROVIDER": "sendgrid", "SENDGRID_WEBHOOK_KEY": "k"}, "SENDGRID_WEBHOOK_KEY is no public key"),
        ({"MAIL_PROVIDER": "mute"}, "Mute reports nothing to us"),
    ],
)
def test_whether_reports_can_reach_us_is_what_the_provider_says(
    make_settings, monkeypatch, given, reason
) -> None:
    monkeypatch.setitem(providers.PROVIDERS, "mute", Mute())
    said = webhook_health.unheard_because(make_settings(**given))
    assert (said or "").startswith(reason) if reason else said is None
    assert not said or said.endswith(
        "Bounces and complaints are not heard, and uncertain copies are not settled."
    )


class Mute(RegisteredProvider):
    """A provider that has no webhook and reports in no other way."""

    name = "mute"
    title = "Mute"

    def connect(self, settings, *, now, stop):
        raise AssertionError

    def server(self, settings):
        return None


def test_too_early_too_few_too_long_ago_or_another_provider_says_nothing(mailed) -> None:
    assert silent(mailed, MORNING + timedelta(minutes=20)) is None
    assert silent(mailed, MORNING + timedelta(days=2)) is None
    with mailed.sessions.begin() as session:
        session.execute(update(Delivery).where(Delivery.id > 19).values(state="failed"))
    assert silent(mailed) is None
    with mailed.sessions.begin() as session:
        session.execute(update(Delivery).values(state="accepted", provider="smtp"))
    assert silent(mailed) is None


def test_a_dead_owner_of_an_issue_that_was_stopped_is_noticed(each_sessions, settings) -> None:
    issue_id = frozen_issue(each_sessions, settings, 3)
    with each_sessions.begin() as session:
        ledger.claim(session, issue_id, limit=2, now=MORNING)
        issue = session.get_one(Issue, issue_id)
        approval.withdraw(session, issue, by="test", now=MORNING, reason="wrong")
    resubmit.run(each_sessions, provider="postbox", now=LATER, stale_after=timedelta(hours=18))
    with db.reading(each_sessions) as session:
        assert ledger.sum_up(session, issue_id).in_words == (
            "3 = 0 pending + 0 submitting + 0 accepted + 0 failed + 2 uncertain + 1 withdrawn"
        )


def _runs(service: IssueService, minutes: list[int], **detail: str) -> None:
    with service.sessions.begin() as session:
        for n in minutes:
            at = LATER - timedelta(minutes=n)
            session.add(Run(step="dispatch", due_at=at, started_at=at, outcome="done", detail=detail))


def test_a_refused_key_is_said_at_once_and_a_relay_that_stays_away_after_a_while(mailed) -> None:
    day, soon = MORNING.date(), LATER + timedelta(minutes=1)
    alerts.dispatch_waits(mailed, day, DispatchWait("429 slow down", soon, False))
    assert told(mailed) == []
    alerts.dispatch_waits(mailed, day, DispatchWait("SendGrid refused our key (401)", soon, True))
    assert "SendGrid refused our key (401)" in told(mailed)[0]
    assert "until you mend that" in told(mailed)[0]
    assert "by itself" not in told(mailed)[0]
    _runs(mailed, [14, 10, 5, 2], paused_because="the relay cannot be reached")
    alerts.dispatch_waits(mailed, day, DispatchWait("the relay cannot be reached", soon, False))
    assert len(told(mailed)) == 2


def test_a_relay_that_takes_some_in_between_is_not_complained_about(mailed) -> None:
    _runs(mailed, [14, 10, 2], paused_because="the relay cannot be reached")
    _runs(mailed, [5])
    alerts.dispatch_waits(mailed, MORNING.date(), DispatchWait("the relay cannot be reached", LATER, False))
    assert told(mailed) == []
