"""``run --once`` with a catalogue that cannot be used, and with feeds that do not answer: a sentence and an exit code."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.shell import Shell

HOME = {"PATH": "/usr/bin:/bin"}
ONE = '[[outlet]]\nname = "A"\nhomepage = "https://a.example/"\nlean = "left"\nfeeds = ["{}"]\n'


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        (ONE.format("ftp://a.example/f"), 3, ["c.toml, line 5", "neither http nor https"]),
        ("outlet = [", 3, ["c.toml, line 1", "not TOML"]),
        (ONE.format("http://127.0.0.1:1/f"), 5, ["feed"]),
        (ONE.format("https://a.example/f") + "enabled = false\n", 5, ["feed"]),
    ],
)
def test_run_once_refuses(shell: Shell, tmp_path: Path, text: str, code: int, words: list[str]) -> None:
    (tmp_path / "c.toml").write_text(text)
    words_given = ("run", "--once", "--outlets", "c.toml", "--now", "2026-03-02T10:00Z")
    done = shell(*words_given, cwd=tmp_path, env=HOME)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    last = done.stderr.strip().splitlines()[-1]
    assert last.endswith(".")
    for word in words:
        assert word in last
    assert "sample" not in done.stdout, "never a silent fallback"


def test_check_says_when_every_outlet_is_switched_off(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text(ONE.format("https://a.example/f") + "enabled = false\n")
    done = shell("feeds", "check", "--outlets", "c.toml", cwd=tmp_path, env=HOME)
    assert done.returncode == 5
    assert "switched off" in done.stderr
