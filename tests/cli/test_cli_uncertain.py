"""What an operator decides by the real command line: uncertain copies, corrections, and whether an Issue goes; and who decided."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import select

from newsletter import db
from newsletter.db.models import AuditEntry, Delivery, Issue
from newsletter.delivery import ledger
from newsletter.delivery.providers.protocol import Outcome, Receipt
from tests.delivery.mailing import MORNING, add_issue, frozen_issue


@pytest.fixture
def say(settings, sessions, shell):
    frozen_issue(sessions, settings, 5)
    with sessions.begin() as session:
        claimed = ledger.claim(session, 1, limit=5, now=MORNING)
        doubt = [Receipt(r.reference, Outcome.UNCERTAIN, reason="it took too long") for r in claimed.rows[:3]]
        fine = [Receipt(r.reference, Outcome.ACCEPTED) for r in claimed.rows[3:]]
        ledger.record(session, claimed, doubt + fine, now=MORNING, provider="sendgrid")
        ledger.move_issue(session, session.get_one(Issue, 1), "dispatched")

    def run(*words: str) -> tuple[int, str]:
        done = shell("issue", *words, env={"DATABASE_URL": settings.DATABASE_URL, "PATH": "/usr/bin:/bin"})
        return done.returncode, done.stdout + done.stderr

    return run


def test_uncertain_copies_are_listed_and_decided(say, sessions) -> None:
    code, said = say("uncertain", "2026-03-02")
    assert (code, said.count("it took too long")) == (0, 3)
    assert "@" not in said
    assert [one["delivery_id"] for one in json.loads(say("uncertain", "2026-03-02", "--json")[1])] == [
        1,
        2,
        3,
    ]
    assert (
        say(
            "decide", "2026-03-02", "--id", "1", "--as", "arrived", "--reason", "in their log", "--by", "Ann"
        )[0]
        == 0
    )
    assert say("decide", "2026-03-02", "--id", "2", "--as", "given-up", "--reason", "too late")[0] == 0
    assert say("decide", "2026-03-02", "--all", "--as", "once-more", "--reason", "not in their log")[0] == 0
    with db.reading(sessions) as session:
        states = session.scalars(select(Delivery.state).order_by(Delivery.id)).all()
        assert states == ["accepted", "withdrawn", "pending", "accepted", "accepted"]
        assert session.get_one(Issue, 1).state == "dispatching"
        assert "Ann" in session.scalars(select(AuditEntry.by)).all()


def test_all_that_were_handed_over_together_are_decided_at_once(say, sessions) -> None:
    assert "batch of 1: 3 copies handed over" in say("uncertain", "2026-03-02")[1]
    said = say("decide", "2026-03-02", "--batch-of", "2", "--as", "arrived", "--reason", "in their log")
    assert said[0] == 0, said
    with db.reading(sessions) as session:
        assert set(session.scalars(select(Delivery.state))) == {"accepted"}
    assert say("decide", "2026-03-02", "--batch-of", "2", "--as", "arrived", "--reason", "again")[0] == 9


def test_one_copy_is_said_to_be_one_and_a_provider_without_a_name_to_have_none(say, sessions) -> None:
    for number in (1, 2):
        say("decide", "2026-03-02", "--id", str(number), "--as", "arrived", "--reason", "in their log")
    assert "batch of 3: 1 copy handed over to sendgrid together" in say("uncertain", "2026-03-02")[1]
    with sessions.begin() as session:
        session.get_one(Delivery, 3).provider = None
    said = say("uncertain", "2026-03-02")[1]
    assert "1 copy handed over to an unnamed provider together" in said


@pytest.mark.slow
def test_a_correction_is_looked_at_then_owed_then_mailed_by_the_settle_step(say, sessions, tmp_path) -> None:
    words = tmp_path / "words.txt"
    words.write_text("We wrote Monday.\n\nIt is Tuesday.")
    dry = say("correct", "2026-03-02", "--text", str(words), "--dry-run")
    assert (dry[0], "5 readers got this issue" in dry[1], "It is Tuesday." in dry[1]) == (0, True, True)
    assert "Nothing was sent" in dry[1]
    done = say("correct", "2026-03-02", "--text", str(words), "--yes", "--now", "2026-03-02T11:00Z")
    assert (done[0], "owed to 5" in done[1]) == (0, True)
    assert say("correct", "2026-03-02", "--text", str(words), "--yes")[0] == 7
    shown = json.loads(say("show", "2026-03-02", "--json")[1])["corrections"]
    assert [(c["owed"], c["states"]) for c in shown] == [(5, {"pending": 5})]
    assert "correction 1, approved" in say("show", "2026-03-02")[1]
    assert say("withdraw-correction", "1", "--reason", "worse")[0] == 0
    assert say("withdraw-correction", "9", "--reason", "worse")[0] == 9
    assert say("correct", "2026-03-03", "--text", str(words), "--yes")[0] == 9


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--id", "4", "--as", "once-more", "--reason", "x"), 9),  # accepted: nothing to decide
        (("--id", "77", "--as", "arrived", "--reason", "x"), 9),
        (("--as", "arrived", "--reason", "x"), 2),
        (("--all", "--id", "1", "--as", "arrived", "--reason", "x"), 2),
        (("--all", "--as", "arrived"), 2),
        (("--all", "--as", "whatever", "--reason", "x"), 2),
    ],
)
def test_what_cannot_be_decided_is_refused(say, sessions, words, code) -> None:
    assert say("decide", "2026-03-02", *words)[0] == code
    with db.reading(sessions) as session:
        assert session.scalars(select(Delivery.state)).all().count("uncertain") == 3


@pytest.fixture
def draft(settings, sessions, shell):
    """``issue …`` about a draft that no Check was made for."""
    with sessions.begin() as session:
        add_issue(session)

    def run(*words: str) -> int:
        env = {"DATABASE_URL": settings.DATABASE_URL, "PATH": "/usr/bin:/bin"}
        done = shell("issue", words[0], "2026-03-02", *words[1:], env=env)
        assert "Traceback" not in done.stderr, done.stderr
        return done.returncode

    return run


def _who(sessions) -> list[tuple[str, str]]:
    with db.reading(sessions) as session:
        return [(e.act, e.by) for e in session.scalars(select(AuditEntry).order_by(AuditEntry.id))]


def test_whoever_decides_may_put_their_name_under_it(draft, sessions) -> None:
    when = ("--now", "2026-03-02T10:00Z")
    assert draft("approve", "--despite", "I read it", "--by", " Ann  Lee ", *when) == 0
    assert draft("hold", "--by", "Bo", *when) == 0
    assert draft("resume", "--by", "Cy", *when) == 0
    assert draft("withdraw", "--by", "Di", *when) == 0
    assert _who(sessions) == [
        ("issue.approved", "Ann Lee"),
        ("issue.held", "Bo"),
        ("issue.resumed", "Cy"),
        ("issue.withdrawn", "Di"),
    ]
    with db.reading(sessions) as session:
        assert session.get_one(Issue, 1).approved_by == "Ann Lee"


def test_who_gives_no_name_decided_on_the_command_line(draft, sessions) -> None:
    assert draft("approve", "--despite", "I read it") == 0
    assert draft("hold") == draft("resume") == draft("withdraw") == 0
    assert {by for _, by in _who(sessions)} == {"command line"}


@pytest.mark.parametrize(
    "name", ["operator:1", *(pytest.param(name, marks=pytest.mark.slow) for name in ("", " ", "auto"))]
)
@pytest.mark.parametrize(
    "words",
    [
        ("approve", "--despite", "I read it"),
        ("hold",),
        ("resume",),
        ("withdraw",),
        ("decide", "--all", "--as", "arrived", "--reason", "x"),
        ("correct", "--text", "-", "--yes"),
    ],
    ids=lambda w: w[0],
)
def test_nobody_signs_as_the_machine_as_whom_the_desk_signed_in_or_as_nobody(
    draft, sessions, words: tuple[str, ...], name: str
) -> None:
    assert draft(*words, "--by", name) == 2
    assert _who(sessions) == []
