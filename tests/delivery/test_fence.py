"""A copied, restored or rolled-back database mails nobody until an operator confirms it."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.exc import DBAPIError

from newsletter import db
from newsletter.db import backup
from newsletter.db.models import AuditEntry, Delivery, Instance, Issue, Notice
from newsletter.delivery import approval, dispatch, ledger, notices
from newsletter.delivery.fence import Fence, Fenced
from newsletter.errors import Refused
from tests.delivery.mailing import (
    LINKS,
    MORNING,
    Postbox,
    Ticking,
    audience_of,
    frozen_issue,
    run_dispatch,
    slots_for,
)


def go(sessions, settings, provider, **more) -> dispatch.DispatchReport:
    return run_dispatch(
        sessions,
        provider,
        issue_id=1,
        settings=settings,
        links=LINKS,
        now=Ticking(MORNING),
        slots_for=slots_for,
        **more,
    )


def file_of(sessions) -> Path:
    found = db.file_of(sessions.kw["bind"])
    assert found
    return found


def copied(sessions, to: Path) -> Path:
    """A consistent copy, as a file backup takes it."""
    with closing(sqlite3.connect(file_of(sessions))) as here, closing(sqlite3.connect(to)) as there:
        here.backup(there)
    return to


def put_back(sessions, copy: Path) -> None:
    """Written over the database in place, so that the file stays the same one: the hardest to notice."""
    sessions.kw["bind"].dispose()
    file = file_of(sessions)
    for leftover in (file.with_name(file.name + "-wal"), file.with_name(file.name + "-shm")):
        leftover.unlink(missing_ok=True)
    file.write_bytes(copy.read_bytes())


def test_the_one_that_mailed_goes_on_mailing(each_sessions, settings) -> None:
    frozen_issue(each_sessions, settings, 25)
    box = Postbox()
    assert go(each_sessions, settings, box, limit=10).accepted == 10
    assert Fence(each_sessions, settings.FENCE_DIR).why_closed() is None
    assert go(each_sessions, settings, box).accepted == 15
    with pytest.raises(Refused, match="Nothing to confirm"):
        Fence(each_sessions, settings.FENCE_DIR).confirm(by="test", now=MORNING, today=MORNING.date())


def test_a_copy_put_back_over_the_file_is_noticed(sessions, settings, tmp_path) -> None:
    frozen_issue(sessions, settings, 20)
    box = Postbox()
    go(sessions, settings, box, limit=10)
    copy = copied(sessions, tmp_path / "copy.db")
    go(sessions, settings, box, limit=10)
    put_back(sessions, copy)
    with pytest.raises(Fenced, match=r"older than what is remembered.*db confirm"):
        go(sessions, settings, box)
    assert max(box.taken.values()) == 1
    with db.reading(sessions) as session:  # and it stays known, also to whoever has no memory of it
        assert "older" in (session.get_one(Instance, 1).fenced_because or "")


@pytest.mark.parametrize("how", ["put back", "without its row"])
def test_a_copy_from_before_the_first_mail_is_noticed(sessions, settings, tmp_path, how: str) -> None:
    frozen_issue(sessions, settings, 20)
    older = copied(sessions, tmp_path / "older")
    go(sessions, settings, Postbox())
    if how == "without its row":  # as a release before this one left it
        with closing(sqlite3.connect(older)) as there:
            there.execute("UPDATE instance SET mark = 'another'")
            there.commit()
    put_back(sessions, older)
    box = Postbox()
    with pytest.raises(Fenced, match="before the first mail"):
        go(sessions, settings, box)
    assert box.calls == 0


def test_a_copy_elsewhere_is_noticed_with_and_without_what_lay_beside(sessions, settings, tmp_path) -> None:
    frozen_issue(sessions, settings, 20)
    box = Postbox()
    go(sessions, settings, box, limit=10)
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    copy = copied(sessions, folder / "newsletter.db")
    elsewhere = db.make_sessions(db.make_engine(f"sqlite:///{copy}"))
    with pytest.raises(Fenced):
        go(elsewhere, settings, box)
    beside = file_of(sessions).with_name(file_of(sessions).name + ".fence")
    shutil.copy(beside, folder / "newsletter.db.fence")
    with pytest.raises(Fenced, match="copied, moved or restored"):
        go(elsewhere, settings, box)
    assert sum(box.taken.values()) == 10
    assert go(sessions, settings, box).accepted == 10  # the original is not disturbed
    elsewhere.kw["bind"].dispose()


def test_a_file_that_is_replaced_under_a_running_dispatch_is_noticed(sessions, settings, tmp_path) -> None:
    frozen_issue(sessions, settings, 30)
    copy = copied(sessions, tmp_path / "copy.db")

    def restore_once(messages) -> None:
        if box.calls == 2:
            copy.replace(file_of(sessions))

    box = Postbox(before=restore_once)
    with pytest.raises((Fenced, DBAPIError)):
        go(sessions, settings, box)
    assert box.calls == 2


def test_a_restored_backup_is_closed_and_confirming_holds_what_was_on_its_way(
    sessions, settings, tmp_path
) -> None:
    frozen_issue(sessions, settings, 20)
    with sessions.begin() as session:
        notices.queue(session, "confirm", key="k", due_at=MORNING, subscriber_id=1)
    box = Postbox()
    go(sessions, settings, box, limit=10)
    backup.backup(settings.DATABASE_URL, tmp_path / "b.db")
    go(sessions, settings, box)
    sessions.kw["bind"].dispose()
    backup.restore(settings.DATABASE_URL, tmp_path / "b.db")
    fence = Fence(sessions, settings.FENCE_DIR)
    fence.close()
    with pytest.raises(Fenced, match="restored from a backup"):
        go(sessions, settings, box)
    done = fence.confirm(by="operator:1", now=MORNING, today=MORNING.date())
    assert (done.held, done.let_go) == (1, 1)
    assert go(sessions, settings, box).state == "held"
    assert max(box.taken.values()) == 1
    with sessions.begin() as session:
        assert session.scalars(select(Notice.state)).all() == ["withdrawn"]
        assert session.scalars(select(AuditEntry.by).where(AuditEntry.act == "database.confirmed")).all() == [
            "operator:1"
        ]
        approval.resume(session, session.get_one(Issue, 1), by="operator:1", now=MORNING)
    assert go(sessions, settings, box).accepted == 10  # knowingly


def test_after_confirming_todays_issue_is_not_frozen_by_itself(sessions, settings) -> None:
    frozen_issue(sessions, settings, 3)
    fence = Fence(sessions, settings.FENCE_DIR)
    fence.close()
    fence.confirm(by="test", now=MORNING, today=MORNING.date())
    with sessions.begin() as session:
        session.execute(text("DELETE FROM delivery"))
        session.execute(update(Issue).values(state="approved", frozen_at=None, hold_reason=None))
        issue = session.get_one(Issue, 1)
        assert ledger.freeze(session, issue, audience_of([]), now=MORNING) is False
        assert issue.state == "held"
        assert approval.resume(session, issue, by="test", now=MORNING) == "approved"
        assert ledger.freeze(session, issue, audience_of([]), now=MORNING) is True


def test_notices_wait_behind_the_fence_too(sessions, settings) -> None:
    frozen_issue(sessions, settings, 1)
    with sessions.begin() as session:
        notices.queue(session, "confirm", key="k", due_at=MORNING, subscriber_id=1)
    Fence(sessions, settings.FENCE_DIR).close()
    box = Postbox()
    with pytest.raises(Fenced):
        notices.run(
            sessions,
            box,
            settings=settings,
            links=LINKS,
            now=Ticking(MORNING),
            slots_for=lambda *_: {"confirm_url": "x"},
        )
    assert box.calls == 0


@pytest.mark.postgres
def test_postgresql_restored_into_the_same_place_is_noticed(postgres_url, settings) -> None:
    """As pg_restore --clean leaves it: the same rows in new tables."""
    engine = db.make_engine(postgres_url)
    db.upgrade(engine)
    sessions = db.make_sessions(engine)
    frozen_issue(sessions, settings, 20)
    box = Postbox()
    go(sessions, settings, box, limit=10)
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "CREATE TABLE again (LIKE delivery INCLUDING ALL); INSERT INTO again SELECT * FROM delivery;"
            "ALTER TABLE delivery RENAME TO old; ALTER TABLE again RENAME TO delivery;"
        )
    with pytest.raises(Fenced, match="another place"):
        go(sessions, settings, box)
    assert sum(box.taken.values()) == 10
    engine.dispose()


@pytest.mark.postgres
def test_postgresql_older_than_a_machine_remembers_is_noticed(postgres_url, settings) -> None:
    engine = db.make_engine(postgres_url)
    db.upgrade(engine)
    sessions = db.make_sessions(engine)
    frozen_issue(sessions, settings, 20)
    box = Postbox()
    go(sessions, settings, box, limit=10)
    (beside,) = settings.FENCE_DIR.glob("*.json")
    beside.write_text(
        beside.read_text().replace('"tide": ', '"tide": 9999')
    )  # what it saw before the rollback
    with pytest.raises(Fenced, match="older"):
        go(sessions, settings, box)
    beside.unlink()
    with pytest.raises(Fenced, match="older"):  # told to every machine through the database
        go(sessions, settings, box)
    fence = Fence(sessions, settings.FENCE_DIR)
    known = {"by": "test", "now": MORNING, "today": MORNING.date()}
    with pytest.raises(Refused, match=r"who unsubscribed.*--leavers.*--without-leavers"):
        fence.confirm(**known)
    assert fence.confirm(**known, without_leavers=True).held == 1
    with sessions.begin() as session:
        later = MORNING + timedelta(minutes=1)
        approval.resume(session, session.get_one(Issue, 1), by="test", now=later)
    assert go(sessions, settings, box).accepted == 10
    with db.reading(sessions) as session:
        assert set(session.scalars(select(Delivery.provider))) == {"postbox"}
    engine.dispose()


def test_a_claim_is_on_the_disk_before_anything_leaves(sessions, settings) -> None:
    """Other commits outlive the death of any process; a claim outlives a power cut as well."""
    with Fence(sessions, settings.FENCE_DIR).claiming() as session:
        assert session.scalar(text("PRAGMA synchronous")) == 2  # FULL: the log is synced at each commit
    with sessions.begin() as session:
        assert session.scalar(text("PRAGMA synchronous")) == 1  # NORMAL


@pytest.mark.postgres
def test_a_claim_is_on_the_disk_where_postgresql_was_told_not_to_wait(postgres_url, settings) -> None:
    engine = db.make_engine(postgres_url)
    db.upgrade(engine)
    with engine.begin() as connection:
        name = engine.url.database
        connection.exec_driver_sql(f"ALTER DATABASE {name} SET synchronous_commit = off")
    engine.dispose()
    sessions = db.make_sessions(engine)
    with Fence(sessions, settings.FENCE_DIR).claiming() as session:
        assert session.scalar(text("SHOW synchronous_commit")) == "on"
    with sessions.begin() as session:
        assert session.scalar(text("SHOW synchronous_commit")) == "off"
    engine.dispose()
