"""Without the lab's own packages its commands say in one sentence what to install."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.shell import ROOT

WITHOUT = """
import sys
sys.modules["sklearn"] = None  # as if it were not installed
sys.argv = ["newsletter", *sys.argv[1:]]
from newsletter.cli.main import main
main()
"""


@pytest.mark.parametrize(
    "words",
    [
        ["evaluate", "clusters", "rows.jsonl"],
        ["bench", "group"],
        ["replay", "--from", "2026-01-01", "--to", "2026-01-02"],
    ],
)
@pytest.mark.slow
def test_what_to_install_is_said(words: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT, *words], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr.startswith("Measuring needs scikit-learn, which production does without.")
    assert "requirements-lab.lock" in done.stderr
    assert done.stdout == ""
