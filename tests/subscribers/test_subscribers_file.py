"""Readers from a file: each line taken or refused with its reason, twice without a change, and out again unharmed."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import given, strategies
from sqlalchemy import delete, func, select

from newsletter import db
from newsletter.cli.main import cli
from newsletter.cli.subscribers import _said
from newsletter.db.models import AuditEntry, Notice, Subscriber, Suppression
from newsletter.errors import NewsletterError
from newsletter.settings import Settings
from newsletter.subscribers import import_export
from newsletter.subscribers.access import Access, Facts, access
from newsletter.subscribers.addresses import address_hash
from newsletter.subscribers.import_export import ImportReport
from newsletter.subscribers.subscriber_csv import (
    BadRow,
    FileError,
    Reading,
    Row,
    column_map,
    consent_of,
    decode,
    escaped,
    read_rows,
)
from tests.conftest import MORNING

KEY = "a-key-for-the-tests-of-32-letters-or-more"
HEADER = "address,consent_at,consent_from,consent_words\n"
PROVED = ',2025-06-01T08:00Z,the old list,"Yes, mail me."\n'


def _rows(text: str) -> list[Row | BadRow]:
    return list(read_rows(text, Reading(zone="America/New_York", now=MORNING)))


def _only(text: str) -> Row | BadRow:
    (row,) = _rows(text)
    return row


Take = Callable[..., ImportReport]


@pytest.fixture
def take(each_sessions: db.Sessions, settings: Settings, now: datetime) -> Take:
    def taken(text: str, **more: Any) -> ImportReport:
        return import_export.import_file(
            each_sessions, text, settings=settings, now=now, by="command line", **more
        )

    return taken


def _everybody(sessions: db.Sessions) -> list[Subscriber]:
    with db.reading(sessions) as session:
        return list(session.scalars(select(Subscriber).order_by(Subscriber.id)))


def _file(sessions: db.Sessions, now: datetime) -> str:
    with db.reading(sessions) as session:
        return "".join(import_export.export_file(session, now=now))


def test_proved_consent_is_taken_over_word_for_word_without_a_trial(
    take: Take, each_sessions: db.Sessions, now: datetime
) -> None:
    text = "Email;hour;zone;cadence;topics;" + HEADER[8:].replace(",", ";")
    text += 'Ann+x@Example.COM;17;Europe/Paris;Weekly;science|world;2025-06-01T10:00+02:00;a fair;"Yes; ""mail"" me"\n'
    report = take(text)
    assert (report.rows, report.imported, report.refused, report.unproved) == (1, 1, (), ())
    (reader,) = _everybody(each_sessions)
    assert reader.address == "Ann+x@example.com"
    assert reader.address_hash == address_hash(KEY, "ann+x@example.com")
    assert reader.confirmed_at == reader.asked_at == datetime(2025, 6, 1, 8, tzinfo=UTC)
    assert (reader.consent_from, reader.consent_words) == ("a fair", 'Yes; "mail" me')
    assert (reader.hour, reader.zone, reader.cadence) == (17, "Europe/Paris", "weekly")
    assert reader.topics == ["World", "Science"]
    assert (reader.imported, reader.trial_started_at) == (True, None)
    assert access(Facts(reader.trial_started_at), now=now) is Access.METERED
    with db.reading(each_sessions) as session:
        assert session.scalars(select(Notice)).all() == []  # nobody is mailed by an import
        assert session.scalars(select(AuditEntry.detail)).one() == {"imported": 1, "refused": 0}


@pytest.mark.parametrize("without", ["consent_at", "consent_from", "consent_words"])
def test_half_a_proof_confirms_nobody(
    take: Take, each_sessions: db.Sessions, now: datetime, without: str
) -> None:
    given_ = {"consent_at": "2025-06-01", "consent_from": "a fair", "consent_words": "Yes"} | {without: " "}
    report = take(f"address,{','.join(given_)}\nann@example.com,{','.join(given_.values())}\n")
    assert report.unproved == ((2, f"no {without}"),)
    (reader,) = _everybody(each_sessions)
    assert (reader.confirmed_at, reader.asked_at, reader.trial_started_at) == (None, now, None)


def test_a_second_run_changes_nothing_and_a_dry_one_never(
    take: Take, each_sessions: db.Sessions, now: datetime
) -> None:
    text = HEADER + "".join(f"r{n}@example.com{PROVED}" for n in range(1_203))
    seen: list[tuple[int, int]] = []
    dry = take(text, dry_run=True, progress=lambda done, of, what: seen.append((done, of)))
    assert (dry.imported, dry.dry_run) == (1_203, True)
    assert seen == [(500, 1_203), (1_000, 1_203), (1_203, 1_203)]
    assert _everybody(each_sessions) == []
    assert take(text).imported == 1_203
    before = _file(each_sessions, now)
    again = take(text.replace("the old list", "somewhere else"))
    assert (again.imported, again.known, again.refused) == (0, 1_203, ())
    assert _file(each_sessions, now) == before
    with db.reading(each_sessions) as session:
        assert session.scalar(select(func.count()).select_from(AuditEntry)) == 1


def test_who_was_suppressed_or_left_does_not_come_back(
    take: Take, each_sessions: db.Sessions, now: datetime
) -> None:
    with each_sessions.begin() as session:
        for name, why in (("a", "bounced"), ("b", "complained"), ("c", "erased"), ("d", "operator")):
            hashed = address_hash(KEY, f"{name}@example.com")
            session.add(Suppression(address_hash=hashed, reason=why, suppressed_at=now))
    take(HEADER + f"e@example.com{PROVED}")
    with each_sessions.begin() as session:
        session.scalars(select(Subscriber)).one().unsubscribed_at = now
    report = take(HEADER + "".join(f"{name.upper()}@Example.com{PROVED}" for name in "abcde"))
    assert (report.imported, report.known) == (0, 1)
    assert [line for line, _ in report.refused] == [2, 3, 4, 5]
    assert "suppressed (erased)" in report.refused[2][1]
    (left,) = _everybody(each_sessions)
    assert left.unsubscribed_at == now


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("ann", "@"),
        ("", ""),
        (" ,2025-06-01,x,y", "type your email"),
        ("ann@example.org,soon,x,y", "consent_at is not a moment"),
        ("ann@example.org,2999-01-01,x,y", "consent_at lies in the future"),
        ("ann@example.org,0001-01-01T00:00+14:00,x,y", "consent_at is not a moment"),
        ("ann@example.org,2025-06-01,x,y,z", "5 cells, but the header names 4"),
        (f"ann@example.org,2025-06-01,x,{'y' * 2_001}", "consent_words is longer"),
        ("ann@example.org\x1b,2025-06-01,x,y", "control characters"),
    ],
)
def test_a_line_that_cannot_be_taken_has_its_reason(line: str, reason: str) -> None:
    rows = _rows(f"{HEADER}{line}\nbo@example.com{PROVED}")
    assert isinstance(rows[-1], Row)
    assert rows[-1].line == 3
    if not reason:  # an empty line is none
        assert len(rows) == 1
        return
    assert isinstance(rows[0], BadRow)
    assert rows[0].line == 2
    assert reason in rows[0].reason
    assert "example.org" not in rows[0].reason


@pytest.mark.parametrize(
    ("column", "cell", "reason"),
    [
        ("hour", "24", "hour is not"),
        ("hour", "-1", "hour is not"),
        ("hour", "٣", "hour is not"),
        ("hour", "6.5", "hour is not"),
        ("zone", "Mars/Olympus", "zone is not an IANA time zone such as America/New_York: 'Mars/Olympus'"),
        ("zone", "../etc/passwd", "zone is not"),
        ("cadence", "hourly", "cadence is neither"),
        ("topics", "World|Gossip", "topics names another"),
        ("unsubscribed_at", "never", "unsubscribed_at is not"),
    ],
)
def test_a_wish_we_cannot_keep_is_refused(column: str, cell: str, reason: str) -> None:
    row = _only(f"address,{column}\nann@example.com,{cell}\n")
    assert isinstance(row, BadRow)
    assert reason in row.reason


def test_the_same_address_twice_is_taken_once_and_lines_are_an_editors() -> None:
    text = f'{HEADER}"ann@example.com",2025-06-01,x,"two\nlines"\n\nANN@example.com{PROVED}bo@example.com{PROVED}'
    rows = _rows(text)
    assert [type(r) for r in rows] == [Row, BadRow, Row]
    assert [r.line for r in rows] == [2, 5, 6]
    assert isinstance(rows[1], BadRow)
    assert rows[1].reason == "the same address as in line 2"


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        ("ä@example.com".encode(), None),
        ("ä@example.com".encode("utf-8-sig"), None),
        ("ä@example.com".encode("utf-16"), None),
        ("ä@example.com".encode("windows-1252"), "windows-1252"),
    ],
)
def test_what_spreadsheets_write_is_read(body: bytes, encoding: str | None) -> None:
    assert decode(body, encoding) == "ä@example.com"


@pytest.mark.parametrize(
    ("body", "encoding", "said"),
    [
        (b"address\n\nk\xe4the@example.com\n", None, "Line 3 is not in UTF-8"),
        (b"\xff\xfea", None, "UTF-16"),
        (b"address", "klingon", "no such encoding"),
    ],
)
def test_an_unknown_encoding_is_not_guessed(body: bytes, encoding: str | None, said: str) -> None:
    with pytest.raises(FileError, match=said):
        decode(body, encoding)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "empty"),
        ("\n \n", "empty"),
        ("name,mail\nAnn,ann@example.com\n", "no column 'address'"),
        ("address,hour,hour\n", "twice: hour"),
        ("email,address\n", "twice: address"),
        ('address\n"ann@example.com\n', "Line 2: not CSV"),
        ("address\n\x00", "NUL"),
        ("address\n" + "x" * 200_000, "Line 2: not CSV"),
    ],
)
def test_a_file_that_is_no_use_is_refused_whole(text: str, said: str) -> None:
    with pytest.raises(FileError, match=said):
        _rows(text)


def test_an_export_is_run_by_no_spreadsheet_and_comes_in_again_as_it_was(
    take: Take, each_sessions: db.Sessions, now: datetime, settings: Settings
) -> None:
    words = ["=1+1", "+1", "-1", "@SUM(A1)", "'=quoted", " =late", "''+x", 'plain, "said" he', "＝１"]
    out = io.StringIO(newline="")
    table = csv.writer(out)
    table.writerow(["address", "consent_at", "consent_from", "consent_words"])
    for n, said in enumerate(words):
        table.writerow([f"+r{n}@example.com", "2025-06-01", said, said])
    assert take(out.getvalue()).imported == len(words)
    text = _file(each_sessions, now)
    cells = [cell for row in csv.reader(io.StringIO(text, newline="")) for cell in row]
    assert not [c for c in cells if c.lstrip(" ").startswith(("=", "+", "-", "@", "\t", "\r", "\n", "＝"))]
    kept = {r.address: r.consent_words for r in _everybody(each_sessions)}
    with each_sessions.begin() as session:
        for reader in session.scalars(select(Subscriber)):
            session.delete(reader)
    assert take(text).imported == len(words)
    assert {r.address: r.consent_words for r in _everybody(each_sessions)} == kept
    assert _file(each_sessions, now) == text


@given(strategies.text())
def test_guarding_a_cell_is_undone_by_reading_it(cell: str) -> None:
    from newsletter.subscribers.subscriber_csv import _unescaped

    assert _unescaped(escaped(cell)) == cell
    assert not escaped(cell).startswith(("=", "+", "-", "@", "\t", "\r", "\n"))


# ---- what a file says against mailing


def _who_may_be_mailed(sessions: db.Sessions, now: datetime) -> dict[str, str]:
    """The reader's name → ``mail``, or why there is none."""
    with db.reading(sessions) as session:
        against = dict(session.execute(select(Suppression.address_hash, Suppression.reason)).all())
        found = {}
        for r in session.scalars(select(Subscriber)):
            paused = r.paused_until is not None and r.paused_until > now.date()
            why = against.get(r.address_hash) or ("left" if r.unsubscribed_at else "paused" if paused else "")
            found[r.address.partition("@")[0]] = why or ("mail" if r.confirmed_at else "unconfirmed")
        return found


def test_our_own_export_stops_the_same_readers_where_it_is_imported(
    take: Take, each_sessions: db.Sessions, now: datetime
) -> None:
    names = ("kim", "lou", "ned", "pat", "sue")
    take(HEADER + "".join(f"{name}@example.com{PROVED}" for name in names))
    with each_sessions.begin() as session:
        for reader in session.scalars(select(Subscriber)):
            name = reader.address.partition("@")[0]
            if why := {"kim": "complained", "ned": "bounced", "pat": "operator"}.get(name):
                session.add(Suppression(address_hash=reader.address_hash, reason=why, suppressed_at=now))
            if name == "lou":
                reader.paused_until = now.date() + timedelta(days=9_000)
    expected = {"kim": "complained", "lou": "paused", "ned": "bounced", "pat": "operator", "sue": "mail"}
    assert _who_may_be_mailed(each_sessions, now) == expected
    text = _file(each_sessions, now)
    with each_sessions.begin() as session:
        session.execute(delete(Subscriber))
        session.execute(delete(Suppression))
    dry = take(text, dry_run=True)
    assert dry.stopped == {"complained": 1, "paused": 1, "bounced": 1, "operator": 1}
    assert take(text).stopped == dry.stopped
    assert _who_may_be_mailed(each_sessions, now) == expected
    assert _file(each_sessions, now) == text


@pytest.mark.parametrize(
    ("columns", "cells", "becomes"),
    [
        ("subscribed_to_emails,deleted_at", "true,", "mail"),  # Ghost
        ("subscribed_to_emails,deleted_at", "false,", "left"),
        ("subscribed_to_emails,deleted_at", "true,2025-07-01T00:00Z", "left"),
        ("email_disabled,plan", "false,other", "mail"),  # Substack
        ("email_disabled,plan", "TRUE,other", "left"),
        ("UNSUB_TIME,CLEAN_TIME", ",", "mail"),  # Mailchimp
        ("UNSUB_TIME,CLEAN_TIME", "2025-07-01 10:11:12,", "left"),
        ("UNSUB_TIME,CLEAN_TIME", "last spring,", "left"),
        ("UNSUB_TIME,CLEAN_TIME", ",2025-07-01 10:11:12", "bounced"),
        ("Status", "active", "mail"),  # beehiiv
        ("Status", "Inactive", "left"),
        ("Status", "invalid", "bounced"),
        ("Status", "pending", "unconfirmed"),
        ("status", "enabled", "mail"),  # listmonk
        ("status", "blocklisted", "operator"),
        ("type", "regular", "mail"),  # Buttondown
        ("type", "unactivated", "unconfirmed"),
        ("type", "undeliverable", "bounced"),
        ("unsubscription_date", "2025-07-01", "left"),
        ("status,complained", "active,yes", "complained"),
        ("status", "on the moon", "unconfirmed"),
        ("status,paused", "active,yes", "unconfirmed"),
    ],
)
def test_what_another_service_says_against_mailing_counts(
    take: Take, each_sessions: db.Sessions, now: datetime, columns: str, cells: str, becomes: str
) -> None:
    consent = "consent_at,consent_from,consent_words"
    report = take(f"Email,{columns},{consent}\nann@example.com,{cells},2025-06-01,a fair,Yes\n")
    assert (report.imported, report.refused) == (1, ())
    assert _who_may_be_mailed(each_sessions, now) == {"ann": becomes}
    if becomes == "unconfirmed":
        assert cells.split(",")[-1] in report.unproved[0][1], "the spelling is named"


def test_columns_are_mapped_and_consent_stated(
    take: Take, each_sessions: db.Sessions, now: datetime, settings: Settings
) -> None:
    text = "Address,Mail,Joined on,time zone\n1 High Street,ann@example.com,2024-01-02,europe/paris\n"
    columns = column_map(["Address=", "Mail=address", "joined on=consent_at"])
    consent = consent_of("I want the letter, and no more, 2023-05-01", now=now)
    report = take(text, reading=Reading("UTC", now, columns, consent))
    assert (report.imported, report.unproved, report.ignored_columns) == (1, (), ("Address",))
    (reader,) = _everybody(each_sessions)
    assert reader.confirmed_at == datetime(2024, 1, 2, tzinfo=UTC), "the column counts before the statement"
    assert (reader.consent_from, reader.consent_words) == (
        "stated at the import",
        "I want the letter, and no more",
    )
    assert reader.zone == "Europe/Paris"


@pytest.mark.parametrize("pair", ["joined", "=address", "joined=birthday"])
def test_a_map_to_no_column_of_ours_is_refused(pair: str) -> None:
    with pytest.raises(FileError, match="not a column"):
        column_map([pair])


@pytest.mark.parametrize(
    "said", ["I want it", "I want it, soon", ", 2024-01-01", "I want it, 2999-01-01", "I want it, "]
)
def test_a_consent_without_words_or_date_is_refused(said: str) -> None:
    with pytest.raises(FileError):
        consent_of(said, now=MORNING)


# ---- the command


@pytest.fixture
def run(
    settings: Settings, sessions: db.Sessions, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[..., Result]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL", settings.DATABASE_URL)
    monkeypatch.setenv("SECRET_KEY", KEY)
    monkeypatch.setenv("OUTBOX_DIR", str(tmp_path / "outbox"))

    def ran(*words: str) -> Result:
        return CliRunner().invoke(
            cli, ["subscribers", *words, "--now", (MORNING + timedelta(days=1)).isoformat()]
        )

    return ran


def test_the_command_imports_and_exports(run: Callable[..., Result], tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text(f"{HEADER}ann@example.com{PROVED}bo@example.com\nnobody\n", "utf-8-sig")
    dry = run("import", "in.csv", "--dry-run")
    assert dry.exit_code == 7, "a row was refused"
    assert "3 rows: 2 would be imported, of them 1 not confirmed; 0 known already; 1 refused." in dry.output
    assert "line 4: refused" in dry.output
    taken = run("import", "in.csv", "--json")
    told = json.loads(taken.stdout)
    assert taken.exit_code == 7
    assert (told["imported"], told["known"], [line for line, _ in told["refused"]]) == (2, 0, [4])
    assert run("export", "out.csv").exit_code == 0
    out = tmp_path / "out.csv"
    assert out.stat().st_mode & 0o777 == 0o600
    assert out.read_bytes().startswith(b"\xef\xbb\xbfaddress,")
    assert list(tmp_path.glob(".*")) == []
    again = run("export", "out.csv")
    assert isinstance(again.exception, NewsletterError)
    assert "--force" in str(again.exception)
    before = out.read_bytes()
    assert run("export", "out.csv", "--force").exit_code == 0
    assert out.read_bytes() == before
    whole = run("import", "out.csv", "--json")
    assert (json.loads(whole.stdout)["known"], whole.exit_code) == (2, 0)
    assert run("export", "-").stdout.splitlines()[1].startswith("ann@example.com,2025-06-01T08:00:00+00:00")


@pytest.mark.parametrize("name", ["missing.csv", "."])
def test_the_command_says_what_it_cannot_read(run: Callable[..., Result], name: str) -> None:
    result = run("import", name)
    assert isinstance(result.exception, NewsletterError)


def test_one_row_is_said_to_be_one() -> None:
    report = ImportReport(
        rows=1, imported=1, known=0, refused=(), unproved=(), ignored_columns=(), dry_run=False
    )
    assert _said(Path("a.csv"), report).startswith("1 row: 1 imported")
    assert _said(Path("a.csv"), replace(report, rows=2)).startswith("2 rows: 1 imported")
