"""The hub of the command line: every listed command is there, says what it does, and --help imports none of the heavy libraries."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click
import pytest

from newsletter.cli import COMMANDS, SUMMARIES, cli

ROOT = Path(__file__).parent.parent
HEAVY = {
    "apscheduler", "feedparser", "flask", "mjml", "numpy", "pydantic", "pydantic_ai", "scipy", "sendgrid",
    "sklearn", "sqlalchemy", "stripe",
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


def test_help_imports_none_of_the_heavy_libraries() -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOOK], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    help_text, _, loaded = done.stdout.partition("LOADED ")
    assert "Gather, group, summarize" in help_text
    assert "click" in loaded.split()
    assert not HEAVY & set(loaded.split())
