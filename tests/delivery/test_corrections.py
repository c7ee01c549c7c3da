"""Corrections go once to those who got the wrong bytes or may have, and to nobody else, also after a crash."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from threading import Thread

import pytest
from sqlalchemy import delete, select, text, update
from test_notices import personal

from newsletter import db
from newsletter.db.models import AuditEntry, Correction, Issue, Notice, Subscriber, Suppression
from newsletter.delivery import approval, events, ledger, notices
from newsletter.delivery import corrections as correct
from newsletter.delivery.mail import templates
from newsletter.delivery.mail.messages import Template
from newsletter.delivery.providers.protocol import Outcome, ProviderEvent, Receipt
from newsletter.errors import Refused
from tests.delivery.mailing import LINKS, MORNING, Postbox, Ticking, frozen_issue

TEXT = "We wrote that the bridge opens on Monday.\n\nIt opens on Tuesday."
WAITING = text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
# Of twelve readers: 1–6 accepted, 7 and 8 uncertain, 9 failed, 10 in somebody's hands, 11 and 12 pending. Odd ones read the full edition.
OUTCOMES = {7: Outcome.UNCERTAIN, 8: Outcome.UNCERTAIN, 9: Outcome.FAILED}


class Desk:
    """One Issue, partly out, and what an operator and the settle step do about it."""

    def __init__(self, sessions, settings) -> None:
        self.sessions, self.settings, self.clock = sessions, settings, Ticking()
        self.issue_id = frozen_issue(sessions, settings, 12)
        with sessions.begin() as session:
            claimed = ledger.claim(session, self.issue_id, limit=9, now=MORNING)
            told = [
                Receipt(r.reference, OUTCOMES.get(r.subscriber_id, Outcome.ACCEPTED)) for r in claimed.rows
            ]
            ledger.record(session, claimed, told, now=MORNING, provider="postbox")
        with sessions.begin() as session:
            self.in_hand = ledger.claim(session, self.issue_id, limit=1, now=MORNING)
        self.act(approval.hold)

    def act(self, what) -> None:
        with self.sessions.begin() as session:
            issue = session.get_one(Issue, self.issue_id)
            what(session, issue, by="test", now=self.clock(), reason="wrong words")

    def template(self, text: str = TEXT) -> Template:
        values = {"issued_on": "Monday", "headline": "Bridge", "paragraphs": correct.paragraphs(text)}
        return templates.notice("correction", values, settings=self.settings, links=LINKS)

    def correct(self, text: str = TEXT, rendition: str | None = None) -> int:
        with self.sessions.begin() as session:
            issue = session.get_one(Issue, self.issue_id)
            made = correct.approve(
                session, issue, self.template(text), rendition=rendition, by="test", now=self.clock()
            )
            return made.id

    def go(self, provider: Postbox, **more) -> notices.NotifyReport:
        correct.follow_up(self.sessions, now=self.clock())
        fixed = {"settings": self.settings, "links": LINKS, "now": self.clock, "slots_for": personal}
        return notices.run(self.sessions, provider, **{**fixed, **more})

    def sum(self) -> correct.CorrectionSum:
        with db.reading(self.sessions) as session:
            return correct.sums(session, self.issue_id)[-1]


@pytest.fixture
def desk(each_sessions, settings) -> Desk:
    return Desk(each_sessions, settings)


def got(provider: Postbox) -> list[int]:
    assert set(provider.taken.values()) <= {1}
    return sorted(int(to.removeprefix("reader").partition("@")[0]) for to in provider.taken)


def test_only_who_got_the_wrong_bytes_or_may_have_gets_it_and_once(desk) -> None:
    desk.correct()
    provider = Postbox()
    desk.go(provider)
    desk.go(provider)
    assert got(provider) == [1, 2, 3, 4, 5, 6, 7, 8]
    assert desk.sum().in_words == (
        "8 = 0 pending + 0 submitting + 8 accepted + 0 failed + 0 uncertain + 0 withdrawn"
    )
    with db.reading(desk.sessions) as session:
        trail = session.scalars(select(AuditEntry).where(AuditEntry.act == "issue.corrected")).one()
        assert (trail.about, trail.detail["readers"]) == ("issue:2026-03-02", 8)


def test_it_comes_from_the_sender_of_the_issue(desk, make_settings) -> None:
    desk.correct()
    kept = []
    notices.run(
        desk.sessions,
        Postbox(before=kept.extend),
        settings=make_settings(NOTICE_FROM="Evenhand <hello@note.example.com>"),
        links=LINKS,
        now=desk.clock,
        slots_for=personal,
    )
    assert len(kept) > 5
    assert {m.sender for m in kept} == {""}


def test_a_mistake_in_one_edition_is_corrected_for_its_readers_only(desk) -> None:
    desk.correct(rendition="metered")
    provider = Postbox()
    desk.go(provider)
    assert got(provider) == [2, 4, 6, 8]


@pytest.mark.parametrize("how", ["accepted", "dies", "refused"])
def test_the_copy_that_was_in_somebodys_hands_is_followed(desk, how) -> None:
    number = desk.correct()
    provider = Postbox()
    desk.go(provider)
    if how == "dies":
        desk.clock.ahead(minutes=11)
    else:
        outcome = Outcome.ACCEPTED if how == "accepted" else Outcome.FAILED
        with desk.sessions.begin() as session:
            told = [Receipt(desk.in_hand.rows[0].reference, outcome)]
            ledger.record(session, desk.in_hand, told, now=MORNING, provider="postbox")
    desk.act(approval.withdraw)
    desk.go(provider)
    assert got(provider) == [1, 2, 3, 4, 5, 6, 7, 8] + ([10] if how != "refused" else [])
    with db.reading(desk.sessions) as session:
        assert session.get_one(Correction, number).closed_at is not None


def test_who_left_since_is_left_in_peace(desk) -> None:
    with desk.sessions.begin() as session:
        session.execute(update(Subscriber).where(Subscriber.id == 1).values(unsubscribed_at=MORNING))
        session.add(Suppression(address_hash="hash2", reason="unsubscribed", suppressed_at=MORNING))
    desk.correct()
    with desk.sessions.begin() as session:  # and these after it was approved
        session.execute(update(Subscriber).where(Subscriber.id == 3).values(unsubscribed_at=MORNING))
        session.add(Suppression(address_hash="hash4", reason="bounced", suppressed_at=MORNING))
        session.execute(delete(Subscriber).where(Subscriber.id == 5))
    provider = Postbox()
    desk.go(provider)
    assert got(provider) == [6, 7, 8]
    assert desk.sum().in_words == (
        "6 = 0 pending + 0 submitting + 3 accepted + 0 failed + 0 uncertain + 2 withdrawn + 1 erased since"
    )


def test_doubt_and_death_never_mail_it_twice(desk) -> None:
    desk.correct()
    doubt = lambda m: Receipt(m.reference, Outcome.UNCERTAIN, reason="no answer")  # noqa: E731
    desk.go(Postbox(doubt))
    provider = Postbox()
    desk.go(provider)
    assert (got(provider), desk.sum().states) == ([], {"uncertain": 8})
    with desk.sessions.begin() as session:  # the provider's word settles a doubt
        words = [ProviderEvent("e1", "notice:1", "delivered", MORNING)]
        events.take(session, words, provider="sendgrid", now=MORNING)
    assert desk.sum().states == {"uncertain": 7, "accepted": 1}


def test_a_claim_whose_owner_died_is_not_mailed_again(desk) -> None:
    desk.correct()
    with desk.sessions.begin() as session:
        assert len(correct.claim(session, limit=5, now=MORNING).notices) == 5
    provider = Postbox()
    desk.clock.ahead(minutes=11)
    desk.go(provider)
    assert len(got(provider)) == 3 + 1  # the rest, and the copy of the Issue whose owner died as well
    assert desk.sum().states["uncertain"] == 5


def test_other_bytes_than_the_approved_ones_are_refused(desk) -> None:
    desk.correct()
    with desk.sessions.begin() as session:
        session.execute(update(Correction).values(html="<p>Buy now</p>"))
    provider = Postbox()
    desk.go(provider)
    assert (got(provider), desk.sum().states) == ([], {"withdrawn": 8})


def test_it_is_refused_where_it_would_do_harm(desk) -> None:
    desk.correct()
    with pytest.raises(Refused, match="sent already"):
        desk.correct()
    desk.correct("Tuesday, that is.")
    desk.act(lambda session, issue, *, by, now, reason: approval.resume(session, issue, by=by, now=now))
    with pytest.raises(Refused, match="still going out"):
        desk.correct("Another one.")
    for words, said in (("  \n\n ", "what was wrong"), ("x" * 4001, "4,000 characters")):
        with pytest.raises(Refused, match=said):
            correct.paragraphs(words)


def test_a_sign_in_link_does_not_wait_behind_it(desk) -> None:
    desk.correct()
    desk.clock.ahead(minutes=1)
    with desk.sessions.begin() as session:
        notices.queue(session, "signin", key="s", due_at=desk.clock(), subscriber_id=11)
    order: list[str] = []
    desk.go(Postbox(before=lambda messages: order.extend(m.to for m in messages)))
    assert order[0] == "reader11@example.com"
    assert len(order) == 9


def test_a_withdrawn_correction_goes_no_further(desk) -> None:
    number = desk.correct()
    with desk.sessions.begin() as session:
        claimed = correct.claim(session, limit=3, now=MORNING)
        told = [Receipt(n.reference, Outcome.ACCEPTED) for n in claimed.notices]
        notices.notice_ledger.record(session, claimed, told, now=MORNING, provider="postbox")
        assert correct.withdraw(session, number, by="test", now=MORNING, reason="worse") == 5
    provider = Postbox()
    desk.go(provider)
    assert (got(provider), desk.sum().states) == ([], {"accepted": 3, "withdrawn": 5})


class Meanwhile:
    """Sessions of a step; right before its first change somebody else acts and is done."""

    def __init__(self, sessions: db.Sessions, act: Callable[[], None]) -> None:
        self._sessions, self._acts = sessions, [act]

    def __call__(self):
        return self._sessions()

    def begin(self):
        while self._acts:
            self._acts.pop()()
        return self._sessions.begin()


def test_who_turns_out_to_have_got_the_issue_gets_no_correction_that_was_stopped_meanwhile(desk) -> None:
    number = desk.correct()
    with desk.sessions.begin() as session:
        told = [Receipt(desk.in_hand.rows[0].reference, Outcome.ACCEPTED)]
        ledger.record(session, desk.in_hand, told, now=MORNING, provider="postbox")

    def stop() -> None:
        with desk.sessions.begin() as session:
            correct.withdraw(session, number, by="test", now=MORNING, reason="worse")

    assert correct.follow_up(Meanwhile(desk.sessions, stop), now=MORNING) == 0
    provider = Postbox()
    desk.go(provider)
    assert (got(provider), desk.sum().states) == ([], {"withdrawn": 8})


def test_a_stop_holds_that_comes_while_more_readers_are_being_added(desk) -> None:
    number = desk.correct()
    with desk.sessions.begin() as session:
        told = [Receipt(desk.in_hand.rows[0].reference, Outcome.ACCEPTED)]
        ledger.record(session, desk.in_hand, told, now=MORNING, provider="postbox")
    with desk.sessions.begin() as session:
        session.connection()  # our transaction begins here, on SQLite too
        db.hold_lock(session, f"correction:{number}")
        adding = Thread(target=correct.follow_up, args=(desk.sessions,), kwargs={"now": MORNING})
        adding.start()
        while db.dialect_of(session) == "postgresql" and not session.scalar(WAITING):
            pass  # SQLite lets nobody begin while we write
        correct.withdraw(session, number, by="test", now=MORNING, reason="worse")
    adding.join()
    assert desk.sum().states == {"withdrawn": 8}


def test_it_stops_in_time_for_the_other_steps(desk) -> None:
    desk.correct()
    settings = desk.settings.model_copy(update={"BATCH_SIZE": 2})
    slow = Postbox(before=lambda _: desk.clock.ahead(seconds=40))
    desk.go(slow, settings=settings)
    assert len(slow.taken) == 4
    desk.clock.ahead(seconds=timedelta(minutes=1).total_seconds())
    with db.reading(desk.sessions) as session:
        assert session.scalars(select(Notice.id).where(Notice.state == "pending")).first()


def test_a_copy_whose_worker_died_is_among_those_owed_at_once(desk) -> None:
    desk.clock.ahead(minutes=11)
    desk.act(approval.withdraw)
    number = desk.correct()
    assert desk.sum().owed == 9
    with db.reading(desk.sessions) as session:
        assert session.get_one(Correction, number).closed_at is not None
