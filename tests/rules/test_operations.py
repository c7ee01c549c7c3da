"""What docs/operations.md tells an operator to type and to set is there."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import click
import pytest

from newsletter.cli.main import cli
from newsletter.jobs.due import GATHER_EVERY
from newsletter.settings import Settings

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "operations.md").read_text()
LINES = re.findall(r"(?:^|[;&|(] ?)newsletter ((?:[a-z-]+ ?)+)([^\n;&#|]*)", TEXT, re.MULTILINE)


def command(words: list[str]) -> tuple[click.Command, list[str]]:
    found: click.Command = cli
    while isinstance(found, click.Group) and words:
        context = click.Context(found)
        following = found.get_command(context, words[0])
        assert following is not None, f"there is no command {' '.join(words)}"
        found, words = following, words[1:]
    return found, words


def test_every_command_it_names_is_one_and_every_option_too() -> None:
    assert len(LINES) > 8
    for names, rest in LINES:
        found, _ = command(names.split())
        known = {opt for p in found.params for opt in p.opts}
        assert set(re.findall(r"--[a-z-]+", rest)) <= known, (names, rest)


def test_no_alarm_rings_between_two_gatherings() -> None:
    alarm = re.search(r"`gather` .*is older than (\d+) minutes", TEXT)
    assert alarm
    assert int(alarm[1]) > GATHER_EVERY.total_seconds() / 60


def test_every_setting_it_names_is_one() -> None:
    named = re.findall(r"^([A-Z][A-Z_]+)=", TEXT, re.MULTILINE)
    assert len(named) > 10
    assert set(named) <= set(Settings.model_fields)


def test_its_settings_are_what_production_starts_with() -> None:
    block = next(b for b in re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL) if "ENVIRONMENT=production" in b)
    given = dict(re.findall(r"^([A-Z_]+)=(.*?)(?: +#.*)?$", block, re.MULTILINE))
    given |= {name: "x" * 40 for name, value in given.items() if value == "…"}
    assert Settings(_env_file=None, **given).unsafe() == []  # type: ignore[call-arg]


def test_the_units_are_understood_by_systemd_and_start_commands_of_ours(tmp_path: Path) -> None:
    unit = re.search(r"```ini\n(.*?)```", TEXT, re.DOTALL)
    assert unit
    started = re.search(r"^ExecStart=(\S+) -m newsletter %i$", unit[1], re.MULTILINE)
    assert started
    for name in set(re.findall(r"newsletter@([a-z]+)", TEXT)):
        command([name])
    verify(tmp_path, {"newsletter@web.service": unit[1].replace(started[1], "/bin/true")})


def test_the_timer_of_the_backups_is_understood_and_its_service_makes_one(tmp_path: Path) -> None:
    service, timer = re.findall(r"```ini\n(\[Unit\]\nDescription=Newsletter, backup.*?)```", TEXT, re.DOTALL)
    shell = re.search(r"^ExecStart=/bin/sh -c '(.*)'$", service, re.MULTILINE)
    assert shell
    command(re.findall(r"-m newsletter ((?:[a-z]+ )+)", shell[1])[0].split())
    written = re.search(r"\S+\.db", shell[1].replace("$(date +%%F)", "2026-03-02"))
    assert written
    swept = re.search(r"^ExecStartPost=\S+/find (\S+) ", service, re.MULTILINE)
    assert swept
    assert written[0].startswith(f"{swept[1]}/"), "what it deletes of is where it writes to"
    verify(tmp_path, {"newsletter-backup.service": service, "newsletter-backup.timer": timer})


def verify(folder: Path, units: dict[str, str]) -> None:
    """Systemd has nothing to say of these."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("no systemd here to ask")
    for name, text in units.items():
        (folder / name).write_text(text)
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *(folder / name for name in units)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr.strip()) == (0, "")
