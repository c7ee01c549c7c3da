"""Errors around the program (a port in use, an unusable database, a full disk) end in a sentence and an exit code."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import URL, make_url

from newsletter import db
from newsletter.clock import parse_moment
from newsletter.db import error_messages
from newsletter.errors import SettingsError
from tests.shell import ROOT, Shell

NOW = ("--now", "2026-03-02T10:00Z")
TINY = "size=600k"  # a database with tables fits, a day's Articles do not


@pytest.fixture
def say(tmp_path: Path, shell: Shell):
    """Runs ``python -m newsletter`` in a folder of its own; the refusal's last line comes back."""

    def run(*words: str, code: int, **env: str) -> str:
        done = shell(*words, cwd=tmp_path, env={"PATH": "/usr/bin:/bin", **env})
        assert done.returncode == code, done.stderr
        assert "Traceback" not in done.stderr + done.stdout
        assert 'File "' not in done.stderr
        last = done.stderr.strip().splitlines()[-1]
        assert last[0].isupper() or last.startswith(("--", "c.toml", "rows.jsonl, line", "rows.jsonl: ")), (
            last
        )
        return last

    return run


@pytest.fixture
def taken() -> Iterator[str]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield str(listener.getsockname()[1])


@pytest.fixture
def migrated(tmp_path: Path, _migrated_sqlite: Path) -> Path:
    file = tmp_path / "data" / "n.db"
    file.parent.mkdir()
    shutil.copy(_migrated_sqlite, file)
    return file


@pytest.mark.slow
def test_a_place_that_is_not_ours_to_serve_at(say, migrated: Path) -> None:
    said = say("web", "--host", "203.0.113.1", code=8, DATABASE_URL=f"sqlite:///{migrated}")
    assert said.startswith("Nothing can be served at 203.0.113.1, port 8000: "), "no other program has it"


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("why", "ann"), 2),
        (("db", "upgrade", "--revision", "nowhere"), 4),
        (("db", "upgrade", "--revision", ""), 2),
        (("issue", "decide", "2026-03-02", "--id", "9" * 20, "--as", "arrived", "--reason", "x"), 2),
        (("issue", "decide", "2026-03-02", "--batch-of", "9" * 20, "--as", "arrived", "--reason", "x"), 2),
        (("issue", "withdraw-correction", "9" * 20, "--reason", "x"), 2),
        (("bench", "web", "--rate", "nan"), 2),
        (("bench", "web", "--seconds", "nan"), 2),
        (("bench", "dispatch", "--latency", "nan"), 2),
        (("bench", "dispatch", "--provider", "smtp", "--workers", "2"), 2),
        (("bench", "dispatch", "--connections", "2"), 2),
        (("evaluate", "stability", "nothing.jsonl", "--every", "nan"), 2),
        (("evaluate", "stability", "nothing.jsonl", "--every", "inf"), 2),
    ],
)
def test_what_makes_no_sense_is_no_defect_of_ours(
    say, migrated: Path, words: tuple[str, ...], code: int
) -> None:
    said = say(*words, code=code, DATABASE_URL=f"sqlite:///{migrated}")
    assert "defect" not in said


def test_a_correction_that_is_no_utf_8(say, migrated: Path, tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_bytes("Das Café war zu.".encode("latin-1"))
    words = ("issue", "correct", "2026-03-02", "--text", "text.txt", "--yes")
    said = say(*words, code=7, DATABASE_URL=f"sqlite:///{migrated}")
    assert said == "Nothing was done: the text of the correction is not in UTF-8."


@pytest.mark.parametrize(
    ("words", "row", "refused"),
    [
        (("clusters",), '{"id":"\\ud800","title":"a","text":"b","date":null}', "half a character"),
        (("neutral",), '{"articles":[{"title":"a","text":"A bridge \\uDFFF opened."}]}', "half a character"),
        (("neutral",), '{"articles": 3}', "'articles' is missing or no list"),
        (("stability",), '{"id":1,"title":"a","text":"b","date":"9999-12-31"}', "of the year 9999"),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_rows_that_cannot_be_measured(
    say, tmp_path: Path, words: tuple[str, ...], row: str, refused: str
) -> None:
    (tmp_path / "rows.jsonl").write_text(row + "\n")
    out = ("--out", "out.jsonl") if words != ("stability",) and "label" not in row else ()
    said = say("evaluate", *words, "rows.jsonl", *out, code=1)
    assert refused in said


def test_whole_characters_beyond_the_first_plane_are_measured(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text('{"id":"\\ud83d\\ude00","title":"a","text":"b","date":null}\n')
    words = ("evaluate", "clusters", "rows.jsonl", "--out", "out.jsonl")
    done = shell(*words, cwd=tmp_path, env={"PATH": "/usr/bin:/bin"})
    assert done.returncode == 0, done.stderr
    assert "\U0001f600" in (tmp_path / "out.jsonl").read_text()


def test_a_backup_of_nothing_is_none(say, tmp_path: Path) -> None:
    say("issue", "list", code=4, DATABASE_URL="sqlite:///n.db")  # leaves an empty file
    said = say("db", "backup", "kept/copy.db", code=4, DATABASE_URL="sqlite:///n.db")
    assert said == "The database has no tables yet: there is nothing to back up."
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(("kept", "copy"))] == []


def test_a_backup_that_fails_leaves_nothing_half_behind(say, tmp_path: Path) -> None:
    (tmp_path / "n.db").write_text("dear diary, " * 200)
    say("db", "backup", "copy.db", code=4, DATABASE_URL="sqlite:///n.db")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["n.db"]


@pytest.mark.slow
def test_control_c_stops_with_its_own_code(migrated: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "newsletter", "schedule"]
    env = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), "DATABASE_URL": f"sqlite:///{migrated}"}
    env["OUTLETS_FILE"] = str(tmp_path / "never.toml")
    os.mkfifo(env["OUTLETS_FILE"])  # it waits there for us

    def heard() -> None:  # also where the tests run in a shell's background, which is deaf to it
        signal.signal(signal.SIGINT, signal.SIG_DFL)

    with (
        subprocess.Popen(
            command, cwd=tmp_path, env=env, stderr=subprocess.PIPE, text=True, preexec_fn=heard
        ) as going,
        open(env["OUTLETS_FILE"], "w"),  # opens when the other side does
    ):
        going.send_signal(signal.SIGINT)
        _, said = going.communicate(timeout=60)
    assert (going.returncode, said.strip().splitlines()[-1]) == (130, "Stopped.")


def test_a_taken_port(say, taken: str, tmp_path: Path) -> None:
    said = say("run", "--sample", "--port", taken, code=8)
    assert said.startswith(f"Port {taken} is taken by another program")
    assert said.endswith("Use --port N.")
    assert list(tmp_path.iterdir()) == [], "nothing was begun"


def test_a_taken_port_for_the_site(say, taken: str, migrated: Path) -> None:
    assert f"Port {taken} is taken" in say(
        "web", "--port", taken, code=8, DATABASE_URL=f"sqlite:///{migrated}"
    )


@pytest.mark.parametrize(
    "words",
    [("schedule",), ("why", "ann@example.com")],
    ids=lambda w: w[0],
)
def test_a_database_without_tables(say, words: tuple[str, ...]) -> None:
    said = say(*words, code=4, DATABASE_URL="sqlite:///n.db")
    assert said == "The database has no tables yet. Run: python -m newsletter db upgrade"


@pytest.mark.parametrize("words", [("schedule",), ("db", "upgrade")])
def test_a_database_of_a_newer_program(say, migrated: Path, words: tuple[str, ...]) -> None:
    with sqlite3.connect(migrated) as connection:
        connection.execute("UPDATE alembic_version SET version_num = 'ffff_from_the_future'")
    said = say(*words, code=4, DATABASE_URL=f"sqlite:///{migrated}")
    assert "ffff_from_the_future" in said


def test_a_file_that_is_no_database(say, tmp_path: Path) -> None:
    (tmp_path / "n.db").write_text("dear diary, " * 200)
    said = say("run", "--once", "--sample", *NOW, code=4, DATABASE_URL="sqlite:///n.db")
    assert said == "The database file is not a SQLite database."


@pytest.mark.skipif(not os.path.exists("/proc/1/mounts"), reason="needs Linux's /proc")
def test_a_folder_that_may_not_be_written(say) -> None:
    """/proc refuses new files even to root."""
    said = say("run", "--once", "--sample", *NOW, code=4, DATABASE_URL="sqlite:////proc/newsletter/n.db")
    assert said.startswith("The folder of the database cannot be made")
    said = say("run", "--once", "--sample", *NOW, code=4, DATABASE_URL="sqlite:////proc/n.db")
    assert said.startswith("The database file cannot be opened")


@pytest.fixture
def tiny_disk(tmp_path: Path, migrated: Path) -> Iterator[Path]:
    """A disk of 600 KB, with the database on it."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", TINY, "tmpfs", str(disk)], capture_output=True, text=True
    )
    if mounted.returncode:
        pytest.skip(f"no tmpfs may be mounted here: {mounted.stderr.strip()}")
    try:
        shutil.copy(migrated, disk / "n.db")
        yield disk
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


def test_a_full_disk(say, tiny_disk: Path) -> None:
    said = say("run", "--once", "--sample", *NOW, code=4, DATABASE_URL=f"sqlite:///{tiny_disk}/n.db")
    assert said.startswith("The disk is full")
    engine = db.make_engine(f"sqlite:///{tiny_disk}/n.db")
    with engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"
    engine.dispose()


@pytest.mark.slow
def test_a_question_that_nobody_can_answer_is_answered_with_no(migrated: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "newsletter", "db", "restore", "copy.db"]
    env = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), "DATABASE_URL": f"sqlite:///{migrated}"}
    done = subprocess.run(
        command, cwd=tmp_path, env=env, capture_output=True, text=True, preexec_fn=lambda: os.close(0)
    )
    assert (done.returncode, done.stderr.strip().splitlines()[-1]) == (1, "Nothing was done.")


def test_a_backup_onto_a_full_disk_blames_that_disk_and_not_the_database(
    say, tiny_disk: Path, migrated: Path
) -> None:
    said = say("db", "backup", "disk/copy.db", code=4, DATABASE_URL=f"sqlite:///{migrated}")
    assert said == "The backup cannot be written: the disk of disk/copy.db is full."
    assert [p.name for p in tiny_disk.iterdir()] == ["n.db"]


def test_full_standard_output(shell: Shell, tmp_path: Path) -> None:
    done = shell("settings", cwd=tmp_path, env={"PATH": "/usr/bin:/bin"}, out="/dev/full")
    assert done.returncode == 1
    assert "No space left on device." in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("outlet = [", 3, "not TOML"),
        ('[[outlet]]\nname = "A"\n', 3, "c.toml, line"),
        (None, 3, "c.toml"),
        (
            '[[outlet]]\nname = "A"\nhomepage = "https://a.example/"\nlean = "left"\nfeeds = ["http://127.0.0.1:1/f"]\n',
            5,
            "feeds could be",
        ),
    ],
)
def test_a_catalogue_that_cannot_be_used_or_reached(
    say, migrated: Path, tmp_path: Path, text: str | None, code: int, words: str
) -> None:
    if text is not None:
        (tmp_path / "c.toml").write_text(text)
    said = say("step", "gather", *NOW, code=code, DATABASE_URL=f"sqlite:///{migrated}", OUTLETS_FILE="c.toml")
    assert words in said


@pytest.mark.parametrize(
    "now", ["yesterday", "2026-02-30", "", "2026-03-02T25:00Z", "0001-01-01T00:00+14:00", "9999-12-31"]
)
def test_what_is_no_moment(now: str) -> None:
    with pytest.raises(SettingsError, match=r"^--now: .* is not a moment such as 2025-08-25T20:30Z$"):
        parse_moment(now)


@pytest.mark.parametrize("now", ["", "0001-01-01T00:00+14:00"])
def test_a_broken_now(say, migrated: Path, now: str) -> None:
    said = say("issue", "check", "2026-03-02", "--now", now, code=2, DATABASE_URL=f"sqlite:///{migrated}")
    assert said == f"--now: '{now}' is not a moment such as 2025-08-25T20:30Z"


@pytest.mark.parametrize("words", [("schedule",), ("run", "--once", "--sample", *NOW)])
def test_postgresql_out_of_reach(say, words: tuple[str, ...]) -> None:
    url = "postgresql://ann:hidden-word@127.0.0.1:1/news"
    said = say(*words, code=4, DATABASE_URL=url)
    assert said == "The database server cannot be reached. Check DATABASE_URL and that it runs."


@pytest.mark.postgres
def test_postgresql_that_lets_nobody_more_in(say, postgres_url: str) -> None:
    """Too many of our role, at our database, of all but the superuser, and of all."""
    boss = make_url(postgres_url).set(drivername="postgresql")
    ours = boss.set(username=boss.database)
    crowd: list[psycopg.Connection[Any]] = []

    def come(url: URL) -> None:
        crowd.append(psycopg.connect(url.render_as_string(hide_password=False), autocommit=True))

    def fill(url: URL) -> None:
        while True:
            come(url)

    def refused() -> str:
        said = say("schedule", code=4, DATABASE_URL=ours.render_as_string(hide_password=False))
        return str(said)

    come(boss)
    do = crowd[0].execute
    do(f"CREATE ROLE {ours.username} LOGIN CONNECTION LIMIT 0")
    try:
        heard = [refused()]
        do(f"ALTER ROLE {ours.username} CONNECTION LIMIT -1")
        do(f"ALTER DATABASE {ours.database} CONNECTION LIMIT 0")
        heard.append(refused())
        do(f"ALTER DATABASE {ours.database} CONNECTION LIMIT -1")
        for who in (ours, boss):
            with pytest.raises(psycopg.OperationalError):
                fill(who)
            heard.append(refused())
    finally:
        for guest in crowd[1:]:
            guest.close()
        do(f"DROP ROLE {ours.username}")
        crowd[0].close()
    assert set(heard) == {error_messages.TOO_MANY_CONNECTIONS}
    assert error_messages.TOO_MANY_CONNECTIONS.startswith("The database server takes no more connections")


@pytest.mark.parametrize("word", ["hidden-word", "hidden%40word:1", "hidden@word"])
def test_settings_show_no_password_of_an_address(shell: Shell, tmp_path: Path, word: str) -> None:
    env = {"PATH": "/usr/bin:/bin", "DATABASE_URL": f"postgresql+psycopg://ann:{word}@db.example:5432/news"}
    for words in (("settings",), ("settings", "--json")):
        done = shell(*words, cwd=tmp_path, env=env)
        assert "postgresql+psycopg://ann:***@db.example:5432/news" in done.stdout
        assert "hidden-" not in done.stdout + done.stderr
        assert word not in done.stdout + done.stderr


@pytest.mark.parametrize("url", ["nonsense", "mysql://127.0.0.1/news"])
def test_an_address_of_no_database_of_ours(say, url: str) -> None:
    assert say("issue", "list", code=4, DATABASE_URL=url).startswith("DATABASE_URL ")
