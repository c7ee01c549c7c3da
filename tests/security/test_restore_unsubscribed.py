"""After a restore, people who unsubscribed after the backup stay unsubscribed, and nobody gets an Issue twice."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import Engine, select

from newsletter import db
from newsletter.app import create_app
from newsletter.cli import database, opening
from newsletter.cli.main import cli
from newsletter.db import backup
from newsletter.db.models import AuditEntry, Delivery, Issue, Rendition, Subscriber, Subscription, Suppression
from newsletter.delivery import approval, events, notices
from newsletter.delivery.fence import Fence, Fenced
from newsletter.delivery.mail.messages import content_hash
from newsletter.delivery.providers.protocol import ProviderEvent
from newsletter.errors import NewsletterError, Refused
from newsletter.jobs import pipeline
from newsletter.jobs.tick import tick
from newsletter.settings import Settings
from newsletter.subscribers import erasure
from newsletter.subscribers.tokens import UNSUBSCRIBE
from newsletter.subscribers.unsubscribing import restore, unsubscribe_log
from tests.clocks import Hands
from tests.delivery.mailing import Postbox, add_issue
from tests.security.test_machine_troubles import client_programs  # noqa: F401 - a fixture
from tests.subscribers.readers import link_for, make_reader
from tests.web.sample_site import service_with

COMPOSE = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)  # 04:30 in New York
EARLY = (
    "ann",
    "bob",
    "cyd",
    "dee",
    "eve",
    "flo",
    "gus",
    "hal",
)  # their hour has come when the Issue is ready
LATE = ("late1", "late2", "late3")  # noon in New York


class Deployment:
    """The whole service on one database, its clock moved by hand, its mail counted by person and Issue."""

    def __init__(self, engine: Engine, settings: Settings, folder: Path) -> None:
        self.engine, self.folder = engine, folder
        url = engine.url.render_as_string(hide_password=False)
        self.settings = settings.model_copy(update={"DATABASE_URL": url})
        self.sessions = db.make_sessions(engine)
        self.hands = Hands(COMPOSE)
        self.got: Counter[tuple[str, str]] = Counter()
        self.names: Counter[str] = Counter()  # what a Message-ID is made of
        self.box = Postbox(before=self._count)
        service = service_with(self.sessions, self.settings, self.hands)
        self.parts = opening.open_sample(replace(service, provider=self.box))
        for name in EARLY + LATE:
            hour = 12 if name in LATE else 3
            make_reader(self.sessions, COMPOSE, f"{name}@example.com", hour=hour, zone="America/New_York")

    def _count(self, messages) -> None:
        for message in messages:
            self.names[message.reference] += 1
            if message.reference.startswith("delivery:"):
                self.got[message.to.split("@")[0], message.template.subject] += 1

    def steps(self, *names: str) -> None:
        """What is due of mail at this moment."""
        for name in names or ("dispatch", "settle", "lapse"):
            with suppress(Fenced):
                pipeline.run_step(self.parts, name, due_at=self.hands.at)

    def issue_of(self, day: date, subject: str) -> None:
        """Made, approved, frozen and on its way."""
        with self.sessions.begin() as session:
            issue = add_issue(session, now=self.hands.at, on=day)
            for rendition in session.scalars(select(Rendition).where(Rendition.issue_id == issue.id)):
                rendition.subject = subject
                said = (subject, rendition.html, rendition.text, rendition.preheader)
                rendition.content_hash = content_hash(*said)
            session.flush()
            given = {"by": "test", "now": self.hands.at, "settings": self.settings, "findings": []}
            approval.approve(session, issue, **given)
        self.steps()

    def until(self, moment: datetime) -> None:
        if self.hands.at == COMPOSE < moment:
            self.issue_of(date(2026, 3, 2), "Today")
        self.hands.at = moment
        self.steps()

    def next_day(self) -> None:
        """The Issue of the day after, until everybody's hour has passed."""
        self.hands.at = COMPOSE + timedelta(days=1)
        self.issue_of(date(2026, 3, 3), "The next day")
        self.hands.at += timedelta(hours=8)
        self.steps()

    def who_got(self, count: int = 1) -> set[str]:
        """Who got so many Issues in all."""
        people = Counter(name for name, _ in self.got)
        return {name for name, n in people.items() if n == count}

    def nobody_twice(self) -> bool:
        return set(self.got.values()) <= {1}

    def back_up(self) -> Path:
        copy = self.folder / f"copy-{self.hands.at:%H%M}"
        backup.backup(self.settings.DATABASE_URL, copy)
        return copy

    def reader(self, name: str) -> Subscriber | None:
        with db.reading(self.sessions) as session:
            return session.scalars(
                select(Subscriber).where(Subscriber.address == f"{name}@example.com")
            ).one_or_none()

    def unsubscribes(self, name: str) -> None:
        reader = self.reader(name)
        assert reader
        site = create_app(self.settings, sessions=self.sessions, clock=self.hands).test_client()
        link = link_for(reader, UNSUBSCRIBE, self.hands.at)
        answer = site.post(f"/unsubscribe/{link}", data={"List-Unsubscribe": "One-Click"})
        assert answer.status_code == 200

    def welcomes(self, name: str) -> None:
        reader = self.reader(name)
        assert reader
        with self.sessions.begin() as session:
            notices.queue(session, "welcome", key=name, due_at=self.hands.at, subscriber_id=reader.id)
        self.hands.at += timedelta(minutes=1)
        self.steps("settle")

    def reported(self, name: str, kind: str, bounce: str | None = None) -> None:
        with db.reading(self.sessions) as session:
            line = select(Delivery.id).join(Subscriber).where(Subscriber.address == f"{name}@example.com")
            number = session.scalars(line.order_by(Delivery.id.desc())).first()
        event = ProviderEvent(f"{kind}-{name}", f"delivery:{number}", kind, self.hands.at, bounce)
        events.run(self.sessions, [event], provider="postbox", now=self.hands.at)

    def erased(self, name: str) -> None:
        reader = self.reader(name)
        assert reader
        with self.sessions.begin() as session:
            erasure.erase(session, session.get_one(Subscriber, reader.id), now=self.hands.at)

    def paused(self, name: str, until: date) -> None:
        reader = self.reader(name)
        assert reader
        with self.sessions.begin() as session:
            session.get_one(Subscriber, reader.id).paused_until = until

    def everybody_leaves(self) -> None:
        """In each way there is."""
        self.unsubscribes("ann")
        self.reported("bob", "complained")
        self.reported("cyd", "bounced", "hard")
        self.erased("dee")
        self.paused("eve", date(2026, 3, 20))

    def restore(self, copy: Path, **more) -> database.Restored:
        self.engine.dispose()
        return database.restore_backup(self.settings, copy, now=self.hands.at, **more)

    def confirm(self, **more):
        return database.confirm_database(self.sessions, self.settings, now=self.hands.at, **more)


@pytest.fixture
def deployment(each_engine: Engine, settings: Settings, tmp_path: Path, client_programs: None) -> Deployment:
    return Deployment(each_engine, settings, tmp_path)


@pytest.fixture
def small_deployment(engine: Engine, settings: Settings, tmp_path: Path) -> Deployment:
    """On SQLite."""
    return Deployment(engine, settings, tmp_path)


STAY = {"flo", "gus", "hal"}


def test_who_left_after_the_backup_stays_gone_and_nobody_gets_an_issue_twice(deployment: Deployment) -> None:
    """The backup is taken when half of the readers have today's Issue; the others get it, five leave, it is put back."""
    deployment.until(COMPOSE + timedelta(hours=1))
    assert deployment.who_got() == set(EARLY)
    copy = deployment.back_up()
    deployment.everybody_leaves()
    deployment.until(COMPOSE + timedelta(hours=8))
    assert deployment.who_got() == set(EARLY + LATE)
    done = deployment.restore(copy)
    assert done.doubt is None
    (brought,) = done.brought
    assert (brought.left, brought.suppressed, brought.erased, brought.paused) == (1, 3, 1, 1)
    assert brought.handed_over == len(LATE)
    assert list(deployment.settings.LEAVING_DIR.glob("restore-*")) == [], "taken up"
    with pytest.raises(Fenced):
        deployment.parts.service.dispatch(date(2026, 3, 2))
    deployment.confirm()
    with (
        deployment.sessions.begin() as session
    ):  # the operator lets it go on: whoever had it does not get it again
        issue = session.scalars(select(Issue)).one()
        assert issue.state == "held"
        approval.resume(session, issue, by="test", now=deployment.hands.at)
    deployment.next_day()
    assert deployment.nobody_twice()
    assert deployment.who_got(2) == STAY | set(LATE), "the next day's goes to who stayed"
    assert deployment.who_got(1) == {"ann", "bob", "cyd", "dee", "eve"}
    ann = deployment.reader("ann")
    assert ann
    assert ann.unsubscribed_at is not None
    assert deployment.reader("dee") is None
    with db.reading(deployment.sessions) as session:
        reasons = Counter(session.scalars(select(Suppression.reason)))
        assert reasons == {"complained": 1, "bounced": 1, "erased": 1}
        acts = session.scalars(select(AuditEntry.act)).all()
        assert {"database.leavers_carried", "database.confirmed", "subscriber.erased"} <= set(acts)


def test_an_issue_that_was_frozen_after_the_backup_is_never_opened_again(deployment: Deployment) -> None:
    """The backup has it approved: confirmed and resumed, it went to everybody a second time."""
    with deployment.sessions.begin() as session:
        issue = add_issue(session, now=deployment.hands.at)
        given = {"by": "test", "now": deployment.hands.at, "settings": deployment.settings, "findings": []}
        approval.approve(session, issue, **given)
    copy = deployment.back_up()
    deployment.steps()
    assert deployment.who_got() == set(EARLY)
    deployment.restore(copy)
    deployment.confirm(without_leavers=True)
    with deployment.sessions.begin() as session, pytest.raises(Refused, match="copies of it went out"):
        approval.resume(session, session.get_one(Issue, issue.id), by="test", now=deployment.hands.at)
    deployment.hands.at += timedelta(hours=12)
    deployment.steps()
    assert deployment.nobody_twice()


@pytest.mark.slow
def test_an_issue_made_and_sent_after_the_backup_is_not_made_and_sent_anew(
    small_deployment: Deployment,
) -> None:
    """The whole day by the scheduler's tick, and once more from the copy, which does not know that it was."""
    deployment = small_deployment
    with deployment.sessions.begin() as session:  # something was mailed from here before
        Fence(deployment.sessions, deployment.settings.FENCE_DIR)._require_open(session)
    copy = deployment.back_up()

    def ticking() -> Issue:
        for _ in range(3):
            deployment.hands.at += timedelta(minutes=15)
            tick(deployment.parts, deployment.hands.at)
        with db.reading(deployment.sessions) as session:
            return session.scalars(select(Issue)).one()

    assert ticking().state == "dispatching"
    assert deployment.who_got() == set(EARLY)
    deployment.everybody_leaves()
    assert deployment.restore(copy).doubt is None
    deployment.confirm()
    issue = ticking()
    assert (issue.state, "went out before" in (issue.hold_reason or "")) == ("held", True)
    assert deployment.nobody_twice()
    with deployment.sessions.begin() as session, pytest.raises(Refused, match="it went out before"):
        approval.resume(session, session.merge(issue), by="test", now=deployment.hands.at)
    assert deployment.who_got() == set(EARLY), "today's waits for an operator, who can only withdraw it"
    deployment.next_day()
    assert deployment.nobody_twice()
    assert deployment.who_got(2) == STAY
    assert deployment.who_got(1) == {"ann", "bob", "cyd", "dee", "eve", *LATE}


def test_no_mail_bears_the_name_of_one_that_went_after_the_backup(deployment: Deployment) -> None:
    """A mailbox would take the next day's Issue for today's come twice, and a late bounce of today's would hit the wrong reader."""
    with deployment.sessions.begin() as session:
        Fence(deployment.sessions, deployment.settings.FENCE_DIR)._require_open(session)
    copy = deployment.back_up()
    deployment.until(COMPOSE + timedelta(hours=1))
    deployment.welcomes("ann")
    assert len(deployment.names) == len(EARLY) + 1
    deployment.restore(copy)
    deployment.confirm()
    deployment.welcomes("bob")
    deployment.next_day()
    assert deployment.who_got(2) == set(EARLY)
    assert set(deployment.names.values()) == {1}
    with db.reading(deployment.sessions) as session:
        lines = session.scalars(select(Delivery.id).order_by(Delivery.id)).all()
    assert lines == list(range(lines[0], lines[0] + len(EARLY + LATE)))
    assert lines[0] > 1_000_000_000


def test_an_erased_reader_whose_payment_ended_is_erased_again_although_the_backup_has_them_paying(
    deployment: Deployment,
) -> None:
    deployment.until(COMPOSE + timedelta(hours=1))
    dee = deployment.reader("dee")
    assert dee
    paying = {"processor": "offline", "processor_id": "p1", "status": "active", "paid_until": None}
    moments = dict.fromkeys(("started_at", "changed_at"), COMPOSE)
    with deployment.sessions.begin() as session:
        session.add(Subscription(subscriber_id=dee.id, **paying, **moments))
    copy = deployment.back_up()
    with deployment.sessions.begin() as session:
        session.scalars(select(Subscription)).one().status = "canceled"
    deployment.erased("dee")
    assert deployment.restore(copy).doubt is None
    assert deployment.reader("dee") is None
    with db.reading(deployment.sessions) as session:
        assert session.scalars(select(Subscription)).all() == []


def test_what_was_in_doubt_is_in_doubt_again_and_goes_to_nobody_by_itself(deployment: Deployment) -> None:
    deployment.until(COMPOSE + timedelta(hours=1))
    copy = deployment.back_up()
    with deployment.sessions.begin() as session:
        late = select(Delivery).join(Subscriber).where(Subscriber.address == "late1@example.com")
        line = session.scalars(late).one()
        line.state, line.reason = "uncertain", "nothing was heard"
    done = deployment.restore(copy)
    assert done.brought[0].handed_over == 1
    with db.reading(deployment.sessions) as session:
        line = session.scalars(late).one()
        assert (line.state, line.reason) == ("uncertain", "in doubt before the backup was put back")


def test_a_restore_that_died_is_ended_by_the_confirmation(deployment: Deployment, monkeypatch) -> None:
    """Killed after the backup was put in place and before who left was carried over: nothing is lost, nothing is mailed."""
    deployment.until(COMPOSE + timedelta(hours=1))
    copy = deployment.back_up()
    deployment.everybody_leaves()

    class Killed(BaseException):
        pass

    def die(*_a, **_k) -> None:
        raise Killed

    monkeypatch.setattr(database, "_take_up", die)
    with pytest.raises(Killed):
        deployment.restore(copy)
    monkeypatch.undo()
    ann = deployment.reader("ann")
    assert ann
    assert ann.unsubscribed_at is None, "the backup is in place"
    with pytest.raises(Fenced):
        deployment.parts.service.dispatch(date(2026, 3, 2))
    _, brought = deployment.confirm()
    assert [b.left for b in brought] == [1]
    deployment.next_day()
    assert not deployment.who_got(2) & {"ann", "bob", "cyd", "dee", "eve"}
    assert deployment.nobody_twice()


def test_while_somebody_has_the_database_open_nothing_is_replaced(deployment: Deployment) -> None:
    """What the site wrote in that moment would be lost."""
    deployment.until(COMPOSE)
    copy = deployment.back_up()
    deployment.engine.dispose()
    other = db.make_engine(deployment.settings.DATABASE_URL)
    with other.connect() as connection:
        connection.exec_driver_sql("SELECT count(*) FROM subscriber")
    # It holds no transaction: it only waits in its pool, as a site does.
    for act in (
        lambda: deployment.restore(copy),
        lambda: backup.restore(deployment.settings.DATABASE_URL, copy),
    ):
        with pytest.raises(Refused, match=r"in use.*Nothing was changed"):
            act()
    other.dispose()
    assert list(deployment.settings.LEAVING_DIR.glob("restore-*")) == []
    assert deployment.restore(copy)


def test_a_restore_that_fails_leaves_no_list_behind_that_would_only_age(small_deployment: Deployment) -> None:
    small_deployment.until(COMPOSE)
    copy = small_deployment.back_up()
    small_deployment.unsubscribes("ann")
    database = backup.sqlite_path(small_deployment.settings.DATABASE_URL)
    assert database
    in_the_way = database.with_name(f"{database.name}.restoring")
    in_the_way.mkdir()
    with pytest.raises(OSError, match=in_the_way.name):
        small_deployment.restore(copy)
    assert list(small_deployment.settings.LEAVING_DIR.glob("restore-*")) == []
    reader = small_deployment.reader("ann")
    assert reader is not None
    assert reader.unsubscribed_at is not None
    shutil.rmtree(in_the_way)
    assert small_deployment.restore(copy).brought[0].left == 1


# --- the database as it was cannot be read ---


def ruined(how: str, deployment: Deployment) -> None:
    """What may have become of a database that has to be restored."""
    deployment.engine.dispose()
    file = db.file_of(deployment.engine)
    assert file
    if how == "gone":
        file.unlink()
    elif how == "noise":
        file.write_bytes(os.urandom(20_000))
    elif how == "cut":
        file.write_bytes(file.read_bytes()[: 60 * 4096])
    elif how == "a page overwritten":
        with file.open("r+b") as here:
            here.seek(30 * 4096)
            here.write(b"\x07" * 4096 * 20)
    elif how == "empty":
        file.write_bytes(b"")
    else:  # a new one, on a new disk
        file.unlink()
        engine = db.make_engine(deployment.settings.DATABASE_URL)
        db.upgrade(engine)
        sessions = db.make_sessions(engine)
        make_reader(sessions, COMPOSE, "ann@example.com")
        Fence(sessions, deployment.settings.FENCE_DIR).close("")
        engine.dispose()


RUINS = ("gone", "noise", "cut", "a page overwritten", "empty", "a new one")


@pytest.mark.parametrize("how", RUINS)
def test_while_it_is_not_known_who_left_nobody_is_mailed(small_deployment: Deployment, how: str) -> None:
    deployment = small_deployment
    deployment.until(COMPOSE + timedelta(hours=1))
    copy = deployment.back_up()
    deployment.everybody_leaves()
    ruined(how, deployment)
    done = deployment.restore(copy)
    assert done.doubt
    deployment.hands.at += timedelta(hours=1)
    for _ in range(2):
        with pytest.raises(Refused, match=r"Not confirmed.*--leavers FILE.*--without-leavers"):
            deployment.confirm()
    deployment.next_day()
    assert deployment.who_got(1) == set(EARLY)
    assert not deployment.who_got(2), "nothing was mailed"
    confirmed, _ = deployment.confirm(without_leavers=True)
    assert "not wholly known" in confirmed.reason
    with db.reading(deployment.sessions) as session:
        acts = select(AuditEntry.detail).where(AuditEntry.act == "database.confirmed")
        assert session.scalars(acts).one()["without_leavers"] is True


def test_the_standing_list_keeps_gone_who_left_until_an_hour_ago(small_deployment: Deployment) -> None:
    """Written beside the leavings by each lapse; it is not known who left since, and that is asked."""
    deployment = small_deployment
    deployment.until(COMPOSE + timedelta(hours=1))
    copy = deployment.back_up()
    deployment.everybody_leaves()
    deployment.until(COMPOSE + timedelta(hours=3))
    (standing,) = deployment.settings.LEAVING_DIR.glob("standing-*.leavers")
    assert standing.stat().st_mode & 0o777 == 0o600
    assert "example.com" not in standing.read_text()
    ruined("gone", deployment)
    done = deployment.restore(copy)
    assert done.doubt == "there was no database before"
    assert [(b.left, b.suppressed, b.erased) for b in done.brought] == [(1, 3, 1)]
    with pytest.raises(Refused):
        deployment.confirm()
    deployment.confirm(without_leavers=True)
    deployment.next_day()
    assert not deployment.who_got(2) & {"ann", "bob", "cyd", "dee"}
    assert deployment.who_got(2) >= STAY


def test_the_standing_list_holds_nobody_longer_than_a_backup_may_be_kept(
    small_deployment: Deployment,
) -> None:
    deployment, folder = small_deployment, small_deployment.settings.LEAVING_DIR
    deployment.until(COMPOSE + timedelta(hours=1))
    deployment.unsubscribes("ann")
    deployment.reported("bob", "complained")
    for days, lines in ((34, 2), (36, 0)):
        unsubscribe_log.write_rolling(deployment.sessions, folder, now=COMPOSE + timedelta(days=days))
        (path,) = folder.glob("standing-*")
        assert len(path.read_text().splitlines()) == lines + 2, days
    path.rename(folder / "standing-0123456789abcdef.leavers")  # of a database that nobody goes on with
    for days, left in ((36 + 34, 2), (36 + 36, 1)):
        unsubscribe_log.write_rolling(deployment.sessions, folder, now=COMPOSE + timedelta(days=days))
        assert len(list(folder.glob("standing-*"))) == left


def test_a_copy_that_may_not_mail_does_not_write_over_a_list_that_knows_more(
    small_deployment: Deployment,
) -> None:
    """Put back by hand: the scheduler runs, the fence is shut, and the list is the only one that knows who left."""
    deployment = small_deployment
    deployment.until(COMPOSE + timedelta(hours=1))
    copy = deployment.back_up()
    deployment.everybody_leaves()
    deployment.until(COMPOSE + timedelta(hours=8))  # noon has passed: more was mailed since
    (standing,) = deployment.settings.LEAVING_DIR.glob("standing-*")
    before = standing.read_text()
    deployment.engine.dispose()
    file = db.file_of(deployment.engine)
    assert file
    file.write_bytes(copy.read_bytes())
    deployment.until(COMPOSE + timedelta(hours=11))
    assert standing.read_text() == before
    with pytest.raises(Refused):
        deployment.confirm()
    with pytest.raises(Refused, match="older than what was done"):
        deployment.confirm(lists=[standing])
    ann = deployment.reader("ann")
    assert ann
    assert ann.unsubscribed_at


def test_a_list_written_elsewhere_answers_the_question(small_deployment: Deployment) -> None:
    """``db leavers`` of the last state, taken before the database was lost."""
    deployment = small_deployment
    deployment.until(COMPOSE + timedelta(hours=1))
    copy = deployment.back_up()
    deployment.everybody_leaves()
    mine = deployment.folder / "mine.leavers"
    unsubscribe_log.write(deployment.sessions, mine, now=deployment.hands.at, copies=True)
    ruined("gone", deployment)
    assert deployment.restore(copy, lists=[mine]).doubt is None
    deployment.confirm()
    assert deployment.reader("dee") is None


def test_a_list_that_is_older_or_anothers_or_cut_answers_nothing(small_deployment: Deployment) -> None:
    deployment = small_deployment
    deployment.until(COMPOSE + timedelta(hours=1))
    older = deployment.folder / "older.leavers"
    unsubscribe_log.write(deployment.sessions, older, now=deployment.hands.at)
    deployment.until(COMPOSE + timedelta(hours=2))
    copy = deployment.back_up()
    deployment.unsubscribes("ann")
    later = deployment.folder / "later.leavers"
    unsubscribe_log.write(deployment.sessions, later, now=deployment.hands.at)
    cut = deployment.folder / "cut.leavers"
    for text in (
        later.read_text()[:-20],
        "\n".join(later.read_text().splitlines()[:-1]),
        "",
        "{}",
        "[1]\n2\n",
    ):
        cut.write_text(text)
        with pytest.raises(NewsletterError, match="list of leavers"):
            deployment.restore(copy, lists=[cut])
    assert deployment.reader("ann").unsubscribed_at is not None, "nothing was replaced"  # type: ignore[union-attr]
    foreign = deployment.folder / "foreign.leavers"
    foreign.write_text(later.read_text().replace('"marks": ["', '"marks": ["f'))
    ruined("gone", deployment)
    done = deployment.restore(copy, lists=[older, foreign])
    assert done.doubt
    assert [b.doubt for b in done.brought][-2:] == [
        "the list is older than what was done in this database last",
        "the list is of another database than this backup is",
    ]


def test_a_backup_put_in_the_place_of_a_blind_copy_is_blind_too(small_deployment: Deployment) -> None:
    """The wrong file first, then the right one: what the first did not know the second cannot learn from it."""
    deployment = small_deployment
    deployment.until(COMPOSE + timedelta(hours=1))
    first, copies = deployment.back_up(), []
    deployment.unsubscribes("ann")
    deployment.hands.at += timedelta(minutes=1)
    copies.append(deployment.back_up())
    deployment.unsubscribes("flo")
    ruined("gone", deployment)
    assert deployment.restore(first).doubt
    assert "did not know who left" in (deployment.restore(copies[0]).brought[0].doubt or "")
    with pytest.raises(Refused):
        deployment.confirm()


def test_a_later_wish_for_the_mail_counts_more_than_the_list(
    sessions: db.Sessions, now: datetime, tmp_path
) -> None:
    """Who asked anew after the list was written is no leaver; whoever the list does not name is left alone."""
    anew = make_reader(sessions, now, "a@example.com", unsubscribed_at=now)
    back = make_reader(sessions, now, "b@example.com")
    stays = make_reader(sessions, now, "c@example.com")
    with sessions.begin() as session:
        erasure.erase(session, session.get_one(Subscriber, back.id), now=now)
    path = tmp_path / "some.leavers"
    unsubscribe_log.write(sessions, path, now=now)
    back = make_reader(sessions, now, "b@example.com", asked_at=now + timedelta(hours=1))
    with sessions.begin() as session:
        row = session.get_one(Subscriber, anew.id)
        row.unsubscribed_at, row.confirmed_at = None, now + timedelta(hours=1)
    for _ in range(2):
        restore.apply_log(sessions, path, now=now, by="test")
    with db.reading(sessions) as session:
        assert session.get_one(Subscriber, anew.id).unsubscribed_at is None
        assert session.get(Subscriber, back.id)
        assert session.get_one(Subscriber, stays.id).unsubscribed_at is None


# --- the words an operator reads ---


@pytest.fixture
def type_in(monkeypatch, tmp_path: Path) -> Callable[..., tuple[int, str]]:
    def run(deployment: Deployment, *words: str) -> tuple[int, str]:
        deployment.engine.dispose()
        given = ("DATABASE_URL", "OUTBOX_DIR", "FENCE_DIR", "LEAVING_DIR", "SITE_URL")
        env = {name: str(getattr(deployment.settings, name)) for name in given}
        env["SECRET_KEY"] = deployment.settings.SECRET_KEY.get_secret_value()
        at = ("--now", f"{deployment.hands.at:%Y-%m-%dT%H:%MZ}")
        done = CliRunner().invoke(cli, [*words, *at], env=env)
        said = done.output + (str(done.exception) if done.exception else "")
        return (getattr(done.exception, "exit_code", done.exit_code), said)

    monkeypatch.chdir(tmp_path)
    return run


def test_the_commands_say_it_in_plain_words(small_deployment: Deployment, type_in) -> None:
    deployment = small_deployment
    deployment.until(COMPOSE + timedelta(hours=1))
    copy = deployment.back_up()
    deployment.everybody_leaves()
    code, said = type_in(deployment, "db", "restore", "--yes", str(copy))
    assert code == 0
    assert (
        "Carried over: 1 who unsubscribed, 3 addresses not to be mailed any more, 1 erased, 1 who paused"
        in said
    )
    assert "Nothing is sent from it until you say so: python -m newsletter db confirm" in said
    code, said = type_in(deployment, "db", "confirm")
    assert (code, "Confirmed" in said) == (0, True)
    code, said = type_in(deployment, "db", "leavers", str(deployment.folder / "l"))
    assert (code, "Wrote" in said) == (0, True)
    ruined("gone", deployment)
    code, said = type_in(deployment, "db", "restore", "--yes", str(copy))
    assert code == 0
    assert "WHO LEFT SINCE THIS BACKUP IS NOT WHOLLY KNOWN: there was no database before" in said
    code, said = type_in(deployment, "db", "confirm")
    assert code == 7
    assert "--without-leavers" in said
    code, said = type_in(deployment, "db", "confirm", "--leavers", str(deployment.folder / "l"))
    assert (code, "Confirmed" in said) == (0, True)
