"""Dispatch: claim, commit, submit, record. Whatever the provider does, nobody gets two copies and every copy is accounted for."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from sqlalchemy import func, select, text, update

from newsletter import db
from newsletter.clock import TimeLimit
from newsletter.db.models import AuditEntry, Delivery, Issue, Rendition, Subscriber, Suppression
from newsletter.delivery import approval, circuit_breaker, dispatch, ledger
from newsletter.delivery.mail.messages import Message
from newsletter.delivery.mail.slots import SlotError
from newsletter.delivery.providers.protocol import Outcome, Receipt
from newsletter.jobs.tick import DISPATCH_TURN
from tests.delivery.mailing import LINKS, MORNING, Postbox, Ticking, frozen_issue, run_dispatch, slots_for


@pytest.fixture
def go(each_sessions, settings):
    """Run a dispatch on both databases; keyword arguments go through."""
    clock = Ticking()

    def run(provider, issue_id, **more):
        more = {"settings": settings, "links": LINKS, "now": clock, "slots_for": slots_for, **more}
        return run_dispatch(each_sessions, provider, issue_id=issue_id, **more)

    run.clock = clock
    run.sessions = each_sessions
    run.settings = settings
    return run


def _sum(go, issue_id) -> ledger.LedgerSum:
    with db.reading(go.sessions) as session:
        return ledger.sum_up(session, issue_id)


def _state(go, issue_id) -> str:
    with db.reading(go.sessions) as session:
        return session.get_one(Issue, issue_id).state


def test_everybody_once_and_a_second_run_does_nothing(go) -> None:
    issue_id = frozen_issue(go.sessions, go.settings, 35)
    postbox = Postbox()
    seen: list[tuple[int, int, str]] = []
    report = go(postbox, issue_id, progress=lambda *a: seen.append(a))
    assert (report.accepted, report.batches, report.state, report.held) == (35, 4, "dispatched", None)
    assert set(postbox.taken.values()) == {1}
    assert len(postbox.taken) == 35
    assert seen[-1] == (35, 35, "submitting")
    assert _sum(go, issue_id) == ledger.LedgerSum(audience=35, accepted=35)
    again = go(postbox, issue_id)
    assert again.did_nothing
    assert postbox.taken.total() == 35


def test_the_batch_is_committed_before_the_first_byte_leaves(go) -> None:
    issue_id = frozen_issue(go.sessions, go.settings, 12)

    def before(messages) -> None:
        numbers = [int(m.reference.split(":")[1]) for m in messages]
        with db.reading(go.sessions) as session:  # another connection: sees only what is committed
            states = session.scalars(select(Delivery.state).where(Delivery.id.in_(numbers))).all()
        assert set(states) == {"submitting"}

    assert go(Postbox(before=before), issue_id).accepted == 12


def test_a_message_carries_its_reader_and_its_headers(go) -> None:
    issue_id = frozen_issue(go.sessions, go.settings, 2)
    kept = []
    go(Postbox(before=kept.extend), issue_id)
    first, second = kept
    assert (first.reference, first.to) == ("delivery:1", "reader1@example.com")
    assert first.headers["List-Unsubscribe"] == f"<{LINKS.unsubscribe('token-of-1')}>"
    assert first.slots["unsubscribe_url"] == LINKS.unsubscribe("token-of-1")
    assert "morning, full" in first.template.html
    assert "morning, metered" in second.template.html
    assert first.headers["Message-ID"] != second.headers["Message-ID"]


def test_only_what_is_due_goes_and_the_issue_stays_open(go) -> None:
    issue_id = frozen_issue(go.sessions, go.settings, 3)
    later = MORNING + timedelta(hours=2)
    with go.sessions.begin() as session:
        session.execute(update(Delivery).where(Delivery.subscriber_id == 3).values(due_at=later))
    postbox = Postbox()
    report = go(postbox, issue_id)
    assert (report.accepted, report.state, report.next_due) == (2, "dispatching", later)
    go.clock.ahead(hours=2)
    assert go(postbox, issue_id).state == "dispatched"
    assert set(postbox.taken.values()) == {1}


def test_the_limit_is_kept(go) -> None:
    issue_id = frozen_issue(go.sessions, go.settings, 30)
    postbox = Postbox()
    assert go(postbox, issue_id, limit=13).accepted == 13
    assert postbox.taken.total() == 13


def test_a_definite_no_is_asked_again_later_and_costs_no_attempt(go) -> None:
    issue_id = frozen_issue(go.sessions, go.settings, 4)
    busy = Postbox(lambda m: Receipt(m.reference, Outcome.RETRY, reason="429 too many", retry_after=300.0))
    report = go(busy, issue_id)
    assert (report.retried, busy.calls) == (4, 1)
    assert report.paused_until == MORNING + timedelta(seconds=300)
    assert report.paused_because == "429 too many"
    go.clock.ahead(seconds=299)
    assert go(busy, issue_id).did_nothing
    go.clock.ahead(seconds=2)
    postbox = Postbox()
    assert go(postbox, issue_id).accepted == 4
    with db.reading(go.sessions) as session:
        assert set(session.scalars(select(Delivery.attempts))) == {1}


def test_an_unanswered_hand_over_is_uncertain_and_never_resent(go) -> None:
    issue_id = frozen_issue(go.sessions, go.settings, 8)

    def hang(message):
        raise TimeoutError("no answer")

    report = go(Postbox(hang, batch_size=8), issue_id)
    assert (report.uncertain, report.state) == (8, "dispatched")
    postbox = Postbox()
    go.clock.ahead(hours=5)
    assert go(postbox, issue_id).did_nothing
    assert not postbox.taken
    assert _sum(go, issue_id) == ledger.LedgerSum(audience=8, uncertain=8)


def test_one_bad_address_costs_only_itself(go) -> None:
    issue_id = frozen_issue(go.sessions, go.settings, 9)

    def answer(m):
        return (
            Receipt(m.reference, Outcome.FAILED, reason="bad address")
            if m.to.startswith("reader5@")
            else None
        )

    report = go(Postbox(answer), issue_id)
    assert (report.accepted, report.failed, report.state) == (8, 1, "dispatched")


def test_batches_that_go_unanswered_hold_the_issue(go) -> None:
    issue_id = frozen_issue(go.sessions, go.settings, 100)
    deaf = Postbox(lambda m: Receipt(m.reference, Outcome.UNCERTAIN, reason="timed out"))
    report = go(deaf, issue_id)
    assert deaf.calls == circuit_breaker.DOUBTFUL_BATCHES
    assert (report.state, report.uncertain) == ("held", 20)
    assert "unanswered" in (report.held or "")
    assert go(Postbox(), issue_id).did_nothing
    with go.sessions.begin() as session:
        approval.resume(session, session.get_one(Issue, issue_id), by="operator:1", now=MORNING)
    postbox = Postbox()
    assert go(postbox, issue_id).accepted == 80
    assert _sum(go, issue_id) == ledger.LedgerSum(audience=100, accepted=80, uncertain=20)


def test_too_many_refusals_hold_the_issue() -> None:
    breaker = circuit_breaker.CircuitBreaker()
    assert breaker.record(accepted=0, failed=99, uncertain=0) is None
    assert "in a row" in (breaker.record(accepted=0, failed=1, uncertain=0) or "")
    breaker = circuit_breaker.CircuitBreaker()
    assert breaker.record(accepted=179, failed=20, uncertain=0) is None
    assert "21 of 200" in (breaker.record(accepted=0, failed=1, uncertain=0) or "")


def _no(message) -> Receipt:
    return Receipt(message.reference, Outcome.FAILED, reason="550 no")


def _turn(go, provider, issue_id, limit=None) -> dispatch.DispatchReport:
    """One turn of a dispatch, a minute after the last one."""
    go.clock.ahead(minutes=1)
    return go(provider, issue_id, limit=limit)


def test_refusals_in_a_row_are_one_row_over_all_turns(go) -> None:
    """A relay that refuses slowly gets through fewer in a turn than the breaker waits for."""
    issue_id = frozen_issue(go.sessions, go.settings, 150)
    refusing = Postbox(_no)
    reports = [_turn(go, refusing, issue_id, limit=40) for _ in range(4)]
    assert [r.failed for r in reports] == [40, 40, 20, 0]
    assert "100 Messages in a row were refused" in (reports[2].held or "")
    assert _state(go, issue_id) == "held"


def test_an_acceptance_ends_a_row_in_whatever_turn_it_comes(go) -> None:
    issue_id = frozen_issue(go.sessions, go.settings, 200)
    assert _turn(go, Postbox(_no), issue_id, limit=90).held is None
    assert _turn(go, Postbox(), issue_id, limit=10).held is None
    assert _turn(go, Postbox(_no), issue_id, limit=90).held is None
    assert "100 Messages in a row" in (_turn(go, Postbox(_no), issue_id).held or "")


def test_the_share_of_the_refused_is_of_the_latest_in_all_turns(go) -> None:
    issue_id = frozen_issue(go.sessions, go.settings, 400)
    fussy = Postbox(lambda m: _no(m) if int(m.reference.split(":")[1]) % 5 == 0 else None)
    reports = [_turn(go, fussy, issue_id, limit=60) for _ in range(4)]
    assert [r.held for r in reports[:3]] == [None] * 3
    assert "40 of 200 Messages were refused" in (reports[3].held or "")


def test_batches_that_go_unanswered_in_two_turns_are_in_a_row(go) -> None:
    """A provider that keeps us waiting for longer than a turn: each tick hands it one batch."""
    issue_id = frozen_issue(go.sessions, go.settings, 100)
    deaf = Postbox(
        lambda m: Receipt(m.reference, Outcome.UNCERTAIN, reason="timed out"),
        before=lambda _: go.clock.ahead(seconds=DISPATCH_TURN.total_seconds() + 1),
    )
    assert go(deaf, issue_id, stop=TimeLimit(go.clock, DISPATCH_TURN, None)).state == "dispatching"
    report = go(deaf, issue_id, stop=TimeLimit(go.clock, DISPATCH_TURN, None))
    assert (report.state, _sum(go, issue_id).uncertain, deaf.calls) == ("held", 20, 2)
    assert "2 batches in a row went unanswered" in (report.held or "")


def test_a_batch_that_was_heard_of_between_two_unanswered_ones_ends_the_row(go) -> None:
    issue_id = frozen_issue(go.sessions, go.settings, 100)
    deaf = Postbox(lambda m: Receipt(m.reference, Outcome.UNCERTAIN, reason="timed out"))
    for _ in range(3):
        assert _turn(go, deaf, issue_id, limit=10).held is None
        assert _turn(go, Postbox(), issue_id, limit=10).held is None


def test_what_died_in_its_owners_hands_is_no_silence_of_the_provider(go) -> None:
    issue_id = frozen_issue(go.sessions, go.settings, 60)
    for _ in range(3):
        with go.sessions.begin() as session:
            ledger.claim(session, issue_id, limit=10, now=go.clock())
        go.clock.ahead(minutes=11)
    report = _turn(go, Postbox(_no), issue_id, limit=10)
    assert (report.expired, report.failed, report.held) == (30, 10, None)


def test_once_resumed_the_row_begins_anew(go) -> None:
    issue_id = frozen_issue(go.sessions, go.settings, 250)
    assert _turn(go, Postbox(_no), issue_id).held
    with go.sessions.begin() as session:
        approval.resume(session, session.get_one(Issue, issue_id), by="operator:1", now=go.clock())
    assert _turn(go, Postbox(_no), issue_id, limit=50).held is None
    assert "100 Messages in a row" in (_turn(go, Postbox(_no), issue_id).held or "")


def test_a_mismatch_holds_the_issue_before_anything_leaves(go) -> None:
    issue_id = frozen_issue(go.sessions, go.settings, 5)
    with go.sessions.begin() as session:
        session.execute(text("DELETE FROM delivery WHERE subscriber_id = 3"))
    postbox = Postbox()
    report = go(postbox, issue_id)
    assert report.state == "held"
    assert "does not add up: 5 ≠ 4 pending" in (report.held or "")
    assert not postbox.taken


def test_a_mismatch_found_at_the_end_holds_the_issue(go) -> None:
    issue_id = frozen_issue(go.sessions, go.settings, 5)

    def lose_one(_: object) -> None:
        with go.sessions.begin() as session:
            session.execute(text("DELETE FROM delivery WHERE subscriber_id = 3"))

    report = go(Postbox(before=lose_one), issue_id)
    assert report.state == "held"
    assert "does not add up" in (report.held or "")


def test_bytes_changed_between_two_batches_stop_the_second(go) -> None:
    issue_id = frozen_issue(go.sessions, go.settings, 20)

    def forge(_: object) -> None:
        with go.sessions.begin() as session:
            session.execute(
                update(Rendition).values(html="<p>%%unsubscribe_url%% %%account_url%% forged</p>")
            )

    postbox = Postbox(before=forge)
    report = go(postbox, issue_id)
    assert (postbox.calls, report.state) == (1, "held")
    assert "not the bytes" in (report.held or "")


def test_news_that_grew_stale_is_held(go) -> None:
    issue_id = frozen_issue(go.sessions, go.settings, 3)
    go.clock.ahead(hours=go.settings.STALE_AFTER, seconds=1)
    postbox = Postbox()
    report = go(postbox, issue_id)
    assert report.state == "held"
    assert "stale" in (report.held or "")
    assert not postbox.taken


def test_an_unsubscribe_half_way_is_honoured(go) -> None:
    issue_id = frozen_issue(go.sessions, go.settings, 20)

    def leave(_: object) -> None:
        with go.sessions.begin() as session:
            session.execute(update(Subscriber).where(Subscriber.id == 17).values(unsubscribed_at=MORNING))

    postbox = Postbox(before=leave)
    report = go(postbox, issue_id)
    assert (report.accepted, report.withdrawn, report.state) == (19, 1, "dispatched")
    assert "reader17@example.com" not in postbox.taken


def test_holding_half_way_finishes_the_batch_in_hand_and_no_more(go) -> None:
    issue_id = frozen_issue(go.sessions, go.settings, 30)

    def hold(_: object) -> None:
        with go.sessions.begin() as session:
            approval.hold(
                session, session.get_one(Issue, issue_id), by="operator:1", now=MORNING, reason="wrong name"
            )

    postbox = Postbox(before=hold)
    report = go(postbox, issue_id)
    assert (report.accepted, report.state, report.held) == (10, "held", "wrong name")
    with db.reading(go.sessions) as session:
        acts = session.scalars(select(AuditEntry.act).order_by(AuditEntry.id)).all()
    assert acts == ["issue.approved", "issue.held"]


def test_a_stop_drains(go) -> None:
    issue_id = frozen_issue(go.sessions, go.settings, 30)
    stop = threading.Event()
    report = go(Postbox(before=lambda _: stop.set()), issue_id, stop=stop)
    assert (report.accepted, report.state) == (10, "dispatching")
    assert _sum(go, issue_id).submitting == 0


def test_a_dead_owners_batch_is_uncertain_after_its_lease(go) -> None:
    issue_id = frozen_issue(go.sessions, go.settings, 20)
    with go.sessions.begin() as session:
        ledger.claim(session, issue_id, limit=10, now=MORNING)  # and dies
    postbox = Postbox()
    assert go(postbox, issue_id).state == "dispatching"  # ten are still in the dead one's hands
    assert postbox.taken.total() == 10
    go.clock.ahead(minutes=11)
    report = go(postbox, issue_id)
    assert (report.expired, report.state) == (10, "dispatched")
    assert postbox.taken.total() == 10


def test_who_was_frozen_past_the_lease_does_not_begin(go) -> None:
    issue_id = frozen_issue(go.sessions, go.settings, 5)
    stops = iter([11.0])

    def waypoint(place: str) -> None:
        if place == "claimed":
            go.clock.ahead(minutes=next(stops, 0.0))

    postbox = Postbox()
    report = go(postbox, issue_id, waypoint=waypoint)
    assert report.accepted == 5
    assert postbox.calls == 1  # the first claim was given back unbegun, the second handed over
    with db.reading(go.sessions) as session:
        assert set(session.scalars(select(Delivery.attempts))) == {1}


def test_who_was_frozen_at_the_very_hand_over_does_not_begin_what_another_sent_meanwhile(go) -> None:
    issue_id = frozen_issue(go.sessions, go.settings, 5)
    postbox = Postbox()

    def meanwhile(place: str) -> None:
        if place == "submitting":
            go.clock.ahead(minutes=11)
            assert go(postbox, issue_id).expired == 5
            with go.sessions.begin() as session:  # an operator looked, and the provider has none of them
                issue = session.get_one(Issue, issue_id)
                ids = list(session.scalars(select(Delivery.id)))
                approval.decide_uncertain(
                    session, issue, ids, "pending", by="test", now=go.clock(), reason="none arrived"
                )
            assert go(postbox, issue_id).accepted == 5

    late = go(postbox, issue_id, waypoint=meanwhile)
    assert (late.accepted, late.uncertain, late.retried, late.state) == (0, 0, 0, "dispatched")
    assert set(postbox.taken.values()) == {1}


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (SlotError("There is no slot named that."), "no slot named"),
        (KeyError("a defect of ours"), "KeyError"),
    ],
)
def test_messages_that_cannot_be_made_hold_the_issue_and_leave_nothing_uncertain(go, error, said) -> None:
    issue_id = frozen_issue(go.sessions, go.settings, 5)

    def broken(subscriber_id: int, address: str) -> dict[str, str]:
        raise error

    postbox = Postbox()
    report = go(postbox, issue_id, slots_for=broken)
    assert report.state == "held"
    assert said in (report.held or "")
    assert postbox.calls == 0
    assert _sum(go, issue_id) == ledger.LedgerSum(audience=5, pending=5)


def test_two_dispatches_at_once_share_the_work(go) -> None:
    issue_id = frozen_issue(go.sessions, go.settings, 200)
    postbox = Postbox()
    threads = [threading.Thread(target=lambda: go(postbox, issue_id)) for _ in range(3)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert len(postbox.taken) == 200
    assert set(postbox.taken.values()) == {1}
    assert _state(go, issue_id) == "dispatched"


def test_an_uncertain_one_can_be_decided(go) -> None:
    issue_id = frozen_issue(go.sessions, go.settings, 3)
    deaf = Postbox(lambda m: Receipt(m.reference, Outcome.UNCERTAIN, reason="reset"))
    assert go(deaf, issue_id).state == "dispatched"
    with go.sessions.begin() as session:
        issue = session.get_one(Issue, issue_id)
        who = {"by": "operator:1", "now": MORNING, "reason": "asked the reader"}
        assert approval.decide_uncertain(session, issue, [1], "accepted", **who) == 1
        assert approval.decide_uncertain(session, issue, [2], "withdrawn", **who) == 1
        assert approval.decide_uncertain(session, issue, [3], "pending", **who) == 1
        assert approval.decide_uncertain(session, issue, [1, 2], "withdrawn", **who) == 0
        assert issue.state == "dispatching"
    postbox = Postbox()
    assert go(postbox, issue_id).state == "dispatched"
    assert dict(postbox.taken) == {"reader3@example.com": 1}
    assert _sum(go, issue_id) == ledger.LedgerSum(audience=3, accepted=2, withdrawn=1)


def test_an_empty_audience_is_dispatched_at_once(go) -> None:
    issue_id = frozen_issue(go.sessions, go.settings, 0)
    assert go(Postbox(), issue_id).state == "dispatched"
    with db.reading(go.sessions) as session:
        assert session.scalar(select(func.count()).select_from(Delivery)) == 0


def test_no_address_reaches_the_logs(go, capsys) -> None:
    issue_id = frozen_issue(go.sessions, go.settings, 3)

    def fail(m):
        raise ValueError(f"bad {m.to}")

    go(Postbox(fail), issue_id)
    err = capsys.readouterr().err
    assert "dispatch.provider_raised" in err
    assert "example.com" not in err


@pytest.mark.parametrize("accepted", [True, False])
def test_mailboxes_that_do_not_exist_are_suppressed_unless_the_relay_knows_none(
    each_sessions, settings, accepted: bool
) -> None:
    """89 of 200 were refused with 550 5.1.1, and all of them were mailed again the next day."""

    def answer(message: Message) -> Receipt | None:
        number = int(message.to.removeprefix("reader").partition("@")[0])
        if number <= 12 or not accepted:
            return Receipt(message.reference, Outcome.FAILED, reason="550 5.1.1", no_such_mailbox=True)
        return None

    issue_id = frozen_issue(each_sessions, settings, 40)
    fixed = {"settings": settings, "links": LINKS, "now": Ticking(), "slots_for": slots_for}
    run_dispatch(each_sessions, Postbox(answer, batch_size=40), issue_id=issue_id, **fixed)
    with db.reading(each_sessions) as session:
        suppressed = session.execute(select(Suppression.address_hash, Suppression.reason)).all()
    wanted = {(f"hash{n}", "bounced") for n in range(1, 13)} if accepted else set()
    assert {tuple(row) for row in suppressed} == wanted
