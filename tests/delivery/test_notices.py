"""Notices: queued once with their cause, sent once, never resent by themselves, and one that cannot be made costs no other."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from newsletter import db
from newsletter.db.models import Notice, Operator, Subscriber, Suppression
from newsletter.delivery import notice_ledger, notices
from newsletter.delivery.providers.protocol import Outcome, Receipt
from tests.delivery.mailing import LINKS, MORNING, Postbox, Ticking, add_subscribers


def personal(notice: Notice, person: Subscriber | Operator) -> dict[str, str]:
    return {
        "confirm_url": LINKS.confirm(f"confirm-{person.id}"),
        "signin_url": LINKS.signin(f"signin-{person.id}"),
        "unsubscribe_url": LINKS.unsubscribe(f"leave-{person.id}"),
        "account_url": LINKS.account(),
    }


@pytest.fixture
def go(each_sessions, settings):
    clock = Ticking()

    def run(provider, **more):
        return notices.run(
            each_sessions,
            provider,
            **{"settings": settings, "links": LINKS, "now": clock, "slots_for": personal, **more},
        )

    run.clock = clock
    run.sessions = each_sessions
    return run


def _queue(go, *numbers: int, kind: str = "confirm", **more) -> None:
    with go.sessions.begin() as session:
        for n in numbers:
            assert notices.queue(
                session, kind, **{"key": f"{kind}:{n}", "due_at": MORNING, "subscriber_id": n, **more}
            )


def _states(go) -> list[tuple[str, str | None]]:
    with db.reading(go.sessions) as session:
        return [(n.state, n.reason) for n in session.scalars(select(Notice).order_by(Notice.id))]


@pytest.fixture
def readers(go):
    with go.sessions.begin() as session:
        return add_subscribers(session, 5)


def test_a_key_is_queued_once(go, readers) -> None:
    with go.sessions.begin() as session:
        first = notices.queue(session, "welcome", key="welcome:1", due_at=MORNING, subscriber_id=1)
        second = notices.queue(session, "welcome", key="welcome:1", due_at=MORNING, subscriber_id=1)
    assert (first, second) == (True, False)


def test_a_notice_goes_with_its_cause_or_not_at_all(go, readers) -> None:
    with go.sessions() as session:
        notices.queue(session, "welcome", key="welcome:1", due_at=MORNING, subscriber_id=1)
        session.rollback()  # the change failed
    assert _states(go) == []


def test_who_was_frozen_past_the_lease_sends_nothing(go, readers) -> None:
    _queue(go, 1)
    postbox = Postbox(before=lambda _: go.clock.ahead(minutes=11))
    assert go(postbox).accepted == 0
    assert postbox.taken.total() == 0


def test_due_notices_are_sent_once(go, readers) -> None:
    _queue(go, 1, 2)
    _queue(go, 3, due_at=MORNING + timedelta(hours=1))
    kept = []
    postbox = Postbox(before=kept.extend)
    assert go(postbox).accepted == 2
    assert go(postbox) == notices.NotifyReport()
    assert dict(postbox.taken) == {"reader1@example.com": 1, "reader2@example.com": 1}
    assert [m.reference for m in kept] == ["notice:1", "notice:2"]
    assert kept[0].slots["confirm_url"] == LINKS.confirm("confirm-1")
    assert kept[0].headers["Auto-Submitted"] == "auto-generated"
    go.clock.ahead(hours=1)
    assert go(postbox).accepted == 1


def test_notices_come_from_their_own_sender(go, readers, make_settings) -> None:
    """And a Correction, which is mail to all readers of an Issue, from where the Issue came from."""
    _queue(go, 1)
    kept = []
    own = make_settings(NOTICE_FROM="Evenhand <hello@note.example.com>")
    go(Postbox(before=kept.extend), settings=own)
    _queue(go, 2)
    go(Postbox(before=kept.extend))
    assert [m.sender for m in kept] == ["Evenhand <hello@note.example.com>", ""]


def test_operators_get_theirs(go) -> None:
    with go.sessions.begin() as session:
        operator = Operator(address="desk@example.com", added_at=MORNING)
        session.add(operator)
        session.flush()
        notices.queue(session, "signin", key="signin:1", due_at=MORNING, operator_id=operator.id)
    postbox = Postbox()
    assert go(postbox).accepted == 1
    assert dict(postbox.taken) == {"desk@example.com": 1}


def test_an_uncertain_notice_is_never_resent_by_itself(go, readers) -> None:
    _queue(go, 1)
    assert go(Postbox(lambda m: Receipt(m.reference, Outcome.UNCERTAIN, reason="reset"))).uncertain == 1
    go.clock.ahead(hours=3)
    postbox = Postbox()
    go(postbox)
    assert not postbox.taken
    assert _states(go) == [("uncertain", "reset")]


def test_a_dead_owners_notice_is_uncertain(go, readers) -> None:
    _queue(go, 1)
    with go.sessions.begin() as session:
        notice_ledger.claim(session, limit=5, now=MORNING)  # and dies
    go.clock.ahead(minutes=11)
    postbox = Postbox()
    assert go(postbox).expired == 1
    assert not postbox.taken


def test_a_busy_provider_is_asked_again_later(go, readers) -> None:
    _queue(go, 1)
    assert go(Postbox(lambda m: Receipt(m.reference, Outcome.RETRY, reason="busy"))).retried == 1
    assert go(Postbox()) == notices.NotifyReport()
    go.clock.ahead(minutes=2)
    assert go(Postbox()).accepted == 1


def test_what_nobody_may_or_needs_to_get_is_withdrawn(go, readers) -> None:
    _queue(go, 1, 2, 3)
    _queue(go, 4, kind="signin", due_at=MORNING - timedelta(hours=25))
    with go.sessions.begin() as session:
        session.add(Suppression(address_hash="hash1", reason="bounced", suppressed_at=MORNING))
        session.add(Suppression(address_hash="hash2", reason="unsubscribed", suppressed_at=MORNING))
        session.add(Operator(id=9, address="gone@example.com", added_at=MORNING, removed_at=MORNING))
        session.flush()
        notices.queue(session, "signin", key="signin:op", due_at=MORNING, operator_id=9)
    postbox = Postbox()
    report = go(postbox)
    assert (report.accepted, report.withdrawn) == (2, 3)
    assert sorted(postbox.taken) == ["reader2@example.com", "reader3@example.com"]
    assert {r for s, r in _states(go) if s == "withdrawn"} == {"suppressed", "stale", "gone"}


def test_one_that_cannot_be_made_costs_no_other(go, readers) -> None:
    _queue(go, 1, kind="nonsense")
    _queue(go, 2)
    report = go(Postbox())
    assert (report.accepted, report.unrendered) == (1, 1)
    assert _states(go) == [("pending", None), ("accepted", None)]
    assert go(Postbox()) == notices.NotifyReport()  # tried again later, not in a circle


def test_one_that_a_defect_of_ours_spoils_costs_no_other_either(go, readers) -> None:
    def spoilt(notice: Notice, person: Subscriber | Operator) -> dict[str, str]:
        return personal(notice, person) | {"confirm_url": str(1 // (person.id - 1))}

    _queue(go, 1, 3)
    assert go(Postbox(), slots_for=spoilt).unrendered == 1
    assert _states(go) == [("pending", None), ("accepted", None)]


def test_a_provider_that_raises_leaves_doubt_not_a_stack_trace(go, readers) -> None:
    def broken(_: object) -> None:
        raise ConnectionResetError

    _queue(go, 1)
    assert go(Postbox(before=broken)).uncertain == 1
