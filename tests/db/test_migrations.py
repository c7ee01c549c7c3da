"""The tables: reversible migrations, the same on both databases, and models == head."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from procrastinate.schema import SchemaManager
from sqlalchemy import Engine, inspect, select, text

from newsletter import db
from newsletter.db import queue_tables
from newsletter.db.models import Base, Notice, Subscriber
from newsletter.delivery import notices
from newsletter.errors import DatabaseError
from newsletter.subscribers import erasure
from tests.conftest import MORNING
from tests.subscribers.readers import make_reader


def test_models_are_head(each_engine: Engine) -> None:
    with each_engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "include_name": queue_tables.is_ours}
        )
        assert compare_metadata(context, Base.metadata) == []


def test_every_migration_can_be_undone_and_done_again(each_engine: Engine) -> None:
    db.downgrade(each_engine, "base")
    assert set(inspect(each_engine).get_table_names()) <= {"alembic_version"}
    db.upgrade(each_engine)
    db.require_head(each_engine)


def test_an_unmigrated_database_says_what_to_run(tmp_path) -> None:
    engine = db.make_engine(f"sqlite:///{tmp_path}/empty.db")
    with pytest.raises(DatabaseError, match="db upgrade"):
        db.require_head(engine)


def test_a_newer_database_is_refused(each_engine: Engine) -> None:
    with each_engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num='9999'"))
    with pytest.raises(DatabaseError, match="newer than this program"):
        db.require_head(each_engine)
    with pytest.raises(DatabaseError, match="newer than this program"):
        db.upgrade(each_engine)


def test_many_rows_go_in_as_sqlalchemy_reads_them_back(each_engine) -> None:
    sessions = db.make_sessions(each_engine)
    names = (
        "id",
        "address",
        "address_hash",
        "person_hash",
        "asked_at",
        "confirmed_at",
        "hour",
        "zone",
        "cadence",
    )
    names += ("consent_from", "consent_words", "consent_version", "imported")
    rest = (6, "Asia/Tokyo", "daily", "", "", "", False)
    moment = datetime(2026, 3, 2, 10, 0, 0, 5, tzinfo=UTC)
    with sessions.begin() as session:
        # A null in the first row must not hide that the column holds moments.
        db.insert_many(
            session,
            Subscriber,
            names,
            [(1, "a@b.c", "1", "1", moment, None, *rest), (2, "d@e.f", "2", "2", moment, moment, *rest)],
        )
    with db.reading(sessions) as session:
        found = session.scalars(select(Subscriber).order_by(Subscriber.id)).all()
    assert [(s.asked_at, s.confirmed_at) for s in found] == [(moment, None), (moment, moment)]


def test_the_number_of_an_erased_reader_and_of_their_notice_is_never_given_again(each_sessions) -> None:
    numbers = []
    for _ in range(2):
        make_reader(each_sessions, MORNING)
        with each_sessions.begin() as session:
            reader = session.scalars(select(Subscriber)).one()
            notices.queue(
                session, "welcome", key=f"w{reader.id}", due_at=MORNING, subscriber_id=reader.id, values={}
            )
            numbers += [reader.id, session.scalars(select(Notice.id)).one()]
            erasure.erase(session, reader, now=MORNING)
    assert (numbers[2] > numbers[0], numbers[3] > numbers[1]) == (True, True)


def test_a_table_that_others_point_to_is_rebuilt_without_losing_a_row(each_sessions, each_engine) -> None:
    make_reader(each_sessions, MORNING)
    with each_sessions.begin() as session:
        number = session.scalars(select(Subscriber.id)).one()
        notices.queue(session, "welcome", key="w", due_at=MORNING, subscriber_id=number, values={})
    db.downgrade(each_engine, "0005")
    db.upgrade(each_engine)
    with each_sessions() as session:
        assert session.scalars(select(Notice.subscriber_id)).all() == [number]
        kept = session.scalars(select(Subscriber)).one()
        assert kept.confirmed_at is not None


def _queue_of(connection) -> tuple[list[str], list[str]]:
    """Columns and functions of the queue, and nothing of how they came to be."""
    columns = text(
        "SELECT table_name || '.' || column_name || ' ' || data_type || coalesce(column_default, '') || is_nullable"
        " FROM information_schema.columns WHERE table_name LIKE 'procrastinate%' ORDER BY 1"
    )
    functions = text("SELECT proname || prosrc FROM pg_proc WHERE proname LIKE 'procrastinate%' ORDER BY 1")
    return list(connection.scalars(columns)), list(connection.scalars(functions))


def test_the_queues_tables_come_with_an_upgrade_and_go_with_a_downgrade(each_engine: Engine) -> None:
    if not db.has_server(each_engine):
        assert not [n for n in inspect(each_engine).get_table_names() if n.startswith("procrastinate")]
        return
    with each_engine.begin() as connection:
        made = _queue_of(connection)
        assert len(made[0]) > 20
        assert queue_tables.bring_up(connection) == []  # nothing is left to do
        connection.execute(text("INSERT INTO procrastinate_workers DEFAULT VALUES"))
    db.downgrade(each_engine, "0005")
    with each_engine.begin() as connection:
        assert _queue_of(connection) == ([], [])
        kinds = text("SELECT count(*) FROM pg_type WHERE typname LIKE 'procrastinate%'")
        assert connection.scalar(kinds) == 0
    db.upgrade(each_engine)
    with each_engine.connect() as connection:
        assert _queue_of(connection) == made


@pytest.mark.postgres
def test_a_new_version_of_the_queue_does_only_what_is_missing(postgres_url, tmp_path) -> None:
    engine = db.make_engine(postgres_url)
    db.upgrade(engine)
    real = Path(SchemaManager.get_migrations_path()) / queue_tables.BEFORE_COMMENTS
    new = tmp_path / "03.99.00_01_pre_new.sql"
    new.write_text("ALTER TABLE procrastinate_jobs ADD COLUMN colour text DEFAULT '50%'; SELECT 1")
    with engine.begin() as connection:
        connection.execute(text("COMMENT ON TABLE procrastinate_jobs IS NULL"))  # made by us before 0006
        assert queue_tables.bring_up(connection, steps=[real, new]) == [new.name]
        assert queue_tables.bring_up(connection, steps=[real, new]) == []
        assert connection.scalar(text("SELECT count(colour) FROM procrastinate_jobs")) == 0
    engine.dispose()


def test_constraints_indexes_and_sequences_are_named_after_their_tables(each_engine: Engine) -> None:
    """0014 renames tables; what is named after them must follow, or a later migration finds it under another name on each database."""
    names = (
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace UNION SELECT conname FROM pg_constraint"
        if db.has_server(each_engine)
        else "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL"
    )
    with each_engine.connect() as connection:
        found = " ".join(connection.scalars(text(names)))
    assert "pk_pending_request" in found
    for old in (
        "wish",
        "knock",
        "spent_token",
        "story_telling",
        "telling_id",
        "link_look",
        "heard_",
        "looked_at",
    ):
        assert old not in found
