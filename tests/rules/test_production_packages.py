"""What requirements.lock installs is enough for production: every other package is hidden from the processes started here."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOCKED = re.findall(r"^([a-z0-9][a-z0-9._-]*)==", (ROOT / "requirements.lock").read_text(), re.M)
# Hides every installed package that is not named in argv[1]; then the script that follows runs.
HIDE = """
import re, sys
from importlib.metadata import packages_distributions
locked = set(sys.argv.pop(1).split())
for module, owners in packages_distributions().items():
    if not {re.sub(r"[-_.]+", "-", owner).lower() for owner in owners} & locked:
        sys.modules[module] = None  # an import of it raises ModuleNotFoundError
"""
RUN = "from newsletter.cli.main import main\nmain()\n"
IMPORT_ALL = """
import importlib, pkgutil, newsletter
names = [m.name for m in pkgutil.walk_packages(newsletter.__path__, "newsletter.")]
names = [n for n in names if not n.startswith(("newsletter.lab", "newsletter.__main__"))]
for name in names:
    importlib.import_module(name)
print(len(names))
"""


def start(
    script: str, *words: str, folder: Path, locked: list[str] = LOCKED
) -> subprocess.CompletedProcess[str]:
    """Run ``script`` in ``folder`` with the packages ``locked``, and no others."""
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "TZ": "UTC"}
    return subprocess.run(
        [sys.executable, "-c", HIDE + script, " ".join(locked), *words],
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )


def make_issue(folder: Path, locked: list[str] = LOCKED) -> subprocess.CompletedProcess[str]:
    words = ("run", "--once", "--sample", "--now", "2026-03-02T10:00Z", "--json")
    return start(RUN, *words, folder=folder, locked=locked)


@pytest.mark.slow
def test_production_imports_with_its_own_packages_only(tmp_path: Path) -> None:
    done = start(IMPORT_ALL, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 200


@pytest.mark.slow
def test_an_issue_is_made_and_mailed_with_productions_packages_only(tmp_path: Path) -> None:
    done = make_issue(tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["state"] == "dispatched"


@pytest.mark.slow
def test_a_package_that_another_imports_late_is_missed(tmp_path: Path) -> None:
    """MJML imports css_inline only when it renders, so that no import of ours names it."""
    done = make_issue(tmp_path, [name for name in LOCKED if name != "css-inline"])
    assert done.returncode == 70
    assert "ImportError" in done.stderr
