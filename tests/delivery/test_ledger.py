"""The ledger's promises: frozen once, claimed once, changed only by who holds the claim, and a sum that adds up."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import date, timedelta

import pytest
from sqlalchemy import func, literal, select, text, update

from newsletter import db
from newsletter.db.models import Delivery, DeliveryEvent, Issue, LeftOut, Rendition, Subscriber, Suppression
from newsletter.delivery import approval, ledger, ledger_queries, resubmit, states
from newsletter.delivery.providers.protocol import Outcome, Receipt
from newsletter.errors import Refused
from tests.delivery.mailing import MORNING, add_issue, add_subscribers, audience_of, frozen_issue


def _accepted(claimed: ledger.Claimed) -> list[Receipt]:
    return [Receipt(row.reference, Outcome.ACCEPTED, provider_id="x") for row in claimed.rows]


def _claim(sessions, issue_id, *, limit=10, now=MORNING, **more):
    with sessions.begin() as session:
        return ledger.claim(session, issue_id, limit=limit, now=now, **more)


def _sum(sessions, issue_id) -> ledger.LedgerSum:
    with db.reading(sessions) as session:
        return ledger.sum_up(session, issue_id)


def test_every_allowed_change_and_no_other() -> None:
    expected = {
        ("pending", "submitting"), ("pending", "withdrawn"), ("pending", "accepted"), ("pending", "uncertain"),
        ("submitting", "accepted"), ("submitting", "failed"), ("submitting", "uncertain"), ("submitting", "pending"),
        ("uncertain", "accepted"), ("uncertain", "withdrawn"), ("uncertain", "pending"),
    }  # fmt: skip
    assert {(a, b) for a in states.STATES for b in states.STATES if states.allowed(a, b)} == expected


@pytest.mark.parametrize("before", ["accepted", "failed", "withdrawn", "pending"])
def test_a_change_that_is_not_allowed_is_refused(sessions, settings, before) -> None:
    frozen_issue(sessions, settings, 1)
    with sessions() as session, pytest.raises(Refused, match="cannot go from"):
        ledger.move(session, Delivery, [1], before, "failed")


def test_the_audience_is_frozen_once(each_sessions, settings) -> None:
    with each_sessions.begin() as session:
        issue = add_issue(session)
        numbers = add_subscribers(session, 25)
        approval.approve(session, issue, by="test", now=MORNING, settings=settings, findings=[])
        chosen = audience_of(numbers[:20], left_out={21: "paused", 22: "suppressed"})
        assert ledger.freeze(session, issue, chosen, now=MORNING)
        assert (issue.state, issue.audience_size, issue.frozen_at) == ("dispatching", 20, MORNING)
    with each_sessions.begin() as session:
        issue = session.get_one(Issue, issue.id)
        assert not ledger.freeze(session, issue, audience_of(numbers), now=MORNING + timedelta(hours=1))
    total = _sum(each_sessions, issue.id)
    assert total.adds_up
    assert (total.audience, total.pending) == (20, 20)
    with db.reading(each_sessions) as session:
        left = session.execute(
            select(LeftOut.subscriber_id, LeftOut.reason).order_by(LeftOut.subscriber_id)
        ).all()
        assert left == [(21, "paused"), (22, "suppressed")]


@pytest.mark.parametrize("times", [1, 2])
def test_a_freeze_that_breaks_off_leaves_nothing_and_can_be_begun_again(
    each_sessions, settings, times
) -> None:
    told = []

    def breaking(place: str) -> None:
        told.append(place)
        if len(told) == times:
            raise RuntimeError("the power went")

    with each_sessions.begin() as session:
        issue = add_issue(session)
        chosen = audience_of(add_subscribers(session, 5), left_out={5: "paused"})
        approval.approve(session, issue, by="test", now=MORNING, settings=settings, findings=[])
    with pytest.raises(RuntimeError), each_sessions.begin() as session:
        ledger.freeze(session, session.get_one(Issue, issue.id), chosen, now=MORNING, waypoint=breaking)
    with db.reading(each_sessions) as session:
        assert session.scalar(select(func.count()).select_from(Delivery)) == 0
        assert session.get_one(Issue, issue.id).state == "approved"
    for on in (
        issue.issued_on,
        date(2026, 3, 3),
    ):  # on the same connection; nothing is left lying about either
        with each_sessions.begin() as session:
            issue = session.scalars(select(Issue).where(Issue.issued_on == on)).one_or_none() or add_issue(
                session, on=on
            )
            if issue.state == "draft":
                approval.approve(session, issue, by="test", now=MORNING, settings=settings, findings=[])
            assert ledger.freeze(session, issue, chosen, now=MORNING)
        assert _sum(each_sessions, issue.id) == ledger.LedgerSum(audience=4, pending=4)


def test_only_approved_and_unchanged_issues_are_frozen(sessions, settings) -> None:
    with sessions.begin() as session:
        issue = add_issue(session)
        with pytest.raises(Refused, match="not approved"):
            ledger.freeze(session, issue, audience_of([]), now=MORNING)
        approval.approve(session, issue, by="test", now=MORNING, settings=settings, findings=[])
        session.execute(update(Rendition).where(Rendition.kind == "metered").values(text="other words"))
        session.expire_all()
        with pytest.raises(Refused, match="not the bytes that were approved"):
            ledger.freeze(session, issue, audience_of([]), now=MORNING)


@pytest.mark.parametrize("twice", ["subscriber", "address"])
def test_an_audience_that_names_somebody_twice_is_refused(each_sessions, settings, twice) -> None:
    with each_sessions() as session:
        issue = add_issue(session)
        chosen = audience_of(add_subscribers(session, 2))
        approval.approve(session, issue, by="test", now=MORNING, settings=settings, findings=[])
        seen = chosen.everybody
        who, known_as, *rest = seen.selected_columns
        if twice == "subscriber":  # under two addresses
            seen = select(literal(1), known_as, *rest).where(Subscriber.id.in_([1, 2]))
        else:
            seen = select(who, literal("hash1"), *rest).where(Subscriber.id.in_([1, 2]))
        with pytest.raises(Refused, match="twice"):
            ledger.freeze(session, issue, replace(chosen, everybody=seen), now=MORNING)


def test_a_claim_takes_what_is_due_and_nobody_else_gets_it(each_sessions, settings) -> None:
    issue_id = frozen_issue(each_sessions, settings, 5)
    with each_sessions.begin() as session:
        session.execute(
            update(Delivery).where(Delivery.subscriber_id == 5).values(due_at=MORNING + timedelta(hours=1))
        )
    first = _claim(each_sessions, issue_id, limit=3)
    second = _claim(each_sessions, issue_id, limit=3)
    assert [r.subscriber_id for r in first.rows] == [1, 2, 3]
    assert [r.subscriber_id for r in second.rows] == [4]
    assert first.rows[0].address == "reader1@example.com"
    assert {first.rows[0].rendition, first.rows[1].rendition} == {"full", "metered"}
    assert "morning, full" in first.templates["full"].html
    assert _claim(each_sessions, issue_id).rows == ()
    assert [
        r.subscriber_id for r in _claim(each_sessions, issue_id, now=MORNING + timedelta(hours=1)).rows
    ] == [5]


def test_many_claimants_at_once_share_without_overlap(each_sessions, settings) -> None:
    issue_id = frozen_issue(each_sessions, settings, 120)
    taken: list[int] = []
    lock = threading.Lock()

    def work() -> None:
        while rows := _claim(each_sessions, issue_id, limit=7).rows:
            with lock:
                taken.extend(r.delivery_id for r in rows)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert len(taken) == len(set(taken)) == 120


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"unsubscribed_at": MORNING}, "unsubscribed"),
        ({"confirmed_at": None}, "unconfirmed"),
        ({"paused_until": date(2026, 3, 3)}, "paused"),
    ],
)
def test_who_changed_their_mind_since_the_freeze_is_withdrawn(sessions, settings, change, word) -> None:
    issue_id = frozen_issue(sessions, settings, 3)
    with sessions.begin() as session:
        session.execute(update(Subscriber).where(Subscriber.id == 2).values(**change))
    claimed = _claim(sessions, issue_id)
    assert [r.subscriber_id for r in claimed.rows] == [1, 3]
    assert claimed.withdrawn == 1
    with db.reading(sessions) as session:
        line = session.scalars(select(Delivery).where(Delivery.subscriber_id == 2)).one()
        assert (line.state, line.reason, line.settled_at) == ("withdrawn", word, MORNING)


def test_the_suppressed_and_the_erased_are_withdrawn(each_sessions, settings) -> None:
    issue_id = frozen_issue(each_sessions, settings, 3)
    with each_sessions.begin() as session:
        session.add(Suppression(address_hash="hash1", reason="complained", suppressed_at=MORNING))
        session.delete(session.get_one(Subscriber, 2))
    claimed = _claim(each_sessions, issue_id)
    assert [r.subscriber_id for r in claimed.rows] == [3]
    total = _sum(each_sessions, issue_id)
    assert (total.withdrawn, total.submitting, total.adds_up) == (2, 1, True)
    with db.reading(each_sessions) as session:
        reasons = session.scalars(select(Delivery.reason).where(Delivery.state == "withdrawn")).all()
        assert sorted(reasons) == ["erased", "suppressed"]


def test_a_changed_address_is_read_at_the_claim(sessions, settings) -> None:
    issue_id = frozen_issue(sessions, settings, 1)
    with sessions.begin() as session:
        session.execute(update(Subscriber).values(address="moved@example.org", address_hash="moved"))
    assert _claim(sessions, issue_id).rows[0].address == "moved@example.org"


def test_other_bytes_hold_the_issue_and_nothing_leaves(each_sessions, settings) -> None:
    issue_id = frozen_issue(each_sessions, settings, 3)
    with each_sessions.begin() as session:
        session.execute(update(Rendition).where(Rendition.kind == "full").values(html="<p>forged</p>"))
    claimed = _claim(each_sessions, issue_id)
    assert claimed.rows == ()
    assert "not the bytes that were approved" in (claimed.held or "")
    with db.reading(each_sessions) as session:
        assert session.get_one(Issue, issue_id).state == "held"
    assert _sum(each_sessions, issue_id).pending == 3


def test_a_delivery_that_owes_other_bytes_holds_the_issue(sessions, settings) -> None:
    issue_id = frozen_issue(sessions, settings, 3)
    with sessions.begin() as session:
        session.execute(update(Delivery).where(Delivery.id == 2).values(content_hash="other"))
    assert "other bytes" in (_claim(sessions, issue_id).held or "")


def test_stale_news_waits_for_an_operator_who_may_let_it_go(sessions, settings) -> None:
    issue_id = frozen_issue(sessions, settings, 2)
    late = MORNING + timedelta(hours=19)
    limit = timedelta(hours=18)
    assert "stale" in (_claim(sessions, issue_id, now=late, stale_after=limit).held or "")
    assert _claim(sessions, issue_id, now=late, stale_after=limit).rows == ()
    with sessions.begin() as session:
        assert (
            approval.resume(session, session.get_one(Issue, issue_id), by="operator:1", now=late)
            == "dispatching"
        )
    assert len(_claim(sessions, issue_id, now=late, stale_after=limit).rows) == 2


def test_receipts_become_states(each_sessions, settings) -> None:
    issue_id = frozen_issue(each_sessions, settings, 5)
    claimed = _claim(each_sessions, issue_id)
    refs = [r.reference for r in claimed.rows]
    receipts = [
        Receipt(refs[0], Outcome.ACCEPTED, provider_id="p-1"),
        Receipt(refs[1], Outcome.FAILED, reason="no such mailbox"),
        Receipt(refs[2], Outcome.UNCERTAIN, reason="timed out"),
        Receipt(refs[3], Outcome.RETRY, reason="429", retry_after=120.0),
    ]  # the fifth has none
    with each_sessions.begin() as session:
        recorded = ledger.record(session, claimed, receipts, now=MORNING, provider="postbox")
    assert recorded == ledger.Recorded(accepted=1, failed=1, uncertain=2, retried=1, late=0)
    with db.reading(each_sessions) as session:
        lines = {d.subscriber_id: d for d in session.scalars(select(Delivery))}
        uncertain = ledger.uncertain_deliveries(session, issue_id)
    assert (lines[1].state, lines[1].provider, lines[1].provider_id, lines[1].settled_at) == (
        "accepted", "postbox", "p-1", MORNING,
    )  # fmt: skip
    assert (lines[2].state, lines[2].reason) == ("failed", "no such mailbox")
    assert (lines[3].state, lines[3].settled_at) == ("uncertain", None)
    assert (lines[4].state, lines[4].attempts, lines[4].due_at) == (
        "pending",
        0,
        MORNING + timedelta(seconds=120),
    )
    assert lines[5].state == "uncertain"
    assert all(d.claim is None and d.lease_until is None for d in lines.values())
    assert [u.subscriber_id for u in uncertain] == [3, 5]


@pytest.mark.parametrize("how", ["held", "withdrawn", "a month ago", "dispatched", "by a clock a day ahead"])
def test_a_dead_workers_copies_are_in_doubt_whatever_became_of_the_issue(
    each_sessions, settings, how: str
) -> None:
    issue_id = frozen_issue(each_sessions, settings, 4)
    ahead = timedelta(days=1) if how == "by a clock a day ahead" else timedelta()
    _claim(each_sessions, issue_id, limit=3, now=MORNING + ahead)
    with each_sessions.begin() as session:
        issue = session.get_one(Issue, issue_id)
        if how == "held":
            approval.hold(session, issue, by="test", now=MORNING, reason="wrong")
        elif how == "dispatched":
            issue.state = "dispatched"
        elif how != "by a clock a day ahead":
            approval.withdraw(session, issue, by="test", now=MORNING, reason="wrong")
    later = MORNING + (timedelta(days=30) if how == "a month ago" else timedelta(minutes=11))
    resubmit.run(each_sessions, provider="postbox", now=later, stale_after=timedelta(hours=6))
    left = _sum(each_sessions, issue_id)
    assert (left.submitting, left.uncertain) == (0, 3)
    assert ledger.expire_everywhere(each_sessions, now=later) == 0


def test_who_wakes_up_late_changes_nothing(each_sessions, settings) -> None:
    issue_id = frozen_issue(each_sessions, settings, 2)
    claimed = _claim(each_sessions, issue_id, lease=timedelta(minutes=1))
    later = MORNING + timedelta(minutes=2)
    with each_sessions.begin() as session:
        assert ledger.expire(session, issue_id, now=MORNING + timedelta(seconds=59)) == 0
        assert ledger.expire(session, issue_id, now=later) == 2
    with each_sessions.begin() as session:
        ledger.resolve(session, [claimed.rows[0].delivery_id], "pending", reason="", now=later)
    again = _claim(each_sessions, issue_id, now=later)
    with each_sessions.begin() as session:
        assert ledger.record(session, claimed, _accepted(claimed), now=later, provider="p").late == 2
        assert ledger.release(session, claimed) == 0
    assert _sum(each_sessions, issue_id) == ledger.LedgerSum(audience=2, submitting=1, uncertain=1)
    with each_sessions.begin() as session:
        assert ledger.record(session, again, _accepted(again), now=later, provider="p").accepted == 1


def test_withdrawing_half_way_keeps_what_was_accepted(sessions, settings) -> None:
    issue_id = frozen_issue(sessions, settings, 6)
    done = _claim(sessions, issue_id, limit=2)
    with sessions.begin() as session:
        ledger.record(session, done, _accepted(done), now=MORNING, provider="p")
    in_hand = _claim(sessions, issue_id, limit=2)
    with sessions.begin() as session:
        assert (
            approval.withdraw(
                session, session.get_one(Issue, issue_id), by="operator:1", now=MORNING, reason="wrong"
            )
            == 2
        )
    assert _claim(sessions, issue_id).rows == ()
    with sessions.begin() as session:
        ledger.record(session, in_hand, _accepted(in_hand), now=MORNING, provider="p")
    assert _sum(sessions, issue_id) == ledger.LedgerSum(audience=6, accepted=4, withdrawn=2)


MANY = 70_000  # more than a statement for PostgreSQL may have parameters
UNCERTAIN_ONES = text(
    "INSERT INTO delivery (issue_id, address_hash, rendition, content_hash, due_at, state, attempts) "
    f"WITH RECURSIVE n(k) AS (SELECT 1 UNION ALL SELECT k + 1 FROM n WHERE k < {MANY}) "
    "SELECT issue.id, 'many' || k, 'full', 'x', issue.composed_at, 'uncertain', 1 FROM n, issue"
)


def test_any_number_of_uncertain_ones_is_decided_at_once(each_sessions, settings) -> None:
    issue_id = frozen_issue(each_sessions, settings, 0)
    with each_sessions.begin() as session:
        session.execute(UNCERTAIN_ONES)
        some = session.scalars(select(Delivery.id).order_by(Delivery.id)).all()
        session.add(
            DeliveryEvent(provider="postbox", provider_event_id="1", delivery_id=some[0], kind="delivered",
                          happened_at=MORNING, received_at=MORNING, reason="")
        )  # fmt: skip
    with each_sessions.begin() as session:
        of_issue = ledger_queries.only_of_issue(session, issue_id, [*some, 10**9])
        moved = ledger.resolve(session, of_issue, "withdrawn", reason="gone", now=MORNING)
    assert (len(of_issue), moved) == (MANY, MANY - 1)  # of the first the provider has said that it took it
    assert (_sum(each_sessions, issue_id).withdrawn, _sum(each_sessions, issue_id).accepted) == (MANY - 1, 1)


def test_a_sum_that_does_not_add_up_says_so() -> None:
    wrong = ledger.LedgerSum(audience=3, accepted=2)
    assert not wrong.adds_up
    assert (
        wrong.in_words == "3 ≠ 0 pending + 0 submitting + 2 accepted + 0 failed + 0 uncertain + 0 withdrawn"
    )


def test_the_story_of_one_reader(sessions, settings) -> None:
    issue_id = frozen_issue(sessions, settings, 2)
    claimed = _claim(sessions, issue_id, limit=1)
    with sessions.begin() as session:
        ledger.record(session, claimed, _accepted(claimed), now=MORNING, provider="outbox")
        session.add(
            LeftOut(issue_id=add_issue(session, on=date(2026, 3, 3)).id, subscriber_id=1, reason="paused")
        )
    with db.reading(sessions) as session:
        assert [s.in_words for s in ledger.history_of(session, 1)] == [
            "2026-03-03: left out: paused",
            "2026-03-02: accepted by outbox at 2026-03-02 10:00 UTC",
        ]
        assert [s.in_words for s in ledger.history_of(session, 2)] == [
            "2026-03-02: pending, due 2026-03-02 10:00 UTC"
        ]
