"""The command line: every listed command exists and has a help text, and --help imports none of them."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

import newsletter
from newsletter.cli.main import COMMANDS, SUMMARIES, cli

ROOT = Path(__file__).parents[2]
HEAVY = {
    "feedparser", "flask", "mjml", "numpy", "pydantic", "pydantic_ai", "scipy",
    "cryptography", "sklearn", "sqlalchemy", "stripe",
}  # fmt: skip
LOOK = "import runpy, sys; sys.argv = ['newsletter', '--help']\ntry: runpy.run_module('newsletter', run_name='__main__')\n"
LOOK += "finally: print('LOADED', *sorted({m.split('.')[0] for m in sys.modules}))"


@pytest.mark.parametrize("name", list(COMMANDS))
def test_a_listed_command_is_there_and_its_line_in_help_is_its_own(name: str) -> None:
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    assert command.name == name
    assert SUMMARIES[name] == command.get_short_help_str(200)


def test_help_lists_every_command_and_no_other() -> None:
    assert list(SUMMARIES) == list(COMMANDS)
    assert cli.get_command(click.Context(cli), "nonsense") is None


def commands(found: click.Command) -> Iterator[click.Command]:
    yield found
    if isinstance(found, click.Group):
        context = click.Context(found)
        for name in found.list_commands(context):
            under = found.get_command(context, name)
            assert under is not None
            yield from commands(under)


def test_every_command_and_every_option_says_what_it_is_for() -> None:
    found = list(commands(cli))
    assert len(found) > 40
    assert [c.name for c in found if not c.help] == []
    options = [(c.name, p) for c in found for p in c.params if isinstance(p, click.Option)]
    assert [(name, p.opts) for name, p in options if not p.help] == []


def test_help_imports_none_of_the_heavy_libraries() -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOOK], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    help_text, _, loaded = done.stdout.partition("LOADED ")
    assert "Gather, group, summarize" in help_text
    assert "click" in loaded.split()
    assert not HEAVY & set(loaded.split())


def test_control_c_amid_the_imports_stops_as_it_does_later(tmp_path: Path) -> None:
    (tmp_path / "click.py").write_text("raise KeyboardInterrupt")  # as if it came just then
    done = subprocess.run(
        [sys.executable, "-m", "newsletter", "issue", "list"],
        env={"PYTHONPATH": f"{tmp_path}:{ROOT}"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (130, "Stopped.\n")


def test_the_version_is_the_newest_of_the_changelog() -> None:
    said = CliRunner().invoke(cli, ["--version"]).output.strip()
    changelog = (Path(__file__).parents[2] / "CHANGELOG.md").read_text()
    assert said == f"newsletter {newsletter.__version__}"
    assert re.findall(r"^## (\S+?),? ", changelog, re.M)[0] == newsletter.__version__
