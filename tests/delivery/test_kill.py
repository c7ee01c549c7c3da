"""A dispatch killed with SIGKILL at every named place and then run again: nobody twice, everybody accounted for.

Judged on what the Outbox was handed and what lies in its folder, not on what the ledger says of itself. Two mutants, one for each
classic mistake, must be caught by the same judge.
"""

from __future__ import annotations

import os
import signal
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, select, update

from newsletter import db
from newsletter.db.models import Delivery, Issue
from newsletter.delivery import approval, dispatch, ledger
from newsletter.delivery.providers.outbox.send import file_name
from tests.delivery.dispatch_and_die import READERS, Journaled, settings_for
from tests.delivery.mailing import LINKS, MORNING, Ticking, add_issue, add_subscribers, audience_of, slots_for
from tests.shell import Shell

HERE = Path(__file__).parent
PLACES = [
    ("freezing", 1),
    ("freezing", 2),
    ("frozen-uncommitted", 1),
    ("frozen", 1),
    ("before-claim", 3),
    ("claimed", 2),
    ("submitting", 2),
    ("mid-batch", 3),
    ("handed-over", 2),
    ("recorded", 2),
    ("closing", 1),
]


@dataclass(frozen=True)
class Verdict:
    """What the provider's own evidence says. ``lost`` were promised as accepted and never arrived."""

    twice: list[str]
    lost: list[str]
    unaccounted: list[str]
    uncertain: int
    adds_up: bool
    state: str


def judge(sessions: db.Sessions, folder: Path) -> Verdict:
    journal = folder.parent / "journal.txt"
    handed = Counter(journal.read_text().split() if journal.exists() else [])
    kept = {p.name for p in folder.glob("*.eml")} if folder.exists() else set()
    with db.reading(sessions) as session:
        lines = {f"delivery:{d.id}": d.state for d in session.scalars(select(Delivery))}
        total = ledger.sum_up(session, 1)
        state = session.get_one(Issue, 1).state
    return Verdict(
        twice=[reference for reference, times in handed.items() if times > 1],
        lost=[r for r, s in lines.items() if s == "accepted" and file_name(r) not in kept],
        unaccounted=[r for r in handed if lines.get(r) not in ("accepted", "uncertain")],
        uncertain=total.uncertain,
        adds_up=total.adds_up and total.audience == READERS,
        state=state,
    )


def _prepare(engine: Engine, settings) -> db.Sessions:
    sessions = db.make_sessions(engine)
    with sessions.begin() as session:
        issue = add_issue(session)
        add_subscribers(session, READERS)
        approval.approve(session, issue, by="test", now=MORNING, settings=settings, findings=[])
    return sessions


def _die(shell: Shell, url: str, folder: Path, place: str, nth: int, mutant: str = "") -> None:
    env = {**os.environ, "PYTHONPATH": str(HERE)}
    script = str(HERE / "dispatch_and_die.py")
    done = shell(url, str(folder), place, str(nth), mutant, env=env, run=script)
    assert done.returncode == -signal.SIGKILL, done.stderr[-2000:]


def _again(
    sessions: db.Sessions, url: str, folder: Path, *, after: timedelta = timedelta(minutes=11)
) -> None:
    """What the next worker does: freeze if that is still to do, and dispatch."""
    with sessions.begin() as session:
        issue = session.get_one(Issue, 1)
        if issue.state == "approved":
            ledger.freeze(session, issue, audience_of(range(1, READERS + 1)), now=MORNING)
    dispatch.run(
        sessions,
        Journaled(folder),
        issue_id=1,
        settings=settings_for(url, str(folder)),
        links=LINKS,
        now=Ticking(MORNING + after),
        slots_for=slots_for,
    )


@pytest.fixture
def url(engine: Engine) -> str:
    return engine.url.render_as_string(hide_password=False)


@pytest.mark.slow
@pytest.mark.parametrize(("place", "nth"), PLACES)
def test_killed_anywhere_nobody_gets_it_twice_and_nobody_is_lost(
    engine, url, settings, tmp_path, shell, place, nth
) -> None:
    sessions = _prepare(engine, settings)
    folder = tmp_path / "outbox"
    _die(shell, url, folder, place, nth)
    _again(sessions, url, folder, after=timedelta(minutes=1))  # the dead one's lease still runs
    assert judge(sessions, folder).twice == []
    _again(sessions, url, folder)
    verdict = judge(sessions, folder)
    assert (verdict.twice, verdict.lost, verdict.unaccounted) == ([], [], [])
    assert verdict.adds_up
    assert verdict.state == "dispatched"
    in_hand = place in ("claimed", "submitting", "mid-batch", "handed-over")
    assert verdict.uncertain == (10 if in_hand else 0)


@pytest.mark.postgres
def test_killed_half_way_through_a_batch_on_postgresql(postgres_url, settings, tmp_path, shell) -> None:
    engine = db.make_engine(postgres_url)
    db.upgrade(engine)
    sessions = _prepare(engine, settings)
    folder = tmp_path / "outbox"
    _die(shell, postgres_url, folder, "mid-batch", 3)
    _again(sessions, postgres_url, folder)
    verdict = judge(sessions, folder)
    assert (verdict.twice, verdict.lost, verdict.unaccounted) == ([], [], [])
    assert (verdict.adds_up, verdict.state, verdict.uncertain) == (True, "dispatched", 10)
    engine.dispose()


@pytest.mark.slow
def test_the_judge_catches_who_retries_the_unknown(
    engine, url, settings, tmp_path, shell, monkeypatch
) -> None:
    def back_to_pending(session, issue_id, *, now):
        return session.execute(
            update(Delivery).where(Delivery.state == "submitting").values(state="pending")
        ).rowcount

    sessions = _prepare(engine, settings)
    folder = tmp_path / "outbox"
    _die(shell, url, folder, "handed-over", 2)
    monkeypatch.setattr(ledger, "expire", back_to_pending)
    _again(sessions, url, folder)
    assert len(judge(sessions, folder).twice) == 10


def test_the_judge_catches_who_marks_before_sending(engine, url, settings, tmp_path, shell) -> None:
    sessions = _prepare(engine, settings)
    folder = tmp_path / "outbox"
    _die(shell, url, folder, "recorded", 2, "mark-before-send")
    _again(sessions, url, folder)
    assert len(judge(sessions, folder).lost) == 10
