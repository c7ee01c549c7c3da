"""Approval: which changes of an Issue are allowed, who made them, and what is refused."""

from __future__ import annotations

from collections import namedtuple
from threading import Thread

import pytest
from sqlalchemy import select, text, update

from newsletter import db
from newsletter.db.models import AuditEntry, Check, Issue, Rendition
from newsletter.delivery import approval, ledger, states
from newsletter.errors import Refused
from newsletter.issues.checks import context, findings
from newsletter.issues.render import render
from tests.delivery.mailing import MORNING, add_issue, audience_of, frozen_issue

WAITING = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
Finding = namedtuple("Finding", "name level reason")
BLOCK = Finding("both-sides", "block", "only one Side is told")


def _approve(session, issue, settings, **more):
    return approval.approve(
        session, issue, **{"by": "operator:1", "now": MORNING, "settings": settings, "findings": [], **more}
    )


def test_approval_puts_a_hash_under_both_renditions(sessions, settings) -> None:
    with sessions.begin() as session:
        issue = add_issue(session)
        content = _approve(session, issue, settings)
        assert (issue.state, issue.content_hash, issue.approved_by) == ("approved", content, "operator:1")
        assert _approve(session, issue, settings) == content  # again: nothing happens
        assert session.scalars(select(AuditEntry.act)).all() == ["issue.approved"]


def test_changed_bytes_need_a_new_approval(sessions, settings) -> None:
    with sessions.begin() as session:
        issue = add_issue(session)
        first = _approve(session, issue, settings)
        session.execute(update(Rendition).where(Rendition.kind == "full").values(text="corrected"))
        session.expire_all()
        assert _approve(session, issue, settings) != first
        assert issue.state == "approved"


def test_a_blocking_check_refuses_unless_a_reason_is_written(sessions, settings) -> None:
    with sessions.begin() as session:
        issue = add_issue(session)
        with pytest.raises(Refused, match="both-sides: only one Side is told"):
            _approve(session, issue, settings, findings=[BLOCK])
        _approve(session, issue, settings, findings=[BLOCK], reason="breaking news, told by one Side so far")
        entry = session.scalars(select(AuditEntry)).one()
        assert entry.detail["overruled"] == ["both-sides"]


def test_what_was_not_rendered_cannot_be_approved(sessions, settings) -> None:
    with sessions.begin() as session:
        issue = add_issue(session)
        session.delete(session.scalars(select(Rendition).where(Rendition.kind == "full")).one())
        session.flush()
        with pytest.raises(Refused, match="not been rendered"):
            _approve(session, issue, settings)


def test_an_edit_takes_the_approval_back_until_the_freeze(sessions, settings) -> None:
    with sessions.begin() as session:
        issue = add_issue(session)
        _approve(session, issue, settings)
        approval.revoke(session, issue, by="operator:1", now=MORNING, reason="typo")
        assert (issue.state, issue.content_hash) == ("draft", None)
        _approve(session, issue, settings)
        ledger.freeze(session, issue, audience_of([]), now=MORNING)
        with pytest.raises(Refused, match="on its way"):
            approval.revoke(session, issue, by="operator:1", now=MORNING, reason="typo")


def test_a_held_draft_goes_back_to_where_it_was(sessions, settings) -> None:
    with sessions.begin() as session:
        issue = add_issue(session)
        who = {"by": "operator:1", "now": MORNING}
        approval.hold(session, issue, reason="waiting", **who)
        assert (issue.state, issue.hold_reason) == ("held", "waiting")
        assert approval.resume(session, issue, **who) == "draft"
        _approve(session, issue, settings)
        approval.hold(session, issue, reason="waiting", **who)
        assert approval.resume(session, issue, **who) == "approved"
        assert issue.hold_reason is None


def test_a_partly_sent_issue_is_resumed_not_approved(sessions, settings) -> None:
    issue_id = frozen_issue(sessions, settings, 2)
    with sessions.begin() as session:
        issue = session.get_one(Issue, issue_id)
        approval.hold(session, issue, by="operator:1", now=MORNING, reason="wrong")
        session.execute(update(Rendition).values(text="other"))
        with pytest.raises(Refused, match="partly sent"):
            _approve(session, issue, settings)
        with pytest.raises(Refused, match="not the bytes"):
            approval.resume(session, issue, by="operator:1", now=MORNING)


def test_what_is_withdrawn_stays_withdrawn(sessions, settings) -> None:
    with sessions.begin() as session:
        issue = add_issue(session)
        who = {"by": "operator:1", "now": MORNING}
        approval.withdraw(session, issue, reason="wrong day", **who)
        for act in (
            lambda: approval.hold(session, issue, reason="x", **who),
            lambda: approval.resume(session, issue, **who),
            lambda: approval.withdraw(session, issue, reason="x", **who),
            lambda: _approve(session, issue, settings),
        ):
            with pytest.raises(Refused):
                act()


def test_who_read_an_old_state_is_told(sessions, settings) -> None:
    with sessions.begin() as session:
        issue = add_issue(session)
    with sessions.begin() as session:
        mine = session.get_one(Issue, issue.id)
        session.execute(
            update(Issue).values(state="held").execution_options(synchronize_session=False)
        )  # somebody else, meanwhile
        with pytest.raises(Refused, match="somebody else"):
            approval.withdraw(session, mine, by="operator:1", now=MORNING, reason="x")


def test_two_who_look_at_once_keep_their_findings_once(each_sessions, settings) -> None:
    with each_sessions.begin() as session:
        issue = add_issue(session)
        looked_at = render.rendered(issue)
    found = [findings.Finding("subject", "pass", "In order.")]

    def keep() -> None:
        with each_sessions.begin() as session:
            context.store_findings(session, issue.id, found, looked_at, now=MORNING)

    keep()
    other = Thread(target=keep)
    with each_sessions.begin() as session:
        context.store_findings(session, issue.id, found, looked_at, now=MORNING)
        session.flush()
        other.start()
        while db.dialect_of(session) == "postgresql" and not session.scalar(WAITING):
            pass  # SQLite lets nobody begin while we write
    other.join()
    with db.reading(each_sessions) as session:
        assert len(session.scalars(select(Check)).all()) == 1


def test_every_issue_state_has_its_moves_written_down() -> None:
    assert set(states.ISSUE_MOVES) == {"draft", "approved", "dispatching", "dispatched", "held", "withdrawn"}
    assert not states.issue_allowed("draft", "dispatching")
    assert not states.issue_allowed("withdrawn", "approved")
