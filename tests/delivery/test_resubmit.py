"""An uncertain batch is submitted again only when a working webhook has reported nothing of it; each condition is tested."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import insert, select, update

from newsletter import db
from newsletter.db.models import AuditEntry, Delivery, DeliveryEvent, Issue
from newsletter.delivery import approval, ledger, resubmit
from newsletter.delivery.providers.protocol import Outcome, Receipt
from tests.delivery.mailing import LINKS, MORNING, Postbox, Ticking, frozen_issue, run_dispatch, slots_for

LATER = MORNING + timedelta(minutes=45)
STALE = timedelta(hours=18)
BATCH = 30


class SendGridLike(Postbox):
    name = "sendgrid"


@pytest.fixture
def doubt(each_sessions, settings):
    """Three batches of 30: nothing came back of the first, the later two were accepted and heard of."""
    issue_id = frozen_issue(each_sessions, settings, 90)
    clock = Ticking(MORNING)

    def answer(message):
        first = clock() == MORNING
        return Receipt(message.reference, Outcome.UNCERTAIN, reason="silence") if first else None

    box = SendGridLike(answer, batch_size=BATCH)
    _run(each_sessions, settings, box, clock, limit=BATCH)
    clock.ahead(minutes=1)
    _run(each_sessions, settings, box, clock, limit=BATCH)
    clock.ahead(minutes=1)
    _run(each_sessions, settings, box, clock, limit=BATCH)
    _hear(each_sessions, range(31, 91))
    assert issue_id == 1
    return each_sessions


def _run(sessions, settings, box, clock, **more):
    return run_dispatch(
        sessions,
        box,
        issue_id=1,
        settings=settings,
        links=LINKS,
        now=clock,
        slots_for=slots_for,
        **more,
    )


def _hear(sessions, numbers) -> None:
    rows = [
        {
            "provider": "sendgrid",
            "provider_event_id": f"e{n}",
            "delivery_id": n,
            "kind": "delivered",
            "happened_at": MORNING,
            "received_at": MORNING,
            "reason": "",
        }
        for n in numbers
    ]
    with sessions.begin() as session:
        session.execute(insert(DeliveryEvent), rows)


def _look(sessions, *, now=LATER, provider="sendgrid") -> resubmit.ResubmitReport:
    return resubmit.run(sessions, provider=provider, now=now, stale_after=STALE)


def _states(sessions) -> list[str]:
    with db.reading(sessions) as session:
        return list(session.scalars(select(Delivery.state).order_by(Delivery.id).limit(BATCH)))


def test_under_all_conditions_it_goes_once_more_and_only_once(doubt, settings) -> None:
    assert _look(doubt).resubmitted == BATCH
    silent = SendGridLike(lambda m: Receipt(m.reference, Outcome.UNCERTAIN, reason="again"), batch_size=BATCH)
    assert _run(doubt, settings, silent, Ticking(LATER)).uncertain == BATCH
    assert _look(doubt, now=LATER + timedelta(hours=2)).resubmitted == 0
    with db.reading(doubt) as session:
        decided = session.scalars(
            select(AuditEntry).where(AuditEntry.act == "delivery.decided_pending")
        ).all()
        assert [(e.by, e.detail["deliveries"]) for e in decided] == [("auto", BATCH)]
        assert session.get_one(Issue, 1).released_at is None  # the deadline is not renewed by it


def test_a_word_that_comes_before_it_goes_keeps_it_from_going(doubt, settings) -> None:
    assert _look(doubt).resubmitted == BATCH
    with doubt.begin() as session:
        assert ledger.accept(session, [1, 2, 3], now=LATER) == 3
    box = SendGridLike(batch_size=BATCH)
    _run(doubt, settings, box, Ticking(LATER))
    assert sum(box.taken.values()) == BATCH - 3


def _quiet_too_short(sessions) -> dict:
    return {"now": MORNING + timedelta(minutes=29)}


def _stale(sessions) -> dict:
    return {"now": MORNING + STALE + timedelta(minutes=1)}


def _one_of_the_batch_was_heard(sessions) -> dict:
    _hear(sessions, [7])
    return {}


def _webhook_deaf(sessions) -> dict:
    with sessions.begin() as session:
        session.execute(DeliveryEvent.__table__.delete())
    return {}


def _webhook_half_deaf(sessions) -> dict:
    with sessions.begin() as session:
        session.execute(DeliveryEvent.__table__.delete().where(DeliveryEvent.delivery_id > 86))
    return {}


def _no_later_batches(sessions) -> dict:
    with sessions.begin() as session:
        session.execute(update(Delivery).where(Delivery.id > 30).values(submitted_at=MORNING))
    return {}


def _too_few_later(sessions) -> dict:
    with sessions.begin() as session:
        session.execute(update(Delivery).where(Delivery.id > 49).values(submitted_at=MORNING))
    return {}


def _later_ones_too_young(sessions) -> dict:
    with sessions.begin() as session:
        young = LATER - timedelta(minutes=9)
        session.execute(update(Delivery).where(Delivery.id > 30).values(submitted_at=young))
    return {}


def _issue_held(sessions) -> dict:
    with sessions.begin() as session:
        session.execute(update(Issue).values(state="held"))
    return {}


def _other_provider(sessions) -> dict:
    return {"provider": "smtp"}


def _unknown_provider(sessions) -> dict:
    with sessions.begin() as session:
        session.execute(update(Delivery).where(Delivery.id <= 30).values(provider=None))
    return {}


@pytest.mark.parametrize(
    "missing",
    [
        _quiet_too_short,
        _stale,
        _one_of_the_batch_was_heard,
        _webhook_deaf,
        _webhook_half_deaf,
        _no_later_batches,
        _too_few_later,
        _later_ones_too_young,
        _issue_held,
        _other_provider,
        _unknown_provider,
    ],
    ids=lambda f: f.__name__.strip("_"),
)
def test_without_one_condition_it_waits_for_an_operator(doubt, missing) -> None:
    changed = missing(doubt)
    assert _look(doubt, **changed).resubmitted == 0
    left = set(_states(doubt))
    assert left == ({"accepted", "uncertain"} if missing is _one_of_the_batch_was_heard else {"uncertain"})


def test_what_was_heard_meanwhile_is_proved_first(doubt) -> None:
    _hear(doubt, [1, 2, 3])
    report = _look(doubt)
    assert (report.proved, report.resubmitted) == (3, 0)


def test_a_persons_word_renews_the_deadline_and_opens_the_issue(doubt) -> None:
    with doubt.begin() as session:
        issue = session.get_one(Issue, 1)
        moved = approval.decide_uncertain(
            session, issue, [1, 2], "pending", by="operator:1", now=LATER, reason="not in their log"
        )
        assert (moved, issue.state, issue.released_at) == (2, "dispatching", LATER)
