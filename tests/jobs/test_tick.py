"""The tick with real Steps, the sample edition and both databases: a day, two schedulers, a dead process, what operators are told."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from newsletter import db, formatting
from newsletter.cli import invented_readers, opening
from newsletter.db.models import Article, Delivery, Issue, Notice, Run, Story, Subscriber
from newsletter.delivery import approval, ledger, notices
from newsletter.delivery.fence import Fence, Fenced
from newsletter.feeds.catalogue import Catalogue
from newsletter.feeds.fetcher import Fetcher
from newsletter.jobs.due import DEAD_AFTER, GATHER_EVERY, GRACE, RETRY_AFTER, floor
from newsletter.jobs.pipeline import Parts, settle_step
from newsletter.jobs.tick import tick
from newsletter.subscribers.tokens import subject_of
from newsletter.subscribers.unsubscribing import spool
from newsletter.summaries.story_text import from_json
from tests.clocks import Hands
from tests.delivery.mailing import MORNING, Postbox, frozen_issue
from tests.web.sample_site import service_with

COMPOSE = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)  # 04:30 in New York
DESK = "desk@example.com"


@pytest.fixture
def make_parts(make_settings, tmp_path) -> Callable[..., tuple[Parts, Hands]]:
    def make(sessions: db.Sessions, at: datetime, **changes: str) -> tuple[Parts, Hands]:
        settings = make_settings(OPERATORS=DESK, **changes)
        hands = Hands(at)
        service = service_with(sessions, settings, hands)
        invented_readers.add_readers(sessions, settings, now=at)
        return opening.open_sample(service), hands

    return make


@pytest.mark.slow
def test_who_left_while_the_database_was_away_gets_no_issue(sessions: db.Sessions, make_parts) -> None:
    parts, hands = make_parts(sessions, COMPOSE)
    reader = all_of(sessions, Subscriber)[0]
    folder = parts.service.settings.LEAVING_DIR
    spool.store(folder, subject_of(reader.id, reader.address_hash), now=COMPOSE)
    for minutes in (0, 1, 20, 21, 60 * 12):
        ticking(parts, hands, COMPOSE + timedelta(minutes=minutes))
    owed = {d.subscriber_id for d in all_of(sessions, Delivery) if d.state == "accepted"}
    assert owed
    assert reader.id not in owed


def test_copies_of_a_dead_worker_are_in_doubt_although_nothing_may_be_mailed(
    each_sessions, make_settings
) -> None:
    """The settle step is refused by the fence, and the Issue is withdrawn: no dispatch comes to it any more."""
    settings = make_settings(OPERATORS=DESK)
    issue_id = frozen_issue(each_sessions, settings, 10)
    with each_sessions.begin() as session:
        assert len(ledger.claim(session, issue_id, limit=4, now=MORNING).rows) == 4
        approval.withdraw(session, session.get_one(Issue, issue_id), by="test", now=MORNING, reason="wrong")
        notices.queue(session, "alert", key="x", due_at=MORNING, operator_id=None, values={"what": "x"})
    Fence(each_sessions, settings.FENCE_DIR).close()
    parts = Parts(service_with(each_sessions, settings, Hands(MORNING + timedelta(minutes=11))))
    with pytest.raises(Fenced):
        settle_step(parts)
    assert Counter(d.state for d in all_of(each_sessions, Delivery)) == {"uncertain": 4, "withdrawn": 6}


def ticking(parts: Parts, hands: Hands, at: datetime) -> list[str]:
    hands.at = at
    return [step.step for step in tick(parts, at)]


def all_of(sessions: db.Sessions, table):
    with db.reading(sessions) as session:
        return session.scalars(select(table).order_by(table.id)).all()


def mails_to(outbox: Path, address: str) -> list[str]:
    bodies = [file.read_text() for file in sorted(outbox.rglob("*.eml"))]
    return [body for body in bodies if f"\nTo: {address}" in body or body.startswith(f"To: {address}")]


def test_a_day_from_feeds_to_the_outbox(each_sessions, make_parts, tmp_path) -> None:
    """Ticks at no rhythm: what is due is done at the first one after its moment, and not once more by the next."""
    parts, hands = make_parts(each_sessions, COMPOSE - timedelta(minutes=20))
    early = ticking(parts, hands, COMPOSE - timedelta(minutes=20))
    assert Counter(early) == Counter(["gather", "group", "read", "summarize", "settle", "lapse"])
    assert ticking(parts, hands, COMPOSE - timedelta(minutes=20)) == [], "the same moment again"
    at_compose = ticking(parts, hands, COMPOSE + timedelta(seconds=7))
    assert [s for s in at_compose if s not in ("settle", "lapse")] == [
        "gather", "group", "read", "summarize", "compose", "check",
    ]  # fmt: skip
    (issue,) = all_of(each_sessions, Issue)
    assert (issue.state, issue.issued_on) == ("draft", COMPOSE.date())
    assert "approve" not in ticking(parts, hands, COMPOSE + GRACE - timedelta(seconds=1)), (
        "operators may look"
    )
    late = ticking(parts, hands, COMPOSE + GRACE + timedelta(seconds=40))
    assert [s for s in late if s in ("approve", "dispatch")][:2] == ["approve", "dispatch"]
    for later in (timedelta(hours=2), timedelta(hours=9)):
        ticking(parts, hands, COMPOSE + later)
    (issue,) = all_of(each_sessions, Issue)
    assert issue.state == "dispatched"
    assert issue.approved_by == "auto"
    assert Counter(d.state for d in all_of(each_sessions, Delivery)) == {"accepted": 2}
    for reader in invented_readers.READERS:
        assert len(mails_to(parts.service.settings.OUTBOX_DIR, reader)) == 1
    runs = all_of(each_sessions, Run)
    assert {r.outcome for r in runs} == {"done"}
    assert [r.due_at for r in runs if r.step == "compose"] == [COMPOSE]


@pytest.mark.slow
def test_two_schedulers_at_once_do_each_step_once(each_sessions, make_parts) -> None:
    first, hands = make_parts(each_sessions, COMPOSE + timedelta(seconds=1))
    second, _ = make_parts(each_sessions, COMPOSE + timedelta(seconds=1))
    second = replace(second, service=replace(second.service, clock=hands))
    done: list[tuple[str, datetime]] = []
    broke: list[BaseException] = []

    def scheduler(parts: Parts, together: threading.Barrier) -> None:
        try:
            together.wait(20)
            done.extend((s.step, s.due_at) for s in tick(parts, hands.at))
        except BaseException as error:
            broke.append(error)

    for minutes in (0, 11, 12):
        hands.at = COMPOSE + timedelta(minutes=minutes, seconds=1)
        together = threading.Barrier(2)
        both = [threading.Thread(target=scheduler, args=(p, together)) for p in (first, second)]
        for thread in both:
            thread.start()
        for thread in both:
            thread.join(120)
        assert not any(t.is_alive() for t in both)
    assert broke == []
    assert max(Counter(done).values()) == 1
    assert Counter(done) == Counter((r.step, r.due_at) for r in all_of(each_sessions, Run))
    names = Counter(step for step, _ in done)
    assert {s: names[s] for s in ("gather", "group", "summarize", "compose", "approve")} == dict.fromkeys(
        ("gather", "group", "summarize", "compose", "approve"), 1
    )
    assert {r.outcome for r in all_of(each_sessions, Run)} == {"done"}
    assert [i.state for i in all_of(each_sessions, Issue)] == ["dispatched"]
    for reader in invented_readers.READERS:
        assert len(mails_to(first.service.settings.OUTBOX_DIR, reader)) == 1


def test_who_signs_up_while_an_issue_is_handed_over_does_not_wait_for_its_last_copy(
    each_sessions, make_settings
) -> None:
    """Each batch takes 20 seconds: the mail goes after a minute, and the Issue goes on behind it."""
    hands, sent = Hands(MORNING), []

    def slowly(messages) -> None:
        hands.at += timedelta(seconds=20)
        sent.extend(m.reference.partition(":")[0] for m in messages)

    settings = make_settings(BATCH_SIZE=10)
    service = replace(service_with(each_sessions, settings, hands), provider=Postbox(before=slowly))
    frozen_issue(each_sessions, settings, 100)
    with each_sessions.begin() as session:
        reader = session.scalars(select(Subscriber.id).limit(1)).one()
        notices.queue(session, "already", key="k", due_at=MORNING, subscriber_id=reader)
    made = {step: lambda _: {} for step in ("gather", "group", "read", "summarize")}
    tick(Parts(service, is_sample=True, instead=made), MORNING)
    assert Counter(sent) == {"delivery": 100, "notice": 1}
    assert sent.index("notice") < 50


def test_the_run_of_a_killed_process_is_taken_over_after_a_while(each_sessions, make_parts) -> None:
    began = COMPOSE - timedelta(minutes=25)
    parts, hands = make_parts(each_sessions, began)
    due_at = floor(began, GATHER_EVERY)
    with each_sessions.begin() as session:
        session.add(Run(step="gather", due_at=due_at, started_at=began, outcome="running", detail={}))
    assert "gather" not in ticking(parts, hands, began + DEAD_AFTER), "it may be alive"
    again = ticking(parts, hands, began + DEAD_AFTER + timedelta(seconds=1))
    assert again[:4] == ["gather", "group", "read", "summarize"]
    run = next(r for r in all_of(each_sessions, Run) if r.step == "gather")
    assert (run.due_at, run.outcome, run.started_at) == (due_at, "done", hands.at)


@pytest.mark.slow
def test_a_process_killed_while_the_clock_was_a_day_ahead_costs_no_day(sessions, make_parts) -> None:
    parts, hands = make_parts(sessions, COMPOSE - timedelta(minutes=20))
    ticking(parts, hands, COMPOSE - timedelta(minutes=20))
    with sessions.begin() as session:
        session.add(Run(step="compose", due_at=COMPOSE, started_at=COMPOSE + timedelta(days=1)))
    ticking(parts, hands, COMPOSE + timedelta(minutes=1))
    assert [issue.issued_on.isoformat() for issue in all_of(sessions, Issue)] == ["2026-03-02"]


def test_too_few_stories_tell_each_operator_once_a_day(sessions, make_parts) -> None:
    parts, hands = make_parts(sessions, COMPOSE)
    few = list(parts.catalogue.outlets)[:2]
    parts = replace(parts, catalogue=Catalogue(tuple(few)))
    for tries in range(4):
        ticking(parts, hands, COMPOSE + tries * (RETRY_AFTER + timedelta(seconds=1)))
    composed = [r for r in all_of(sessions, Run) if r.step == "compose"]
    assert [r.outcome for r in composed] == ["failed"]
    assert composed[0].started_at > COMPOSE, "it was tried again"
    told = all_of(sessions, Notice)
    assert [n.kind for n in told] == ["alert"]
    assert "Too few Stories for the Issue of Monday, 2 March 2026" in told[0].values["what"]
    assert len(mails_to(parts.service.settings.OUTBOX_DIR, DESK)) == 1
    assert all_of(sessions, Issue) == []


def test_feeds_out_of_reach_stop_no_other_step(sessions, make_parts) -> None:
    def nothing(*args, **kwargs):
        raise RuntimeError("a defect in fetching")

    fetcher: Fetcher = nothing
    parts, hands = make_parts(sessions, COMPOSE)
    done = ticking(replace(parts, fetcher=fetcher), hands, COMPOSE - timedelta(hours=2))
    assert {"settle", "lapse"} <= set(done)
    assert [n.kind for n in all_of(sessions, Notice)] == ["alert"]


@pytest.mark.slow
def test_a_check_that_blocks_holds_the_issue_back_and_tells_the_operators(sessions, make_parts) -> None:
    parts, hands = make_parts(sessions, COMPOSE)
    ticking(parts, hands, COMPOSE)
    (issue,) = all_of(sessions, Issue)

    hands.at = COMPOSE + timedelta(minutes=1)
    with sessions.begin() as session:
        row = session.get_one(Issue, issue.id)
        row.subject = ""
        row.composed_at = hands.at
    parts.service.render(issue.issued_on)
    for minutes in (2, 13, 14, 60, 61):
        done = ticking(parts, hands, COMPOSE + timedelta(minutes=minutes))
        assert not {"approve", "dispatch"} & set(done)
    (issue,) = all_of(sessions, Issue)
    assert issue.state == "draft"
    told = [n for n in all_of(sessions, Notice) if n.kind == "alert"]
    assert len(told) == 2, "and once more an hour before the first reader's hour"
    assert told[0].values["what"].startswith("The issue of Monday, 2 March 2026 waits for you: ")
    assert told[1].values["what"].startswith("Nobody has approved the issue of Monday, 2 March 2026, and ")
    assert len(mails_to(parts.service.settings.OUTBOX_DIR, DESK)) == 2
    assert all_of(sessions, Delivery) == []


@pytest.mark.slow
def test_a_cited_article_that_changes_after_approval_flags_its_story_and_tells_the_operators_once(
    each_sessions, make_parts
) -> None:
    parts, hands = make_parts(each_sessions, COMPOSE)
    ticking(parts, hands, COMPOSE)
    ticking(parts, hands, COMPOSE + GRACE + timedelta(minutes=1))
    (issue,) = all_of(each_sessions, Issue)
    assert issue.state in ("approved", "dispatching", "dispatched")
    assert {s.id for s in all_of(each_sessions, Story) if s.flagged_at} == set()
    with each_sessions.begin() as session:
        placement = session.get_one(Issue, issue.id).placements[1]
        story_id = placement.story_id
        cited = sorted(from_json(placement.story_revision.words).cited())
        article = session.get_one(
            Article, cited[0]
        )  # what gather does when a feed's entry says something else
        article.excerpt, article.text_hash = "It says something else now.", "of-that"
        article.changed_at = hands.at

    for passes in (1, 2, 3):
        ticking(parts, hands, COMPOSE + passes * GATHER_EVERY + timedelta(minutes=1))
    assert {s.id for s in all_of(each_sessions, Story) if s.flagged_at} == {story_id}
    told = [n.values["what"] for n in all_of(each_sessions, Notice) if n.kind == "alert"]
    assert len(told) == 1
    assert "changed an article" in told[0]
    assert formatting.day(issue.issued_on) in told[0]
